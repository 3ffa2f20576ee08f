import type { PlainFrame, RoomFrame } from "./frames.js";
import { type RoomState } from "./state.js";
/** How a frame stands to what is known of its room. */
export type Order = "next" | "repeated" | "gap";
/** Whether a frame is the one that comes next. */
export declare function order(frame: RoomFrame, state: {
    seq: number;
}): Order;
/** The state after a frame of its room. A repeated frame and one behind a gap leave it as it is. */
export declare function apply(frame: RoomFrame, state: RoomState): RoomState;
/** The state after a frame of a person: his name, wherever it stands. */
export declare function applyPerson(frame: PlainFrame, state: RoomState): RoomState;
