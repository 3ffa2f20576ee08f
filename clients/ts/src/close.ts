// Why did a socket end, and may we come back by ourselves? 4000–4499: reconnect and resume; 4500–4999: do not.

/** What to do about a close. */
export type Verdict =
  | { then: "resume" }
  /** With a fresh token. */
  | { then: "refresh" }
  /** With nothing of what was known: positions and numbers are void. */
  | { then: "identify-fresh" }
  /** Not by itself: somebody has to do something first. */
  | { then: "stop"; why: Stop };

/** Why a client does not come back by itself. */
export type Stop = "signed-out" | "suspended" | "guest-expired" | "too-many-sockets" | "refused" | "outdated";

/** What a client closes with when the other side has stopped answering. */
export const ZOMBIE = 4000;
/** Of a frame that we sent. */
const FRAME_TOO_BIG = 1009;

const VERDICTS: ReadonlyMap<number, Verdict> = new Map<number, Verdict>([
  [4007, { then: "identify-fresh" }],
  [4012, { then: "refresh" }],
  [4500, { then: "stop", why: "signed-out" }],
  [4502, { then: "stop", why: "refused" }],
  [4503, { then: "stop", why: "outdated" }],
  [4504, { then: "stop", why: "signed-out" }],
  [4505, { then: "stop", why: "suspended" }],
  [4506, { then: "stop", why: "too-many-sockets" }],
  [4507, { then: "stop", why: "guest-expired" }],
  [FRAME_TOO_BIG, { then: "stop", why: "refused" }],
]);

/** What to do about a close with this code. */
export function verdict(code: number): Verdict {
  const known = VERDICTS.get(code);
  if (known) return known;
  // Of a later server: the range says what it means.
  return code >= 4500 && code <= 4999 ? { then: "stop", why: "refused" } : { then: "resume" };
}
