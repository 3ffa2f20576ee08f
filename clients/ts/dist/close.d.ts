/** What to do about a close. */
export type Verdict = {
    then: "resume";
}
/** With a fresh token. */
 | {
    then: "refresh";
}
/** With nothing of what was known: positions and numbers are void. */
 | {
    then: "identify-fresh";
}
/** Not by itself: somebody has to do something first. */
 | {
    then: "stop";
    why: Stop;
};
/** Why a client does not come back by itself. */
export type Stop = "signed-out" | "suspended" | "guest-expired" | "too-many-sockets" | "refused" | "outdated";
/** What a client closes with when the other side has stopped answering. */
export declare const ZOMBIE = 4000;
/** What to do about a close with this code. */
export declare function verdict(code: number): Verdict;
