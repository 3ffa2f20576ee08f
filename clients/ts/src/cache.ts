// What is there before the network is? Of each room its newest messages, what waits to be sent, and where we were.

import type { Position } from "./frames.js";
import type { RoomState } from "./state.js";

/** Rooms that are kept of a user; those that were looked at last stay. */
export const ROOMS_MAX = 50;
/** Messages that are kept of a room: its newest. */
export const MESSAGES_MAX = 100;
/** The shape of what is kept: what another release wrote is not read. */
export const VERSION = 1;

/** A room as it was kept. */
export interface KeptRoom {
  state: RoomState;
  /** When it was, in milliseconds of the clock. */
  at_ms: number;
}

/** A message that was written and whose storing nobody has confirmed yet. */
export interface Waiting {
  /** Its idempotency key: a repeat is known for the same. */
  key: string;
  room: string;
  text: string;
  reply_to?: string;
  mentions?: string[];
  /** When it was written, in milliseconds of the clock. */
  at_ms: number;
  /** Why it was refused; it waits for its writer to decide. */
  refused?: { code: string; detail: string };
  /** What it became: known before its frame comes. */
  message?: string;
}

/** What is kept besides rooms. */
export interface KeptRest {
  version: number;
  position?: Position;
  waiting: Waiting[];
}

/** A place for what is kept of one user. */
export interface Cache {
  rooms(): Promise<KeptRoom[]>;
  putRoom(kept: KeptRoom): Promise<void>;
  dropRoom(room: string): Promise<void>;
  rest(): Promise<KeptRest | undefined>;
  /** In one step: other tabs of the user write there too. */
  changeRest(change: (before: KeptRest | undefined) => KeptRest): Promise<void>;
  clear(): Promise<void>;
}

/** What is kept of a room: its newest messages, if they are in the window at all. */
export function keepable(state: RoomState): RoomState | undefined {
  if (!state.at_end) return undefined;
  const messages = state.messages.slice(-MESSAGES_MAX);
  return { ...state, messages, at_start: state.at_start && messages.length === state.messages.length };
}

/** Those of these rooms that are too many, by what was looked at longest ago. */
export function surplus(rooms: readonly KeptRoom[]): string[] {
  const newestFirst = [...rooms].sort((one, other) => other.at_ms - one.at_ms);
  return newestFirst.slice(ROOMS_MAX).map(({ state }) => state.room);
}

/** Kept as long as the process lives. */
export class MemoryCache implements Cache {
  readonly #rooms = new Map<string, KeptRoom>();
  #rest: KeptRest | undefined;

  async rooms(): Promise<KeptRoom[]> {
    return [...this.#rooms.values()];
  }

  async putRoom(kept: KeptRoom): Promise<void> {
    this.#rooms.set(kept.state.room, kept);
    for (const room of surplus([...this.#rooms.values()])) this.#rooms.delete(room);
  }

  async dropRoom(room: string): Promise<void> {
    this.#rooms.delete(room);
  }

  async rest(): Promise<KeptRest | undefined> {
    return this.#rest;
  }

  async changeRest(change: (before: KeptRest | undefined) => KeptRest): Promise<void> {
    this.#rest = change(this.#rest);
  }

  async clear(): Promise<void> {
    this.#rooms.clear();
    this.#rest = undefined;
  }
}
