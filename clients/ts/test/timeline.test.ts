// Does a window stay true while what it needs is read? Played on answers of our own, one by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, Timeline, emptyState, type RoomState } from "chatroom-client";
import { ADA, AT, ROOM, read, settled, told } from "./played.js";

const ONE = "0190a6f2-7c3e-7b1a-9c55-000000000001";

const said = (text: string) => ({ id: ONE, room_id: ROOM, seq: 1, author: ADA, text, created_at: AT, status: "visible" as const });
const edit = (seq: number, of: object = {}) => told("message.edited", seq, { message: ONE, edited_at: AT, ...of });

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
  requests[0]!.answer(read([said("seven")], 7));
  await settled();
  assert.deepEqual([text(), timeline.state.seq], ["seven", 7]);
  timeline.take(edit(8, { text: "eight" }));
  assert.equal(text(), "eight");
});
