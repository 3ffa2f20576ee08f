import type { Message, MessagePage, MessageStatus, Role, Room, UserKind } from "./rest.js";
/** A message that is held, and what is known about it besides. */
export interface HeldMessage extends Message {
    /** The room's number that it is as of: frames up to it change nothing. */
    as_of: number;
    /** The viewer's own reactions. */
    own: string[];
    /** By emoji: of whom a frame told that he reacted (true) or took it back (false). */
    reactors: Record<string, Record<string, boolean>>;
}
/** Somebody in the room, as far as frames told. */
export interface KnownMember {
    display_name: string;
    kind: UserKind;
    role: Role;
    muted_until?: string;
}
/** What may be changed about a room. */
export type Settings = Pick<Room, "lounge_id" | "name" | "topic" | "language" | "visibility" | "guests" | "active">;
/** What a client knows of a room. Plain data: stored, compared and shared as it is. */
export interface RoomState {
    room: string;
    /** Who looks. */
    me: string;
    /** What he is here; null when he is out. */
    role: Role | null;
    /** The number of the last frame that was applied. */
    seq: number;
    /** The number that the newest end of the window is as of: what was posted up to it is in the window or before it. */
    as_of: number;
    /** Whether the newest message there is is in the window. */
    at_end: boolean;
    /** Whether the oldest is. */
    at_start: boolean;
    /** By number, oldest first. */
    messages: HeldMessage[];
    settings: Settings | null;
    members: Record<string, KnownMember>;
}
/** A mute or ban that nobody has given an end. */
export declare const FOR_EVER = "9999-12-31T23:59:59Z";
/** Nothing known yet of what came up to this number. */
export declare function emptyState(room: string, me: string, role: Role | null, seq: number): RoomState;
/** Messages of a page, as they are held. */
export declare function held(page: Pick<MessagePage, "items" | "own_reactions">, head: number): HeldMessage[];
/** Whether a viewer of this role is shown the text of a message that has this status. */
export declare function showsText(status: MessageStatus, role: Role | null, own: boolean): boolean;
/** Messages whose text may be seen and has not come: they have to be read by REST. */
export declare function wanted(state: RoomState): string[];
/** Whether the text is there. */
export declare function hasText(message: {
    text?: string | null | undefined;
}): boolean;
