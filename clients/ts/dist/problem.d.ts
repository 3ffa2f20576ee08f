import type { Code, Problem } from "./rest.js";
/** A server's answer that is not a success. */
export declare class ApiError extends Error {
    readonly problem: Problem;
    readonly name = "ApiError";
    constructor(problem: Problem);
    get code(): Code;
    get status(): number;
    /** Whether it may have been applied: the same with the same key finds out. */
    get isUnknown(): boolean;
    /** Milliseconds until it may be asked again, where the server says so. */
    get retryAfterMs(): number | undefined;
}
/** No answer came: cut, timed out, or never sent. */
export declare class NoAnswer extends Error {
    readonly name = "NoAnswer";
    constructor(cause: unknown);
}
/** Nobody is signed in, or no longer. */
export declare class SignedOut extends Error {
    readonly name = "SignedOut";
    constructor();
}
/** Whether the same request may be sent again, with its key, to find out what became of it. */
export declare function isUnknown(why: unknown): boolean;
/** The problem that an answer tells; where a proxy answered, what can be told of it. */
export declare function problemOf(response: Response): Promise<Problem>;
