// How long until the next try? Full jitter between half a second and thirty, from anew after a minute without a fall.

const FIRST_MS = 500;
const MAX_MS = 30_000;
const STABLE_MS = 60_000;

/** Counts the tries since the last stable minute. */
export class Backoff {
  #tries = 0;
  #opened: number | undefined;

  constructor(
    private readonly random: () => number,
    private readonly now: () => number,
  ) {}

  /** The connection stands. */
  opened(): void {
    this.#opened = this.now();
  }

  /** The connection fell, or did not come about. */
  fell(): void {
    if (this.#opened !== undefined && this.now() - this.#opened >= STABLE_MS) this.#tries = 0;
    this.#opened = undefined;
  }

  /** Milliseconds until the next try. */
  next(): number {
    const most = Math.min(MAX_MS, 2 * FIRST_MS * 2 ** Math.min(this.#tries, 16));
    this.#tries += 1;
    // Everybody falls at once when a server goes: without jitter everybody would be back at once, too.
    return FIRST_MS + this.random() * (most - FIRST_MS);
  }
}
