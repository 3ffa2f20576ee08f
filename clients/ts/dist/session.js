// Who is signed in? Tokens, renewed before they end, by one tab for all.
import { Api } from "./api.js";
import { ApiError, isUnknown } from "./problem.js";
/** An access token that ends sooner than this is renewed before it is used. */
const LEEWAY_MS = 60_000;
/** Kept as long as the process lives. */
export function keptInMemory() {
    let kept;
    return { load: () => kept, save: (next) => void (kept = next) };
}
/** Kept by the browser, shared by its tabs. */
export function keptInBrowser(name) {
    return {
        load: () => {
            const text = localStorage.getItem(name);
            return text === null ? undefined : JSON.parse(text);
        },
        save: (kept) => (kept ? localStorage.setItem(name, JSON.stringify(kept)) : localStorage.removeItem(name)),
        alone: async (work) => {
            // Only in secure contexts; without, the server's own rule for two tabs that race holds.
            if (!navigator.locks)
                return work();
            return (await navigator.locks.request(name, work));
        },
    };
}
/** A sign-in and its tokens. */
export class Session {
    keep;
    #anonymous;
    #renewing;
    #ended = () => undefined;
    constructor(base, keep, fetcher) {
        this.keep = keep;
        this.#anonymous = new Api(base, undefined, fetcher);
    }
    /** Called once the server says that the sign-in is over. */
    onEnd(ended) {
        this.#ended = ended;
    }
    get user() {
        return this.keep.load()?.user;
    }
    /** When the access token ends, in milliseconds of the clock. */
    get expiresAtMs() {
        return this.keep.load()?.expires_at_ms;
    }
    async signIn(body) {
        this.#take(await this.#anonymous.once("POST /v1/sessions", { body }));
    }
    async register(body) {
        this.#take(await this.#anonymous.once("POST /v1/users", { body }));
    }
    async comeAsGuest(body) {
        this.#take(await this.#anonymous.once("POST /v1/guests", { body }));
    }
    /** A guest becomes a registered user, with everything that is his. */
    async upgrade(api, body) {
        this.#take(await api.call("POST /v1/guests/upgrade", { body }));
    }
    /** Takes tokens that another command answered. */
    take(tokens) {
        this.#take(tokens);
    }
    /** Remembers what changed about the person himself. */
    changed(user) {
        const kept = this.keep.load();
        if (kept)
            this.keep.save({ ...kept, user: { ...kept.user, ...user } });
    }
    /** Forgets the sign-in here; at the server it is ended by `DELETE /v1/sessions/current`. */
    forget() {
        this.keep.save(undefined);
    }
    async access() {
        const kept = this.keep.load();
        if (!kept)
            return undefined;
        return kept.expires_at_ms - Date.now() > LEEWAY_MS ? kept.access_token : this.renewed(kept.access_token);
    }
    async renewed(refused) {
        this.#renewing ??= this.#renew(refused).finally(() => (this.#renewing = undefined));
        return this.#renewing;
    }
    async #renew(refused) {
        const work = async () => {
            const kept = this.keep.load();
            if (!kept)
                return undefined;
            // Another tab was first.
            if (kept.access_token !== refused)
                return kept.access_token;
            try {
                const body = { refresh_token: kept.refresh_token };
                const tokens = await this.#anonymous.call("POST /v1/sessions/refresh", { body });
                this.#take(tokens);
                return tokens.access_token;
            }
            catch (why) {
                if (isUnknown(why) || (why instanceof ApiError && why.code === "rate-limited"))
                    throw why;
                this.forget();
                this.#ended();
                return undefined;
            }
        };
        return this.keep.alone ? this.keep.alone(work) : work();
    }
    #take({ access_token, refresh_token, expires_in, user, session }) {
        const expires_at_ms = Date.now() + expires_in * 1_000;
        this.keep.save({ access_token, refresh_token, expires_at_ms, user, session: session.id });
    }
}
