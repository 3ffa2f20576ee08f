import type { Api } from "./api.js";
import type { PlainFrame, Position, RoomFrame } from "./frames.js";
import type { Role } from "./rest.js";
import { type RoomState } from "./state.js";
/** Messages in the window; when more are read, those at its other end are let go. */
export declare const WINDOW_MAX = 250;
/** What is being read. */
export type Reading = "window" | "before" | "after";
/** One room's messages. */
export declare class Timeline {
    #private;
    private readonly api;
    private readonly of;
    private readonly position;
    private readonly changed;
    state: RoomState;
    /** What is shown was kept from an earlier visit, and has not been compared with the server yet. */
    isKept: boolean;
    readonly reading: Set<Reading>;
    /** Why the last reading failed. */
    failure: unknown;
    constructor(api: Api, of: {
        room: string;
        me: string;
        role: Role | null;
        seq: number;
        kept?: RoomState;
    }, position: () => Position | undefined, changed: () => void);
    /** Whether there is anything to show. */
    get isEmpty(): boolean;
    /** The next frame of the room. */
    take(frame: RoomFrame): void;
    /** A person's frame. */
    takePerson(frame: PlainFrame): void;
    /** Everything held is void; the room stands at this number, and is read as of this position. */
    reset(seq: number, at: Position | undefined): Promise<void>;
    /** The network is back: what could not be read is read. */
    again(): void;
    /** The newest messages. */
    latest(): Promise<void>;
    /** Those around a message. */
    around(message: string): Promise<void>;
    /** Those from a time on. */
    at(time: string): Promise<void>;
    /** The page before the window. */
    before(): Promise<void>;
    /** The page after the window. */
    after(): Promise<void>;
}
