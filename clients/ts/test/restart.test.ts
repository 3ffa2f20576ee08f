// What if a server does not know any more what was said? Edits of messages that it has not in memory come without a text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Person, startSystem } from "./system.js";

// Red with `#completed` left out of `take` (timeline.ts): the message stays without its text.
test("an edit of a message older than the server's memory is read, and comes to the one that was edited", async (t) => {
  const system = await startSystem();
  t.after(() => system.stop());
  if (!system.restart) return t.skip("the system is not ours to be started again");
  const read: string[] = [];
  const fetcher: typeof fetch = (input, init) => {
    if ((init?.method ?? "GET") === "GET" && /\/messages\/[^/?]+$/.test(String(input))) read.push(String(input));
    return fetch(input, init);
  };
  const [ada, bob] = [await Person.registers(system.url, "Ada"), await Person.registers(system.url, "Bob", { fetcher })];
  t.after(() => Promise.all([ada.chat.stop(), bob.chat.stop()]));
  await Promise.all([ada.chat.start(), bob.chat.start()]);
  const live = () => Promise.all([ada, bob].map((one) => one.until("live", () => one.chat.socket.state.is === "live")));
  await live();
  const room = await ada.makesRoom();
  await bob.chat.join(room);
  await bob.until("read", () => bob.chat.timeline(room).state.at_end);
  for (const text of ["one", "two", "three"]) ada.chat.write(room, text);
  await bob.until("three", () => bob.texts(room).length === 3);

  await system.restart();
  for (const one of [ada, bob]) one.chat.socket.wake();
  await live();
  const [first, second] = bob.chat.timeline(room).state.messages;
  const edit = (message: string, text: string) =>
    ada.chat.api.call("PATCH /v1/rooms/{id}/messages/{message}", { path: { id: room, message }, body: { text } });
  await edit(first!.id, "uno");
  await edit(second!.id, "dos");
  await edit(second!.id, "duo");
  await bob.until("both edits", () => bob.texts(room).join() === "uno,duo,three");
  assert.ok(read.length >= 2, "the texts were read: the frames had none");
  assert.ok(bob.chat.timeline(room).state.messages[1]?.edited_at);
});
