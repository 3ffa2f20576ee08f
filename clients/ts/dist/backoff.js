// How long until the next try? Full jitter between half a second and thirty, from anew after a minute without a fall.
const FIRST_MS = 500;
const MAX_MS = 30_000;
const STABLE_MS = 60_000;
/** Counts the tries since the last stable minute. */
export class Backoff {
    random;
    now;
    #tries = 0;
    #opened;
    constructor(random, now) {
        this.random = random;
        this.now = now;
    }
    /** The connection stands. */
    opened() {
        this.#opened = this.now();
    }
    /** The connection fell, or did not come about. */
    fell() {
        if (this.#opened !== undefined && this.now() - this.#opened >= STABLE_MS)
            this.#tries = 0;
        this.#opened = undefined;
    }
    /** Milliseconds until the next try. */
    next() {
        const most = Math.min(MAX_MS, 2 * FIRST_MS * 2 ** Math.min(this.#tries, 16));
        this.#tries += 1;
        // Everybody falls at once when a server goes: without jitter everybody would be back at once, too.
        return FIRST_MS + this.random() * (most - FIRST_MS);
    }
}
