// What became of a request that did not succeed? Not applied, or unknown: and only the unknown may be repeated blindly.

import type { Code, Problem } from "./rest.js";

/** A server's answer that is not a success. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
  }

  get code(): Code {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Whether it may have been applied: the same with the same key finds out. */
  get isUnknown(): boolean {
    return this.problem.status >= 500 || this.code === "request-timeout" || this.code === "idempotency-in-flight";
  }

  /** Milliseconds until it may be asked again, where the server says so. */
  get retryAfterMs(): number | undefined {
    return this.problem.retry_after_ms ?? undefined;
  }
}

/** No answer came: cut, timed out, or never sent. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";

  constructor(cause: unknown) {
    super("The server did not answer.", { cause });
  }
}

/** Nobody is signed in, or no longer. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";

  constructor() {
    super("Nobody is signed in.");
  }
}

/** Whether the same request may be sent again, with its key, to find out what became of it. */
export function isUnknown(why: unknown): boolean {
  return why instanceof NoAnswer || (why instanceof ApiError && why.isUnknown);
}

/** The problem that an answer tells; where a proxy answered, what can be told of it. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.code === "string" && typeof problem.status === "number") return problem as Problem;
  } catch {
    // Not ours.
  }
  const { status, statusText } = response;
  const code: Code = status >= 500 ? "overloaded" : status === 404 ? "not-found" : "invalid-request";
  const title = statusText || "No answer of ours";
  return { type: "about:blank", title, status, code, detail: title, retryable: status >= 500 };
}
