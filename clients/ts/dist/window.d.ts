import type { RoomFrame } from "./frames.js";
import type { Message, MessagePage } from "./rest.js";
import { type RoomState } from "./state.js";
/** Where a page goes. */
export type Place = "alone" | "before" | "after";
/**
 * The state with a page in its window. A page that is older than the state is brought to it by the frames since, of
 * which `recent` holds the last; undefined when it does not reach back so far: then the page has to be read again.
 */
export declare function joined(page: MessagePage, place: Place, state: RoomState, recent: readonly RoomFrame[]): RoomState | undefined;
/** The state with at most so many messages; those at the other end are let go. */
export declare function trimmed(state: RoomState, keep: "oldest" | "newest", max: number): RoomState;
/** The state with a text that frames did not carry, as it was read by REST. All else about a message is told by frames. */
export declare function reread(state: RoomState, { id, text, edited_at }: Message): RoomState;
