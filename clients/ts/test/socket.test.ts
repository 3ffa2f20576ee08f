// Does a socket come back as it must? Played on a socket of our own, frame by frame.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, ChatSocket, Rooms, uuidv7, verdict, type SocketState } from "chatroom-client";
import { Played, ROOM, told } from "./played.js";

const posted = (seq: number) => told("noop", seq);

function playing() {
  const sockets: Played[] = [];
  const heard: number[] = [];
  const states: SocketState[] = [];
  const resets: number[] = [];
  let opened: (played: Played) => void = () => undefined;
  const socket = new ChatSocket({
    url: "ws://x",
    token: async () => "token",
    renewed: async () => "fresh",
    random: () => 0,
    open: () => {
      const played = new Played();
      sockets.push(played);
      queueMicrotask(() => opened(played));
      return played as unknown as WebSocket;
    },
    events: {
      frame: ({ seq }) => heard.push(seq),
      state: (state) => states.push(state),
      reset: ({ head }) => resets.push(head),
    },
  });
  const next = () => new Promise<Played>((done) => (opened = done));
  return { socket, sockets, heard, states, resets, next };
}

test("a room is followed from its number, and each frame is told once and in order", async () => {
  const { socket, heard, next } = playing();
  socket.follow(ROOM, 2);
  const opening = next();
  socket.start();
  const server = await opening;
  server.greets(4);
  assert.deepEqual(server.said[0], { t: "identify", d: { token: "token", rooms: [{ room: ROOM, seq: 2 }] } });
  for (const seq of [2, 3, 3, 4]) server.tells(posted(seq));
  server.tells({ t: "caught_up", d: { p: "p4" } });
  assert.deepEqual(heard, [3, 4]);
  assert.equal(socket.state.is, "live");
  socket.stop();
});

// Red with `return stands` before the number is compared in rooms.ts.
test("what is behind a gap is not told until the room was taken up again", async () => {
  const { socket, heard, next } = playing();
  socket.follow(ROOM, 0);
  const opening = next();
  socket.start();
  const server = await opening;
  server.greets(0);
  server.tells({ t: "caught_up", d: { p: "p0" } });
  server.tells(posted(1));
  server.tells(posted(3));
  server.tells(posted(4));
  assert.deepEqual(heard, [1]);
  assert.deepEqual(server.said.slice(1), [{ t: "sub", d: { room: ROOM, seq: 1, p: "p1" } }]);
  for (const seq of [2, 3, 4]) server.tells(posted(seq));
  assert.deepEqual(heard, [1, 2, 3, 4]);
  socket.stop();
});

test("a head that is ahead in a heartbeat's answer is a loss", async () => {
  const { socket, next } = playing();
  socket.follow(ROOM, 5);
  const opening = next();
  socket.start();
  const server = await opening;
  server.greets(5);
  server.tells({ t: "caught_up", d: { p: "p5" } });
  server.tells({ t: "hb_ack", d: { p: "p7", heads: { [ROOM]: 7 } } });
  assert.deepEqual(server.said.at(-1), { t: "sub", d: { room: ROOM, seq: 5, p: "p5" } });
  socket.stop();
});

test("a cut socket comes back with numbers and position, a reset moves the number", async () => {
  const { socket, resets, next } = playing();
  socket.follow(ROOM, 5);
  const opening = next();
  socket.start();
  const first = await opening;
  first.greets(5);
  first.tells({ t: "caught_up", d: { p: "p5" } });
  first.tells(posted(6));
  const again = next();
  first.onclose?.({ code: 4011 });
  assert.equal(socket.state.is, "waiting");
  socket.wake();
  const second = await again;
  second.greets(9);
  assert.deepEqual(second.said[0]?.d, { token: "token", rooms: [{ room: ROOM, seq: 6 }], resume: "p6" });
  second.tells({ t: "reset", d: { room: ROOM, reason: "too-much", p: "p9", head: 9 } });
  assert.deepEqual([resets, socket.rooms.seq(ROOM)], [[9], 9]);
  const fresh = next();
  second.onclose?.({ code: 4007 });
  socket.wake();
  const third = await fresh;
  third.greets(9);
  assert.deepEqual(third.said[0]?.d, { token: "token", rooms: [{ room: ROOM }] });
  socket.stop();
});

test("who is sent away for good does not come back by himself", async () => {
  const { socket, sockets, next } = playing();
  const opening = next();
  socket.start();
  (await opening).onclose?.({ code: 4504 });
  assert.deepEqual(socket.state, { is: "stopped", why: "signed-out" });
  assert.equal(sockets.length, 1);
});

test("a close code means what its range says, also one that is not known yet", () => {
  const then = (code: number) => verdict(code).then;
  assert.deepEqual([1006, 4000, 4010, 4499].map(then), ["resume", "resume", "resume", "resume"]);
  assert.deepEqual([4007, 4012].map(then), ["identify-fresh", "refresh"]);
  assert.deepEqual([1009, 4500, 4505, 4507, 4999].map(then), ["stop", "stop", "stop", "stop", "stop"]);
});

test("tries are spread between half a second and thirty, and begin anew after a stable minute", () => {
  let clock = 0;
  const most = new Backoff(() => 1, () => clock);
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(() => most.next()), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  most.opened();
  clock = 59_999;
  most.fell();
  assert.equal(most.next(), 30_000);
  most.opened();
  clock += 60_000;
  most.fell();
  assert.equal(most.next(), 1_000);
  assert.equal(new Backoff(() => 0, () => 0).next(), 500);
});

test("more rooms than a frame holds are asked for one by one", () => {
  const rooms = new Rooms();
  for (let room = 0; room < 400; room += 1) rooms.follow(uuidv7(), 1_000_000);
  const asked = rooms.forIdentify(2_000, 16_384 - 600);
  assert.ok(asked.length > 150 && JSON.stringify(asked).length < 16_384 - 600);
  let later = 0;
  while (rooms.nextUnasked() !== undefined) later += 1;
  assert.equal(asked.length + later, 400);
});

// Red with `inTurn` left out at `ready` (socket.ts): what found no place is not asked for; with `hurry` doing nothing.
test("what found no place in identify follows at the pace that the server allows, what somebody opens at once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, next } = playing();
  const all = Array.from({ length: 400 }, () => uuidv7());
  for (const room of all) socket.follow(room, 1_000_000);
  socket.follow(ROOM, 1);
  const opening = next();
  socket.start();
  const server = await opening;
  server.greets(1);
  const [identify] = server.said;
  assert.ok(JSON.stringify(identify).length <= 16_384, "a larger frame ends the socket");
  const first = (identify!.d["rooms"] as { room: string }[]).map(({ room }) => room);
  const subs = () => server.said.slice(1).filter(({ t }) => t === "sub").map(({ d }) => String(d["room"]));
  socket.hurry(ROOM);
  assert.equal(subs().at(-1), ROOM);
  for (let second = 0; second < 400; second += 1) {
    t.mock.timers.tick(1_000);
    server.tells({ t: "hb_ack", d: { p: "p1", heads: {} } });
  }
  assert.deepEqual([...first, ...subs()].sort(), [...all, ROOM].sort(), "each once");
  assert.ok(server.said.length - 1 <= 120 * 400 / 60);
  socket.stop();
});

// Red with nothing said in `renew` (socket.ts).
test("a fresh token is shown on the socket that is open", async (t) => {
  const { socket, next } = playing();
  t.after(() => socket.stop());
  const opening = next();
  socket.start();
  const server = await opening;
  server.greets(0);
  await socket.renew();
  assert.deepEqual(server.said.at(-1), { t: "auth", d: { token: "fresh" } });
});

// Red with `rooms.seq(room)` alone in `sub` (taking_up.ts): the server begins at the room's end, and says nothing.
test("a room that found no place in identify and has no number any more is told where it stands", async (t) => {
  const { socket, resets, next } = playing();
  t.after(() => socket.stop());
  const all = Array.from({ length: 400 }, () => uuidv7());
  for (const room of all) socket.follow(room, 7);
  socket.follow(ROOM, 1);
  const opening = next();
  socket.start();
  (await opening).onclose?.({ code: 4007 });
  const again = next();
  socket.wake();
  const server = await again;
  server.greets(1);
  const [sub] = server.subs;
  assert.ok(Number(sub?.["seq"]) > 1e15, "a number that no room has is answered by a reset");
  const room = String(sub?.["room"]);
  server.tells({ t: "reset", d: { room, reason: "ahead", p: "p9", head: 9 } });
  assert.deepEqual([resets, socket.rooms.seq(room)], [[9], 9]);
});

test("who looks at a room hears it from the beginning of the next socket on", () => {
  const rooms = new Rooms();
  for (let room = 0; room < 400; room += 1) rooms.follow(uuidv7(), 1_000_000);
  rooms.follow(ROOM, 1);
  rooms.open(ROOM);
  assert.deepEqual(rooms.forIdentify(2_000, 16_384)[0], { room: ROOM, seq: 1 });
});

test("a key is a UUIDv7 of its moment", () => {
  const key = uuidv7(0x0190a6f27c3e);
  assert.match(key, /^0190a6f2-7c3e-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
