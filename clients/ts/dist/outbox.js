// What was written and is not stored yet? A queue that survives a cut network and a closed page, in order, each once.
import { ApiError, isUnknown } from "./problem.js";
import { uuidv7 } from "./uuid.js";
/** Between two tries of what could not be sent. */
const AGAIN_AFTER_MS = 2_000;
/** What may wait in all rooms together. */
export const WAITING_MAX = 200;
/** Sends one message after the other: what was written first is said first. */
export class Outbox {
    api;
    changed;
    #waiting = [];
    /** Keys of what waits here, or did when it was last written down. */
    #own = new Set();
    #sending = false;
    #timer;
    #isStopped = false;
    constructor(api, 
    /** Called after every change, to show and keep it. */
    changed) {
        this.api = api;
        this.changed = changed;
    }
    get waiting() {
        return this.#waiting;
    }
    /** Goes on with what waited when the page was closed. */
    restore(waiting) {
        const known = new Set(this.#waiting.map(({ key }) => key));
        this.#set([...waiting.filter(({ key }) => !known.has(key)), ...this.#waiting]);
        this.flush();
    }
    /** Takes a message; false when too much waits already. */
    write(room, text, extras = {}) {
        if (this.#waiting.length >= WAITING_MAX)
            return false;
        this.#set([...this.#waiting, { key: uuidv7(), room, text, at_ms: Date.now(), ...extras }]);
        this.flush();
        return true;
    }
    /** The author's own frame came: it is stored, whatever the answer was. */
    stored(key, message) {
        const rest = this.#waiting.filter((one) => one.key !== key && one.message !== message);
        if (rest.length !== this.#waiting.length)
            this.#set(rest);
    }
    /** The room's window has these messages: what was answered and is among them waits no more. */
    shown(room, messages) {
        const isShown = (one) => one.room === room && messages.some(({ id }) => id === one.message);
        const rest = this.#waiting.filter((one) => !isShown(one));
        if (rest.length !== this.#waiting.length)
            this.#set(rest);
    }
    /** Sends what was refused once more, under a new key: the old one stands for the refused request. */
    again(key) {
        this.#set(this.#waiting.map((one) => {
            if (one.key !== key)
                return one;
            const { refused: _, ...rest } = one;
            return { ...rest, key: uuidv7() };
        }));
        this.flush();
    }
    discard(key) {
        this.#set(this.#waiting.filter((one) => one.key !== key));
    }
    /** What is to be kept: what waits here, behind what is kept of other tabs of the user. */
    withOthers(kept) {
        const others = kept.filter(({ key }) => !this.#own.has(key));
        this.#own = new Set(this.#waiting.map(({ key }) => key));
        return [...others, ...this.#waiting];
    }
    /** Nothing more is sent. */
    stop() {
        this.#isStopped = true;
        clearTimeout(this.#timer);
    }
    /** Sends what waits, if that is possible now. */
    flush() {
        clearTimeout(this.#timer);
        if (!this.#sending && !this.#isStopped)
            void this.#send();
    }
    async #send() {
        this.#sending = true;
        let wait;
        for (let next = this.#next(); next && wait === undefined && !this.#isStopped; next = this.#next()) {
            wait = await this.#sendOne(next);
        }
        this.#sending = false;
        if (wait !== undefined && !this.#isStopped)
            this.#timer = setTimeout(() => this.flush(), wait);
    }
    /** The oldest that is neither answered nor refused. */
    #next() {
        return this.#waiting.find((one) => one.message === undefined && one.refused === undefined);
    }
    /** Milliseconds until the next try, when it has to be tried again. */
    async #sendOne({ key, room, text, reply_to, mentions }) {
        const body = { text, ...(reply_to && { reply_to }), ...(mentions && { mentions }) };
        try {
            const { message } = await this.api.once("POST /v1/rooms/{id}/messages", { path: { id: room }, body, key });
            this.#change(key, { message: message.id });
            return undefined;
        }
        catch (why) {
            if (isUnknown(why))
                return (why instanceof ApiError ? why.retryAfterMs : undefined) ?? AGAIN_AFTER_MS;
            if (why instanceof ApiError && why.status === 429)
                return why.retryAfterMs ?? AGAIN_AFTER_MS;
            // Signed out: somebody who signs in again finds it waiting.
            if (why instanceof ApiError && why.status === 401)
                return AGAIN_AFTER_MS;
            if (!(why instanceof ApiError))
                return AGAIN_AFTER_MS;
            this.#change(key, { refused: { code: why.code, detail: why.problem.detail } });
            return undefined;
        }
    }
    #change(key, change) {
        this.#set(this.#waiting.map((one) => (one.key === key ? { ...one, ...change } : one)));
    }
    #set(waiting) {
        for (const { key } of waiting)
            this.#own.add(key);
        this.#waiting = waiting;
        this.changed(waiting);
    }
}
