/** Counts the tries since the last stable minute. */
export declare class Backoff {
    #private;
    private readonly random;
    private readonly now;
    constructor(random: () => number, now: () => number);
    /** The connection stands. */
    opened(): void;
    /** The connection fell, or did not come about. */
    fell(): void;
    /** Milliseconds until the next try. */
    next(): number;
}
