/** Timers by name. */
export declare class Later {
    #private;
    /** Does this after so long; what was planned under that name is not done. */
    in(name: string, ms: number, work: () => unknown): void;
    has(name: string): boolean;
    not(name: string): void;
    /** Nothing of what is planned is done. */
    none(): void;
    /** Nor is anything planned from now on. */
    end(): void;
}
