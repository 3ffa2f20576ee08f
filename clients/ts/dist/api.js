// How is a request sent? By operation, typed; with a key, a position to be read at, and an access token.
import { ApiError, NoAnswer, problemOf } from "./problem.js";
import { uuidv7 } from "./uuid.js";
/** Longer than a server takes: it answers within 5 s. */
const ANSWER_WITHIN_MS = 15_000;
/** How often what is unknown is sent again before the caller hears so. */
const REPEATS_MAX = 3;
const REPEAT_AFTER_MS = 400;
/** Sends requests to one address. */
export class Api {
    base;
    tokens;
    fetcher;
    /** The position of the last command that succeeded: reads ask for it, so that one reads one's own writes. */
    written;
    constructor(base, tokens = undefined, fetcher = (input, init) => globalThis.fetch(input, init)) {
        this.base = base;
        this.tokens = tokens;
        this.fetcher = fetcher;
    }
    /** Asks once, and again while what became of it is unknown. */
    async call(operation, ask) {
        const key = ask.key ?? uuidv7();
        for (let repeats = 0;; repeats += 1) {
            try {
                return await this.once(operation, { ...ask, key });
            }
            catch (why) {
                const again = why instanceof ApiError && why.isUnknown && why.problem.retryable && repeats < REPEATS_MAX;
                if (!again || ask.signal?.aborted)
                    throw why;
                await new Promise((done) => setTimeout(done, why.retryAfterMs ?? REPEAT_AFTER_MS * 2 ** repeats));
            }
        }
    }
    /** Asks once; a token that is not taken is renewed. */
    async once(operation, ask) {
        const token = await this.tokens?.access();
        let response = await this.#send(operation, ask, token);
        if (response.status === 401 && token !== undefined) {
            const fresh = await this.tokens?.renewed(token);
            if (fresh !== undefined)
                response = await this.#send(operation, ask, fresh);
        }
        if (!response.ok)
            throw new ApiError(await problemOf(response));
        const isCommand = !operation.startsWith("GET ");
        const position = response.headers.get("chat-position");
        if (isCommand && position)
            this.written = position;
        return (await readJson(response));
    }
    async #send(operation, ask, token) {
        const [method, template] = operation.split(" ");
        const headers = new Headers({ accept: "application/json" });
        if (token !== undefined)
            headers.set("authorization", `Bearer ${token}`);
        if (method === "GET") {
            const position = ask.minPosition ?? this.written;
            // Anonymous reads have no writes of their own.
            if (position !== undefined && token !== undefined)
                headers.set("chat-min-position", position);
        }
        else if (token !== undefined && ask.key !== undefined) {
            headers.set("idempotency-key", ask.key);
        }
        const init = { method, headers, cache: "no-store" };
        if (ask.body !== undefined) {
            headers.set("content-type", "application/json");
            init.body = JSON.stringify(ask.body);
        }
        const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
        init.signal = ask.signal ? AbortSignal.any([ask.signal, deadline]) : deadline;
        try {
            return await this.fetcher(this.base + pathOf(template, ask.path, ask.query), init);
        }
        catch (why) {
            throw ask.signal?.aborted ? why : new NoAnswer(why);
        }
    }
}
/** The concrete path. */
function pathOf(template, path, query) {
    const values = (path ?? {});
    const concrete = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
        if (value !== undefined && value !== null)
            search.set(name, String(value));
    }
    return search.size > 0 ? `${concrete}?${search}` : concrete;
}
async function readJson(response) {
    try {
        return await response.json();
    }
    catch (why) {
        // Cut in the middle: it was applied, or read, but nobody knows what it said.
        throw new NoAnswer(why);
    }
}
