// What does a reaction change? A count; and of whoever is known to have reacted already, nothing.

import type { OfMessage } from "./frames.js";
import type { HeldMessage } from "./state.js";

/** The message after a reaction came. */
export function reacted(message: HeldMessage, { user, emoji }: OfMessage, me: string): HeldMessage {
  if (user === undefined || emoji === undefined || has(message, user, emoji, me) === true) return message;
  const before = message.reactions ?? [];
  const reactions = before.some((one) => one.emoji === emoji)
    ? before.map((one) => (one.emoji === emoji ? { emoji, count: one.count + 1 } : one))
    : [...before, { emoji, count: 1 }];
  return { ...message, reactions, ...now(message, user, emoji, me, true) };
}

/** The message after a reaction was taken back. */
export function unreacted(message: HeldMessage, { user, emoji }: OfMessage, me: string): HeldMessage {
  if (user === undefined || emoji === undefined || has(message, user, emoji, me) === false) return message;
  const before = message.reactions ?? [];
  // Of somebody who reacted before this client looked, a page told the count only.
  if (!before.some((one) => one.emoji === emoji)) return message;
  const reactions = before
    .map((one) => (one.emoji === emoji ? { emoji, count: one.count - 1 } : one))
    .filter((one) => one.count > 0);
  return { ...message, reactions, ...now(message, user, emoji, me, false) };
}

/** Whether somebody is known to have reacted so; undefined: not known. */
function has(message: HeldMessage, user: string, emoji: string, me: string): boolean | undefined {
  if (user === me) return message.own.includes(emoji);
  return message.reactors[emoji]?.[user];
}

function now(
  message: HeldMessage,
  user: string,
  emoji: string,
  me: string,
  is: boolean,
): Pick<HeldMessage, "own" | "reactors"> {
  if (user === me) {
    const own = is ? [...message.own, emoji] : message.own.filter((one) => one !== emoji);
    return { own, reactors: message.reactors };
  }
  return {
    own: message.own,
    reactors: { ...message.reactors, [emoji]: { ...message.reactors[emoji], [user]: is } },
  };
}
