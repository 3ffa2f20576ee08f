import type { RoomFrame, RoomSummary } from "./frames.js";
/** The rooms of one client. */
export declare class Rooms {
    #private;
    /** Follows a room behind this number, whatever was known. */
    follow(room: string, seq: number, asked?: boolean): void;
    /** Somebody looks at it. */
    open(room: string): void;
    /** The server is asked for it: whether it was not on this socket before. */
    ask(room: string): boolean;
    /** Whether it was followed. */
    drop(room: string): boolean;
    /** No number is good any more. */
    forget(): void;
    seq(room: string): number | undefined;
    has(room: string): boolean;
    /** Takes the next frame of a room; what does not follow is not taken. */
    take(frame: RoomFrame): "next" | "repeated" | "gap" | "unknown";
    /** A frame of the room was lost: whether that is news, or has been so too often. */
    broke(room: string): "new" | "known" | "hopeless";
    /** All was heard that there is: of one room, or of all. */
    whole(room: string | undefined): void;
    /** Rooms of which something was lost while connected. */
    behind(heads: Readonly<Record<string, number>>): string[];
    /** A new socket: as many rooms as one frame may hold, first those that somebody looks at. */
    forIdentify(max: number, bytes: number): {
        room: string;
        seq?: number;
    }[];
    /** Those that had no number begin where the server says. */
    begin(summaries: readonly RoomSummary[]): void;
    /** A room that the server was not asked for yet, and is now. */
    nextUnasked(): string | undefined;
}
