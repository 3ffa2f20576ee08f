import type { Presence } from "./rest.js";
/** The last known state of people. */
export declare class Presences {
    #private;
    take(users: readonly Presence[]): void;
    of(user: string): Presence["state"];
    seen(user: string): string | undefined;
}
/** Who types where. */
export declare class Typists {
    #private;
    private readonly changed;
    constructor(changed: (room: string) => void);
    of(room: string): string[];
    types(room: string, user: string): void;
    /** What was typed came; without a user: our own. */
    wrote(room: string, user?: string): void;
    /** Whether it is time to say so again. */
    mayTell(room: string, now?: number): boolean;
}
