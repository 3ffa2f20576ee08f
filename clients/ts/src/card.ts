// What does a list show of a room? Its card, and what frames change about it.

import type { OfMember, OfRoom, Posted, RoomFrame } from "./frames.js";
import type { ListPage_Room } from "./rest.js";
import type { RoomState, Settings } from "./state.js";

export type Card = ListPage_Room["items"][number];

/** Counts stop here. */
const UNREAD_MAX = 1_000;

/** How a frame changes how many are in the room. */
const STEPS: ReadonlyMap<string, number> = new Map([
  ["member.joined", 1],
  ["member.added", 1],
  ["member.left", -1],
  ["member.kicked", -1],
]);

/** Whether how many are in the room has to be asked for: who was banned may not have been in it, and no frame says so. */
export function recounts(t: string): boolean {
  return t === "member.banned";
}

/** The card after a frame of the room; one that changes nothing leaves it as it is. */
export function changedCard(card: Card, { t, d }: RoomFrame, me: string): Card {
  if (t.startsWith("room.")) {
    const { name, topic, language, visibility, guests, active } = d as unknown as OfRoom;
    return { ...card, name, language, visibility, guests, active, topic: topic ?? null };
  }
  if (!t.startsWith("member.")) return card;
  const { user, role } = d as unknown as OfMember;
  const member_count = Math.max(0, card.member_count + (STEPS.get(t) ?? 0));
  const isOwn = user === me && role && card.member;
  return isOwn ? { ...card, member_count, member: { ...card.member!, role } } : { ...card, member_count };
}

/** The card after somebody said something; one's own word means that one has read what was said before. */
export function counted(card: Card, posted: Posted, me: string): Card {
  if (!card.member) return card;
  const { unread, mentions } = card.member;
  const named = posted.mentions?.includes(me) ? 1 : 0;
  const own = posted.author.id === me;
  const counts = own ? { unread: 0, mentions: 0 } : { unread: Math.min(UNREAD_MAX, unread + 1), mentions: mentions + named };
  return { ...card, member: { ...card.member, ...counts } };
}

/** What may be changed about a room, as its card shows it. */
export function settingsOf({ lounge_id, name, topic, language, visibility, guests, active }: Card): Settings {
  const settings = { lounge_id, name, language, visibility, guests, active };
  return topic === undefined ? settings : { ...settings, topic };
}

/** What a kept room shows of itself while no server tells. */
export function cardOf({ room, role, seq, settings }: RoomState): Card {
  const member = role === null ? null : { role, read: seq, unread: 0, mentions: 0 };
  const unknown = { lounge_id: "", name: "…", language: "und", visibility: "public" as const, guests: false, active: true };
  return { ...unknown, ...settings, id: room, head: seq, member, member_count: 0, created_at: "" };
}
