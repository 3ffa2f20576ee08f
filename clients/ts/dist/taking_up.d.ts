import type { Position, Said } from "./frames.js";
import type { Later } from "./later.js";
import type { Rooms } from "./rooms.js";
/** What it stands on; the timers end with the socket. */
export interface TakingUpOptions {
    rooms: Rooms;
    later: Later;
    say(said: Said): void;
    position(): Position | undefined;
    framesPerMinute(): number | undefined;
}
/** Asks the server for rooms. */
export declare class TakingUp {
    private readonly of;
    constructor(of: TakingUpOptions);
    /** Asks for a room behind the number that was heard last. */
    sub(room: string, at?: Position | undefined): void;
    /** There is one more to be asked for, when it is its turn. */
    soon(): void;
    /** Rooms that are not asked for yet, one by one. */
    inTurn(): void;
    /** What cannot be told for now is asked for later. */
    again(room: string): void;
}
