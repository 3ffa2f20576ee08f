// Which rooms does a socket follow, and up to which number did it hear each?

import type { RoomFrame, RoomSummary } from "./frames.js";
import { order } from "./fold.js";

/** How often a room may break before the socket itself is not believed any more. */
const BREAKS_MAX = 3;
/** `{"room":"<uuid>","seq":<number>},` */
const BYTES_A_ROOM = 72;
/** Of `identify` around its rooms and token: names, and a position. */
const BYTES_AROUND = 256;

interface Followed {
  seq: number | undefined;
  /** The server was asked for it on this socket. */
  asked: boolean;
  /** Somebody looks at it, or did: it is asked for before the others. */
  opened: boolean;
  /** A frame was lost; those behind the gap are not taken until the room is taken up again. */
  breaks: number;
  broken: boolean;
}

/** The rooms of one client. */
export class Rooms {
  readonly #rooms = new Map<string, Followed>();

  /** Follows a room behind this number, whatever was known. */
  follow(room: string, seq: number, asked = true): void {
    const opened = this.#rooms.get(room)?.opened ?? false;
    this.#rooms.set(room, { seq, asked, opened, breaks: 0, broken: false });
  }

  /** Somebody looks at it. */
  open(room: string): void {
    const followed = this.#rooms.get(room);
    if (followed) followed.opened = true;
  }

  /** The server is asked for it: whether it was not on this socket before. */
  ask(room: string): boolean {
    const followed = this.#rooms.get(room);
    if (!followed || followed.asked) return false;
    followed.asked = true;
    return true;
  }

  /** Whether it was followed. */
  drop(room: string): boolean {
    return this.#rooms.delete(room);
  }

  /** No number is good any more. */
  forget(): void {
    for (const followed of this.#rooms.values()) followed.seq = undefined;
  }

  seq(room: string): number | undefined {
    return this.#rooms.get(room)?.seq;
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  /** Takes the next frame of a room; what does not follow is not taken. */
  take(frame: RoomFrame): "next" | "repeated" | "gap" | "unknown" {
    const followed = this.#rooms.get(frame.room);
    if (!followed) return "unknown";
    const stands = followed.seq === undefined ? "next" : order(frame, { seq: followed.seq });
    if (stands !== "next") return stands;
    followed.seq = frame.seq;
    followed.broken = false;
    return "next";
  }

  /** A frame of the room was lost: whether that is news, or has been so too often. */
  broke(room: string): "new" | "known" | "hopeless" {
    const followed = this.#rooms.get(room);
    if (!followed || followed.broken) return "known";
    followed.breaks += 1;
    followed.broken = true;
    return followed.breaks > BREAKS_MAX ? "hopeless" : "new";
  }

  /** All was heard that there is: of one room, or of all. */
  whole(room: string | undefined): void {
    const whole = room === undefined ? [...this.#rooms.values()] : [this.#rooms.get(room)];
    for (const followed of whole) if (followed) followed.broken = false;
  }

  /** Rooms of which something was lost while connected. */
  behind(heads: Readonly<Record<string, number>>): string[] {
    const lags = ([room, head]: [string, number]) => (this.#rooms.get(room)?.seq ?? Infinity) < head;
    return Object.entries(heads).filter(lags).map(([room]) => room);
  }

  /** A new socket: as many rooms as one frame may hold, first those that somebody looks at. */
  forIdentify(max: number, bytes: number): { room: string; seq?: number }[] {
    const fit = Math.min(max, Math.floor((bytes - BYTES_AROUND) / BYTES_A_ROOM));
    const wanted: { room: string; seq?: number }[] = [];
    const inOrder = [...this.#rooms].sort(([, one], [, other]) => Number(other.opened) - Number(one.opened));
    for (const [room, followed] of inOrder) {
      followed.breaks = 0;
      followed.broken = false;
      followed.asked = wanted.length < fit;
      if (followed.asked) wanted.push(followed.seq === undefined ? { room } : { room, seq: followed.seq });
    }
    return wanted;
  }

  /** Those that had no number begin where the server says. */
  begin(summaries: readonly RoomSummary[]): void {
    for (const { id, head } of summaries) {
      const followed = this.#rooms.get(id);
      if (followed) followed.seq ??= head;
    }
  }

  /** A room that the server was not asked for yet, and is now. */
  nextUnasked(): string | undefined {
    for (const room of this.#rooms.keys()) if (this.ask(room)) return room;
    return undefined;
  }
}
