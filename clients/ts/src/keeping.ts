// What is there at the next start? Rooms and what waits, written down so that tabs of one user do not undo each other's.

import { keepable, VERSION, type Cache, type KeptRest } from "./cache.js";
import { settingsOf, type Card } from "./card.js";
import type { Position } from "./frames.js";
import type { Outbox } from "./outbox.js";
import type { RoomState } from "./state.js";
import type { Timeline } from "./timeline.js";

/** What one user's client keeps. */
export class Keeping {
  /** What was kept of rooms by an earlier visit. */
  readonly rooms = new Map<string, RoomState>();
  /** What was written down of each room last. */
  readonly #written = new Map<string, RoomState>();
  #isOver = false;

  constructor(private readonly cache: Cache) {}

  /** Reads what was kept of this user. */
  async open(me: string): Promise<KeptRest | undefined> {
    const [kept, rest] = await Promise.all([this.cache.rooms(), this.cache.rest()]);
    for (const { state } of kept) if (state.me === me) this.rooms.set(state.room, state);
    return rest?.version === VERSION ? rest : undefined;
  }

  /** What is held of the room is what was kept. */
  isWritten(room: string, state: RoomState): void {
    this.#written.set(room, state);
  }

  /** Writes down what changed. */
  async keep(
    position: Position | undefined,
    outbox: Outbox,
    timelines: ReadonlyMap<string, Timeline>,
    cards: ReadonlyMap<string, Card>,
  ): Promise<void> {
    if (this.#isOver) return;
    await this.cache.changeRest((before) => {
      const waiting = outbox.withOthers(before?.version === VERSION ? before.waiting : []);
      return { version: VERSION, waiting, ...(position !== undefined && { position }) };
    });
    for (const [room, timeline] of timelines) {
      if (this.#isOver) return;
      const card = cards.get(room);
      if (timeline.isKept || !card || this.#written.get(room) === timeline.state) continue;
      this.#written.set(room, timeline.state);
      const state = keepable({ ...timeline.state, settings: settingsOf(card) });
      if (state) await this.cache.putRoom({ state, at_ms: Date.now() });
    }
  }

  /** Keeps nothing of the room. */
  async drop(room: string): Promise<void> {
    this.rooms.delete(room);
    this.#written.delete(room);
    await this.cache.dropRoom(room);
  }

  /** Nothing more is written down. */
  end(): void {
    this.#isOver = true;
  }

  /** Nothing of this user is kept. */
  async clear(): Promise<void> {
    await this.cache.clear();
  }
}
