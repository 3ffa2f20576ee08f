// Does the fold do what every fold does? Frames in, state out, as files that other languages can play as well.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { apply, type RoomFrame, type RoomState } from "chatroom-client";

interface Vector {
  says: string;
  start: RoomState;
  frames: RoomFrame[];
  end: RoomState;
}

const folder = new URL("../../vectors/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (name: string): Vector => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Vector;

// Red with `frame.seq <= message.as_of` left out of fold.ts (page_ahead), with the check for known ids (repeated), with
// that for deleted messages (edit_after_deletion).
for (const name of files) {
  const { says, start, frames, end } = read(name);
  test(`${name}: ${says}`, () => {
    const before = structuredClone(start);
    const after = frames.reduce((state, frame) => apply(frame, state), start);
    assert.deepEqual(JSON.parse(JSON.stringify(after)), end);
    assert.deepEqual(start, before, "the fold is pure");
  });

  test(`${name}: every frame twice is the same`, () => {
    const twice = frames.flatMap((frame) => [frame, frame]);
    assert.deepEqual(JSON.parse(JSON.stringify(twice.reduce((state, frame) => apply(frame, state), start))), end);
  });
}
