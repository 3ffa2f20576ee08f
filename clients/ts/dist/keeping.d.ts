import { type Cache, type KeptRest } from "./cache.js";
import { type Card } from "./card.js";
import type { Position } from "./frames.js";
import type { Outbox } from "./outbox.js";
import type { RoomState } from "./state.js";
import type { Timeline } from "./timeline.js";
/** What one user's client keeps. */
export declare class Keeping {
    #private;
    private readonly cache;
    /** What was kept of rooms by an earlier visit. */
    readonly rooms: Map<string, RoomState>;
    constructor(cache: Cache);
    /** Reads what was kept of this user. */
    open(me: string): Promise<KeptRest | undefined>;
    /** What is held of the room is what was kept. */
    isWritten(room: string, state: RoomState): void;
    /** Writes down what changed. */
    keep(position: Position | undefined, outbox: Outbox, timelines: ReadonlyMap<string, Timeline>, cards: ReadonlyMap<string, Card>): Promise<void>;
    /** Keeps nothing of the room. */
    drop(room: string): Promise<void>;
    /** Nothing more is written down. */
    end(): void;
    /** Nothing of this user is kept. */
    clear(): Promise<void>;
}
