import type { Posted, RoomFrame } from "./frames.js";
import type { ListPage_Room } from "./rest.js";
import type { RoomState, Settings } from "./state.js";
export type Card = ListPage_Room["items"][number];
/** Whether how many are in the room has to be asked for: who was banned may not have been in it, and no frame says so. */
export declare function recounts(t: string): boolean;
/** The card after a frame of the room; one that changes nothing leaves it as it is. */
export declare function changedCard(card: Card, { t, d }: RoomFrame, me: string): Card;
/** The card after somebody said something; one's own word means that one has read what was said before. */
export declare function counted(card: Card, posted: Posted, me: string): Card;
/** What may be changed about a room, as its card shows it. */
export declare function settingsOf({ lounge_id, name, topic, language, visibility, guests, active }: Card): Settings;
/** What a kept room shows of itself while no server tells. */
export declare function cardOf({ room, role, seq, settings }: RoomState): Card;
