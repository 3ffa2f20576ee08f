// What does a chat make of what its server says? Played step by step.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryCache } from "chatroom-client";
import { ADA, AT, ROOM, card, listed, playedChat, read, settled, told } from "./played.js";

// Red with the comparison of numbers left out of `#ready` (chat.ts).
test("where the socket had to begin anew, windows are read anew", async (t) => {
  let head = 5;
  const said = () => ({ id: "m", room_id: ROOM, seq: 1, author: ADA, text: `as of ${head}`, created_at: AT, status: "visible" });
  const { chat, server } = playedChat((asked) => asked.endsWith("/messages") ? read([said()], head) : listed([card(ROOM, { head })]));
  t.after(() => chat.stop());
  await chat.start();
  await settled();
  server().greets(5);
  server().isCaughtUp(5);
  const timeline = chat.timeline(ROOM);
  await settled();
  await settled();
  assert.equal(timeline.state.messages[0]?.text, "as of 5");
  head = 9;
  server().onclose?.({ code: 4007 });
  chat.socket.wake();
  await settled();
  server().greets(9);
  server().isCaughtUp(9);
  await settled();
  await settled();
  assert.deepEqual([timeline.state.seq, timeline.state.messages[0]?.text], [9, "as of 9"]);
});

// Red with a step of -1 for `member.banned`, and with nothing that recounts (card.ts).
test("how many are in a room after a ban is what the server counts: who was banned need not have been in it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let member_count = 3;
  const { chat, server } = playedChat((asked) => asked.endsWith("/rooms") ? listed([card(ROOM, { member_count })]) : { room: card(ROOM, { member_count }), position: "p6" });
  t.after(() => chat.stop());
  await chat.start();
  await settled();
  server().greets(5);
  server().isCaughtUp(5);
  const shown = async () => {
    t.mock.timers.tick(1_000);
    await settled();
    return chat.rooms.get(ROOM)?.member_count;
  };
  server().tells(told("member.banned", 6, { user: "somebody from elsewhere", role: null }));
  assert.equal(chat.rooms.get(ROOM)?.member_count, 3);
  assert.equal(await shown(), 3);
  member_count = 2;
  server().tells(told("member.banned", 7, { user: "a member", role: null }));
  assert.equal(await shown(), 2);
  server().tells(told("member.left", 8, { user: "another", role: null }));
  assert.equal(chat.rooms.get(ROOM)?.member_count, 1);
});

// Red with `kept` left out of `withOthers` (outbox.ts), and with nothing that is of one's own there.
test("what waits in two tabs of a user is kept of both, until it is stored", async (t) => {
  const cache = new MemoryCache();
  const tab = () => playedChat(() => undefined, { cache }).chat;
  const [one, two] = [tab(), tab()];
  t.after(() => Promise.all([one.stop(), two.stop()]));
  one.write(ROOM, "from the one");
  two.write(ROOM, "from the other");
  await one.keep();
  await two.keep();
  await one.keep();
  const kept = async () => (await cache.rest())?.waiting.map(({ text }) => text).sort();
  assert.deepEqual(await kept(), ["from the one", "from the other"]);
  one.outbox.discard(one.outbox.waiting[0]!.key);
  await one.keep();
  assert.deepEqual(await kept(), ["from the other"]);
});

// Red with `look` left out of `#connection` (chat.ts); with `#left` not looked into.
test("a room that somebody was added to is found when the socket is back, and when he looks; one that he left is not", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [ADDED, LEFT] = ["added", "left"];
  let rooms = [card(ROOM), card(LEFT)];
  let meanwhile = () => undefined as void;
  const { chat, server } = playedChat((asked) => {
    if (asked.startsWith("DELETE")) return {};
    const answer = listed(rooms);
    meanwhile();
    return answer;
  });
  t.after(() => chat.stop());
  await chat.start();
  await settled();
  server().greets(5);
  server().isCaughtUp(5);
  rooms = [...rooms, card(ADDED)];
  server().onclose?.({ code: 4010 });
  chat.socket.wake();
  await settled();
  server().greets(5);
  server().isCaughtUp(5);
  await settled();
  t.mock.timers.tick(1);
  assert.deepEqual([...chat.rooms.keys()], [ROOM, LEFT, ADDED]);
  assert.deepEqual(server().subs.map(({ room }) => room), [ADDED], "it is heard from now on");
  meanwhile = () => server().tells({ t: "room_gone", d: { room: LEFT, reason: "kicked" } });
  rooms = [...rooms, card("another")];
  await chat.look();
  assert.deepEqual([...chat.rooms.keys()], [ROOM, ADDED, "another"]);
});
