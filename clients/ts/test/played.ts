// On what is a client played, when its server is to say just this, just now? A socket and answers of our own.

import { Chat, Session, keptInMemory, type Cache, type Change, type RoomFrame } from "chatroom-client";

export const ROOM = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";
export const ADA = { id: "0190a6f2-7c3e-7b1a-9c55-00000000ada0", display_name: "Ada", kind: "registered" as const };
export const AT = "2026-01-02T03:04:05.678Z";

/** Until all that is to happen at once has happened. */
export const settled = () => new Promise((done) => setImmediate(done));

/** The other side of a socket. */
export class Played {
  readyState = 1;
  said: { t: string; d: Record<string, unknown> }[] = [];
  closedWith: number | undefined;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;

  send(text: string): void {
    this.said.push(JSON.parse(text));
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  tells(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  greets(head: number): void {
    const limits = { rooms: 2_000, frame_bytes: 16_384, frames_per_minute: 120 };
    this.tells({ t: "hello", d: { heartbeat_ms: 30_000, auth_deadline_ms: 10_000, epoch: 1, limits, features: ["resume"] } });
    const rooms = [{ id: ROOM, role: "member", head, read: 0, unread: 0, mentions: 0 }];
    this.tells({ t: "ready", d: { user: "u", session: "s", p: `p${head}`, rooms } });
  }

  /** All was told that was missed. */
  isCaughtUp(head: number): void {
    this.tells({ t: "caught_up", d: { p: `p${head}` } });
  }

  /** Subscriptions that were asked for. */
  get subs(): Record<string, unknown>[] {
    return this.said.filter(({ t }) => t === "sub").map(({ d }) => d);
  }
}

/** A frame of the room. */
export const told = (t: string, seq: number, d: object = {}): RoomFrame =>
  ({ t, d: { by: ADA.id, at: AT, ...d }, p: `p${seq}`, room: ROOM, seq });

/** A room's card as a list has it. */
export const card = (id: string, of: object = {}) =>
  ({ id, name: id, head: 5, member: { role: "member", read: 0, unread: 0, mentions: 0 }, member_count: 1, ...of });

/** What a list answers: all of it on one page. */
export const listed = (items: object[]) => ({ items, page: { next: null, has_more_after: false }, position: "p5" });

/** What a read of messages answers. */
export const read = (items: object[], head: number) =>
  ({ items, page: { prev: null, next: null, has_more_before: false, has_more_after: false }, head, own_reactions: {}, position: `p${head}` });

/** A chat whose server answers what `answers` says to `GET /…`; what it does not know is no answer. */
export function playedChat(answers: (asked: string, init: RequestInit) => object | undefined, options: { cache?: Cache } = {}) {
  const sockets: Played[] = [];
  const changes: Change[] = [];
  const fetcher: typeof fetch = async (input, init = {}) => {
    const { pathname } = new URL(String(input));
    const body = answers(`${init.method ?? "GET"} ${pathname}`, init);
    if (!body) throw new TypeError("no network");
    return new Response(JSON.stringify(body));
  };
  const session = new Session("http://x", keptInMemory(), fetcher);
  const current = { id: "s", created_at: AT, last_used_at: AT, expires_at: AT, current: true };
  session.take({ access_token: "a", refresh_token: "r", token_type: "Bearer", expires_in: 900, user: { ...ADA, created_at: AT }, session: current });
  const open = () => {
    sockets.push(new Played());
    return sockets.at(-1) as unknown as WebSocket;
  };
  const changed = (change: Change) => void changes.push(change);
  const chat = new Chat({ base: "http://x", session, changed, fetcher, socket: { open, random: () => 0 }, ...options });
  return { chat, sockets, changes, server: () => sockets.at(-1)! };
}
