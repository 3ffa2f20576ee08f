import type { OfMessage } from "./frames.js";
import type { HeldMessage } from "./state.js";
/** The message after a reaction came. */
export declare function reacted(message: HeldMessage, { user, emoji }: OfMessage, me: string): HeldMessage;
/** The message after a reaction was taken back. */
export declare function unreacted(message: HeldMessage, { user, emoji }: OfMessage, me: string): HeldMessage;
