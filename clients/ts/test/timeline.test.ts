// Does a window stay true while what it needs is read? Played on answers of our own, one by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, Chat, Session, Timeline, emptyState, keptInMemory, type RoomFrame, type RoomState } from "chatroom-client";

const ROOM = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";
const ONE = "0190a6f2-7c3e-7b1a-9c55-000000000001";
const ADA = { id: "0190a6f2-7c3e-7b1a-9c55-00000000ada0", display_name: "Ada", kind: "registered" as const };
const AT = "2026-01-02T03:04:05.678Z";

const said = (text: string) => ({ id: ONE, room_id: ROOM, seq: 1, author: ADA, text, created_at: AT, status: "visible" as const });
const edit = (seq: number, told: object = {}): RoomFrame =>
  ({ t: "message.edited", d: { message: ONE, by: ADA.id, at: AT, edited_at: AT, ...told }, p: `p${seq}`, room: ROOM, seq });

/** A server whose answers are given one by one. */
function asked() {
  const requests: { path: string; at: string | null; answer(body: object, status?: number): void }[] = [];
  const fetcher: typeof fetch = (input, init) => new Promise((done) => {
    const at = new Headers(init?.headers).get("chat-min-position");
    const answer = (body: object, status = 200) => done(new Response(JSON.stringify(body), { status }));
    requests.push({ path: new URL(String(input)).pathname, at, answer });
  });
  return { requests, fetcher };
}

/** Until all that is to happen at once has happened. */
const settled = () => new Promise((done) => setImmediate(done));

function held() {
  const { requests, fetcher } = asked();
  const api = new Api("http://x", { access: async () => "token", renewed: async () => undefined }, fetcher);
  const message = { ...said("one"), as_of: 1, own: [], reactors: {} };
  const kept: RoomState = { ...emptyState(ROOM, "me", "member", 1), at_end: true, at_start: true, messages: [message] };
  const timeline = new Timeline(api, { room: ROOM, me: "me", role: "member", seq: 1, kept }, () => "old", () => undefined);
  return { requests, timeline, text: () => timeline.state.messages[0]?.text };
}

// Red with `this.position()` instead of `#heard` in `#reread` (timeline.ts): what was said before the edit is taken for it.
test("a text that an edit did not carry is read as of that edit", async () => {
  const { requests, timeline, text } = held();
  timeline.take(edit(2));
  await settled();
  assert.equal(text(), undefined);
  assert.deepEqual(requests.map(({ path, at }) => [path, at]), [[`/v1/rooms/${ROOM}/messages/${ONE}`, "p2"]]);
  requests[0]!.answer({ message: { ...said("two"), edited_at: AT }, position: "p2" });
  await settled();
  assert.equal(text(), "two");
});

// Red with `isLatest` always true (timeline.ts).
test("what was read before another edit came is not taken for it", async () => {
  const { requests, timeline, text } = held();
  timeline.take(edit(2));
  await settled();
  timeline.take(edit(3));
  await settled();
  assert.equal(requests.length, 1, "one question at a time");
  requests[0]!.answer({ message: said("two"), position: "p2" });
  await settled();
  assert.deepEqual([text(), requests.length, requests[1]?.at], [undefined, 2, "p3"]);
  requests[1]!.answer({ message: said("three"), position: "p3" });
  await settled();
  assert.equal(text(), "three");
});

test("a text that came with a later edit is not replaced by an earlier one that was read", async () => {
  const { requests, timeline, text } = held();
  timeline.take(edit(2));
  await settled();
  timeline.take(edit(3, { text: "three" }));
  requests[0]!.answer({ message: said("two"), position: "p2" });
  await settled();
  assert.deepEqual([text(), requests.length], ["three", 1]);
});

test("an edit of what was taken back since asks for nothing", async () => {
  const { requests, timeline, text } = held();
  timeline.take(edit(2, { status: "removed" }));
  await settled();
  assert.deepEqual([text(), timeline.state.messages[0]?.status, requests.length], [undefined, "removed", 0]);
});

test("a text that could not be read is read once the network is back", async () => {
  const { requests, timeline, text } = held();
  timeline.take(edit(2));
  await settled();
  requests[0]!.answer({ status: 404, code: "not-found", detail: "", title: "", type: "", retryable: false }, 404);
  await settled();
  timeline.again();
  await settled();
  requests[1]!.answer({ message: said("two"), position: "p2" });
  await settled();
  assert.equal(text(), "two");
});

// Red with the question for gaps left out of `take` (timeline.ts): the window stands still for ever.
test("a frame that does not follow what is held has the room read anew", async () => {
  const { requests, timeline, text } = held();
  timeline.take(edit(7, { text: "seven" }));
  await settled();
  assert.deepEqual(requests.map(({ path, at }) => [path, at]), [[`/v1/rooms/${ROOM}/messages`, "p7"]]);
  const page = { prev: null, next: null, has_more_before: false, has_more_after: false };
  requests[0]!.answer({ items: [said("seven")], page, head: 7, own_reactions: {}, position: "p7" });
  await settled();
  assert.deepEqual([text(), timeline.state.seq], ["seven", 7]);
  timeline.take(edit(8, { text: "eight" }));
  assert.equal(text(), "eight");
});

/** The other side of a socket. */
class Played {
  readyState = 1;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  send(): void {}
  close(): void {}
  tells(t: string, d: object): void {
    this.onmessage?.({ data: JSON.stringify({ t, d }) });
  }
  greets(head: number): void {
    const limits = { rooms: 2_000, frame_bytes: 16_384, frames_per_minute: 120 };
    this.tells("hello", { heartbeat_ms: 30_000, auth_deadline_ms: 10_000, epoch: 1, limits, features: [] });
    this.tells("ready", { user: "u", session: "s", p: `p${head}`, rooms: [{ id: ROOM, role: "member", head, read: 0, unread: 0, mentions: 0 }] });
    this.tells("caught_up", { p: `p${head}` });
  }
}

// Red with the comparison of numbers left out of `#ready` (chat.ts).
test("where the socket had to begin anew, windows are read anew", async () => {
  const page = { prev: null, next: null, has_more_before: false, has_more_after: false };
  let head = 5;
  const fetcher: typeof fetch = async (input) => {
    const card = { id: ROOM, head, member: { role: "member", read: 0, unread: 0, mentions: 0 }, member_count: 1 };
    const list = { items: [card], page: { next: null, has_more_after: false }, position: `p${head}` };
    const messages = { items: [said(`as of ${head}`)], page, head, own_reactions: {}, position: `p${head}` };
    return new Response(JSON.stringify(String(input).endsWith("/messages") ? messages : list));
  };
  const session = new Session("http://x", keptInMemory(), fetcher);
  session.take({ access_token: "a", refresh_token: "r", token_type: "Bearer", expires_in: 900, user: { ...ADA, created_at: AT }, session: { id: "s", created_at: AT, last_used_at: AT, expires_at: AT, current: true } });
  const sockets: Played[] = [];
  const open = () => {
    sockets.push(new Played());
    return sockets.at(-1) as unknown as WebSocket;
  };
  const chat = new Chat({ base: "http://x", session, changed: () => undefined, fetcher, socket: { open, random: () => 0 } });
  await chat.start();
  await settled();
  sockets[0]!.greets(5);
  const timeline = chat.timeline(ROOM);
  await settled();
  await settled();
  assert.equal(timeline.state.messages[0]?.text, "as of 5");
  head = 9;
  sockets[0]!.onclose?.({ code: 4007 });
  chat.socket.wake();
  await settled();
  sockets[1]!.greets(9);
  await settled();
  await settled();
  assert.deepEqual([timeline.state.seq, timeline.state.messages[0]?.text], [9, "as of 9"]);
  await chat.stop();
});
