// How is a room taken up on a socket that stands? From its number; of many one by one, at half the pace that a server takes.

import type { Position, Said } from "./frames.js";
import type { Later } from "./later.js";
import type { Rooms } from "./rooms.js";

/** Rooms that found no place in `identify` follow one by one, with a half of the frames that a server takes in a minute. */
const SUB_SHARE = 0.5;
/** Where a server does not say how many it takes. */
const FRAMES_PER_MINUTE = 60;
/** A room that the server cannot tell for now is asked for again after so long. */
const PARKED_AGAIN_AFTER_MS = 60_000;
/** Higher than any room's: a server answers with a `reset`, which says where the room stands. */
const NO_ROOMS_NUMBER = Number.MAX_SAFE_INTEGER;

/** What it stands on; the timers end with the socket. */
export interface TakingUpOptions {
  rooms: Rooms;
  later: Later;
  say(said: Said): void;
  position(): Position | undefined;
  framesPerMinute(): number | undefined;
}

/** Asks the server for rooms. */
export class TakingUp {
  constructor(private readonly of: TakingUpOptions) {}

  /** Asks for a room behind the number that was heard last. */
  sub(room: string, at: Position | undefined = this.of.position()): void {
    // Without a number the server would begin at the room's end and not say where that is: what is held would be taken
    // for whole.
    const wanted = { room, seq: this.of.rooms.seq(room) ?? NO_ROOMS_NUMBER };
    this.of.say({ t: "sub", d: at === undefined ? wanted : { ...wanted, p: at } });
  }

  /** There is one more to be asked for, when it is its turn. */
  soon(): void {
    if (!this.of.later.has("sub")) this.of.later.in("sub", 0, () => this.inTurn());
  }

  /** Rooms that are not asked for yet, one by one. */
  inTurn(): void {
    const { rooms, later, framesPerMinute } = this.of;
    later.not("sub");
    const room = rooms.nextUnasked();
    if (room === undefined) return;
    this.sub(room);
    const everyMs = 60_000 / ((framesPerMinute() ?? FRAMES_PER_MINUTE) * SUB_SHARE);
    later.in("sub", everyMs, () => this.inTurn());
  }

  /** What cannot be told for now is asked for later. */
  again(room: string): void {
    this.of.later.in(`parked ${room}`, PARKED_AGAIN_AFTER_MS, () => this.of.rooms.has(room) && this.sub(room));
  }
}
