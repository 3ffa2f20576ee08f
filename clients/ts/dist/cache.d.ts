import type { Position } from "./frames.js";
import type { RoomState } from "./state.js";
/** Rooms that are kept of a user; those that were looked at last stay. */
export declare const ROOMS_MAX = 50;
/** Messages that are kept of a room: its newest. */
export declare const MESSAGES_MAX = 100;
/** The shape of what is kept: what another release wrote is not read. */
export declare const VERSION = 1;
/** A room as it was kept. */
export interface KeptRoom {
    state: RoomState;
    /** When it was, in milliseconds of the clock. */
    at_ms: number;
}
/** A message that was written and whose storing nobody has confirmed yet. */
export interface Waiting {
    /** Its idempotency key: a repeat is known for the same. */
    key: string;
    room: string;
    text: string;
    reply_to?: string;
    mentions?: string[];
    /** When it was written, in milliseconds of the clock. */
    at_ms: number;
    /** Why it was refused; it waits for its writer to decide. */
    refused?: {
        code: string;
        detail: string;
    };
    /** What it became: known before its frame comes. */
    message?: string;
}
/** What is kept besides rooms. */
export interface KeptRest {
    version: number;
    position?: Position;
    waiting: Waiting[];
}
/** A place for what is kept of one user. */
export interface Cache {
    rooms(): Promise<KeptRoom[]>;
    putRoom(kept: KeptRoom): Promise<void>;
    dropRoom(room: string): Promise<void>;
    rest(): Promise<KeptRest | undefined>;
    /** In one step: other tabs of the user write there too. */
    changeRest(change: (before: KeptRest | undefined) => KeptRest): Promise<void>;
    clear(): Promise<void>;
}
/** What is kept of a room: its newest messages, if they are in the window at all. */
export declare function keepable(state: RoomState): RoomState | undefined;
/** Those of these rooms that are too many, by what was looked at longest ago. */
export declare function surplus(rooms: readonly KeptRoom[]): string[];
/** Kept as long as the process lives. */
export declare class MemoryCache implements Cache {
    #private;
    rooms(): Promise<KeptRoom[]>;
    putRoom(kept: KeptRoom): Promise<void>;
    dropRoom(room: string): Promise<void>;
    rest(): Promise<KeptRest | undefined>;
    changeRest(change: (before: KeptRest | undefined) => KeptRest): Promise<void>;
    clear(): Promise<void>;
}
