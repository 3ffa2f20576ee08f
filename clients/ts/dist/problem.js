// What became of a request that did not succeed? Not applied, or unknown: and only the unknown may be repeated blindly.
/** A server's answer that is not a success. */
export class ApiError extends Error {
    problem;
    name = "ApiError";
    constructor(problem) {
        super(`${problem.status} ${problem.code}: ${problem.detail}`);
        this.problem = problem;
    }
    get code() {
        return this.problem.code;
    }
    get status() {
        return this.problem.status;
    }
    /** Whether it may have been applied: the same with the same key finds out. */
    get isUnknown() {
        return this.problem.status >= 500 || this.code === "request-timeout" || this.code === "idempotency-in-flight";
    }
    /** Milliseconds until it may be asked again, where the server says so. */
    get retryAfterMs() {
        return this.problem.retry_after_ms ?? undefined;
    }
}
/** No answer came: cut, timed out, or never sent. */
export class NoAnswer extends Error {
    name = "NoAnswer";
    constructor(cause) {
        super("The server did not answer.", { cause });
    }
}
/** Nobody is signed in, or no longer. */
export class SignedOut extends Error {
    name = "SignedOut";
    constructor() {
        super("Nobody is signed in.");
    }
}
/** Whether the same request may be sent again, with its key, to find out what became of it. */
export function isUnknown(why) {
    return why instanceof NoAnswer || (why instanceof ApiError && why.isUnknown);
}
/** The problem that an answer tells; where a proxy answered, what can be told of it. */
export async function problemOf(response) {
    const text = await response.text();
    try {
        const problem = JSON.parse(text);
        if (typeof problem.code === "string" && typeof problem.status === "number")
            return problem;
    }
    catch {
        // Not ours.
    }
    const { status, statusText } = response;
    const code = status >= 500 ? "overloaded" : status === 404 ? "not-found" : "invalid-request";
    const title = statusText || "No answer of ours";
    return { type: "about:blank", title, status, code, detail: title, retryable: status >= 500 };
}
