// What does a server say on a socket, and what a client? The frames of `chatroom.v1`.

import type { Message, MessageStatus, Presence, Role, UserKind, Visibility } from "./rest.js";

/** An opaque place in the log: stored and handed back, never looked into. */
export type Position = string;

/** A durable frame of a room: numbered, without holes. */
export interface RoomFrame {
  t: string;
  d: Record<string, unknown>;
  p: Position;
  room: string;
  seq: number;
}

/** A durable frame of a person or a lounge: with a position, of no room. */
export interface PlainFrame {
  t: string;
  d: Record<string, unknown>;
  p: Position;
}

/** `d` of `message.posted`: the message; its author is also told the key that he sent. */
export type Posted = Message & { key?: string };

/** What every other frame of a room tells besides what changed. */
export interface Told {
  by?: string | null;
  at: string;
}

/** `d` of what happens to one message. */
export interface OfMessage extends Told {
  message: string;
  text?: string;
  edited_at?: string;
  status?: MessageStatus;
  user?: string;
  emoji?: string;
  reason?: string;
}

/** `d` of `member.…`. */
export interface OfMember extends Told {
  user: string;
  display_name?: string;
  kind?: UserKind;
  role?: Role | null;
  until?: string;
  reason?: string;
}

/** `d` of `messages.removed`. */
export interface OfAllMessages extends Told {
  user: string;
  why: "moderation" | "erasure";
}

/** `d` of `room.…`: the settings as they are from here on. */
export interface OfRoom extends Told {
  lounge_id: string;
  name: string;
  topic?: string;
  language: string;
  visibility: Visibility;
  guests: boolean;
  active: boolean;
}

/** `d` of `user.…`. */
export interface OfUser {
  user: string;
  display_name: string;
  kind: UserKind;
  standing: string;
}

/** `d` of `lounge.…`. */
export interface OfLounge {
  lounge: string;
  name: string;
  description: string | null;
  active: boolean;
}

/** A room's summary in `ready`. */
export interface RoomSummary {
  id: string;
  role: Role;
  head: number;
  read: number;
  unread: number;
  mentions: number;
}

/** What a server offers beyond the protocol's core. */
export type Feature = "resume" | "typing" | "presence" | "read" | "cbor" | "compress";

/** The control frames, by name. */
export interface Control {
  hello: {
    heartbeat_ms: number;
    auth_deadline_ms: number;
    epoch: number;
    limits: { rooms: number; frame_bytes: number; frames_per_minute: number };
    features: string[];
  };
  ready: { user: string; session: string; p: Position; rooms: RoomSummary[] };
  caught_up: { room?: string; p: Position };
  reset: { room: string; reason: string; p: Position; head: number };
  room_gone: { room: string; reason: string };
  hb_ack: { p: Position; heads: Record<string, number> };
  auth_ok: { expires_in: number };
  drain: { retry_after_ms: [number, number] };
  typing: { room: string; user: string };
  /** Of a large room counts instead; `reload`: the room's presence is to be read anew. */
  presence_diff: { room: string; users?: Presence[]; counts?: { online: number; away: number; dnd: number }; reload?: true };
  read: { room: string; seq: number };
}

/** A control frame of this name. */
export type ControlFrame = { [T in keyof Control]: { t: T; d: Control[T] } }[keyof Control];

/** Anything that a server says. */
export type Frame = RoomFrame | PlainFrame | ControlFrame;

/** What a client says. */
export type Said =
  | { t: "identify"; d: { token: string; rooms: { room: string; seq?: number }[]; resume?: Position } }
  | { t: "sub"; d: { room: string; seq?: number; p?: Position } }
  | { t: "unsub"; d: { room: string } }
  | { t: "auth"; d: { token: string } }
  | { t: "typing"; d: { room: string } }
  | { t: "presence"; d: { state: Presence["state"] } }
  | { t: "hb"; d: Record<string, never> };

/** Whether it is a durable frame of a room. */
export function isRoomFrame(frame: Frame): frame is RoomFrame {
  return "seq" in frame && typeof frame.seq === "number" && "room" in frame && typeof frame.room === "string";
}

/** Whether it is a durable frame of a person or a lounge. */
export function isPlainFrame(frame: Frame): frame is PlainFrame {
  return !isRoomFrame(frame) && "p" in frame && typeof frame.p === "string";
}
