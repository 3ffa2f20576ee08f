// How is a room's history read? Page by page into a window, which frames keep up to date.

import type { Api } from "./api.js";
import { apply, applyPerson, order } from "./fold.js";
import type { PlainFrame, Position, RoomFrame } from "./frames.js";
import type { MessagePage, Role } from "./rest.js";
import { emptyState, hasText, wanted, type RoomState } from "./state.js";
import { joined, reread, trimmed, type Place } from "./window.js";

/** Messages in the window; when more are read, those at its other end are let go. */
export const WINDOW_MAX = 250;
/** Frames that are kept to bring a page to what is known already. */
const RECENT_MAX = 512;
/** How often a page is read that is older than those. */
const TRIES_MAX = 4;
/** Texts that are read one by one; more are read as a page. */
const REREAD_MAX = 5;
/** How often one is asked for in vain. */
const REREADS_MAX = 3;

/** What is being read. */
export type Reading = "window" | "before" | "after";

/** One room's messages. */
export class Timeline {
  state: RoomState;
  /** What is shown was kept from an earlier visit, and has not been compared with the server yet. */
  isKept = false;
  readonly reading = new Set<Reading>();
  /** Why the last reading failed. */
  failure: unknown;
  #recent: RoomFrame[] = [];
  /** Counts whole readings: what an earlier one answers is not wanted any more. */
  #generation = 0;
  /** Texts that are being read: the number of the frame that took them away. */
  readonly #asking = new Map<string, number>();
  /** How often a text was answered without one. */
  readonly #vain = new Map<string, number>();
  /** The position of the last frame: what is read to go with it may not be older. */
  #heard: Position | undefined;

  constructor(
    private readonly api: Api,
    private readonly of: { room: string; me: string; role: Role | null; seq: number; kept?: RoomState },
    private readonly position: () => Position | undefined,
    private readonly changed: () => void,
  ) {
    const { room, me, role, seq, kept } = of;
    this.state = kept ? { ...kept, role } : emptyState(room, me, role, seq);
    this.isKept = kept !== undefined;
  }

  /** Whether there is anything to show. */
  get isEmpty(): boolean {
    return this.state.messages.length === 0;
  }

  /** The next frame of the room. */
  take(frame: RoomFrame): void {
    const before = this.state;
    this.#heard = frame.p;
    // The socket tells all frames of a room, in order: what does not follow belongs to numbers that became void.
    if (order(frame, before) === "gap") return void this.reset(frame.seq, frame.p);
    this.#recent = [...this.#recent.slice(1 - RECENT_MAX), frame];
    this.state = apply(frame, before);
    this.#superseded(frame);
    // A reader at the end sees what is new; the oldest are let go meanwhile.
    if (this.state.at_end) this.state = trimmed(this.state, "newest", 2 * WINDOW_MAX);
    this.#completed();
    if (this.state !== before) this.changed();
  }

  /** What is being read of a message may be old when a frame of it comes meanwhile. */
  #superseded({ d, seq }: RoomFrame): void {
    const id = String(d["message"]);
    if (this.#asking.has(id)) this.#asking.set(id, seq);
  }

  /** A person's frame. */
  takePerson(frame: PlainFrame): void {
    const before = this.state;
    this.state = applyPerson(frame, before);
    if (this.state !== before) this.changed();
  }

  /** Everything held is void; the room stands at this number, and is read as of this position. */
  async reset(seq: number, at: Position | undefined): Promise<void> {
    const { room, me, role, settings, members } = this.state;
    this.#recent = [];
    this.#heard = at;
    this.#asking.clear();
    this.state = { ...emptyState(room, me, role, seq), settings, members };
    await this.latest();
  }

  /** The network is back: what could not be read is read. */
  again(): void {
    this.failure = undefined;
    // At its beginning and empty: nobody has said anything yet.
    if (!this.isEmpty || this.state.at_start) this.#completed();
    else if (!this.reading.has("window")) void this.latest();
    this.changed();
  }

  /** The newest messages. */
  latest(): Promise<void> {
    return this.#window({});
  }

  /** Those around a message. */
  around(message: string): Promise<void> {
    return this.#window({ around: message });
  }

  /** Those from a time on. */
  at(time: string): Promise<void> {
    return this.#window({ at: time });
  }

  /** The page before the window. */
  async before(): Promise<void> {
    const first = this.state.messages[0];
    if (this.state.at_start || !first) return;
    await this.#read("before", { before: first.id }, "before");
  }

  /** The page after the window. */
  async after(): Promise<void> {
    const last = this.state.messages.at(-1);
    if (this.state.at_end || !last) return;
    await this.#read("after", { after: last.id }, "after");
  }

  async #window(query: { around?: string; at?: string }): Promise<void> {
    this.#generation += 1;
    this.reading.delete("window");
    await this.#read("window", query, "alone");
  }

  async #read(reading: Reading, query: { [name: string]: string }, place: Place): Promise<void> {
    if (this.reading.has(reading) || (place !== "alone" && this.reading.has("window"))) return;
    const generation = this.#generation;
    this.reading.add(reading);
    this.failure = undefined;
    this.changed();
    try {
      const after = await this.#joined(query, place, generation);
      if (after) {
        this.state = place === "alone" ? after : trimmed(after, place === "before" ? "oldest" : "newest", WINDOW_MAX);
        this.isKept = false;
      }
    } catch (why) {
      if (generation === this.#generation) this.failure = why;
    } finally {
      if (generation === this.#generation) this.reading.delete(reading);
      this.#completed();
      this.changed();
    }
  }

  /** The state with that page; undefined when it is not wanted any more. */
  async #joined(query: object, place: Place, generation: number): Promise<RoomState | undefined> {
    for (let tries = 1; ; tries += 1) {
      const page: MessagePage = await this.api.call("GET /v1/rooms/{id}/messages", {
        path: { id: this.of.room },
        query,
        minPosition: this.#heard ?? this.position(),
      });
      if (generation !== this.#generation) return undefined;
      const after = joined(page, place, this.state, this.#recent);
      if (after) return after;
      if (tries === TRIES_MAX) throw new Error("the room moves faster than it can be read");
    }
  }

  /** Reads the texts that frames did not carry. */
  #completed(): void {
    // What could not be read just now is not asked for at once again.
    if (this.reading.has("window") || this.failure) return;
    const { seq, messages } = this.state;
    if (this.#vain.size > 0) for (const message of messages) if (hasText(message)) this.#vain.delete(message.id);
    const missing = wanted(this.state).filter((id) => !this.#asking.has(id) && (this.#vain.get(id) ?? 0) < REREADS_MAX);
    if (missing.length <= REREAD_MAX) return missing.forEach((id) => void this.#reread(id, seq));
    for (const id of missing) this.#isVain(id);
    void (this.state.at_end ? this.latest() : this.around(missing.at(-1)!));
  }

  #isVain(id: string): void {
    this.#vain.set(id, (this.#vain.get(id) ?? 0) + 1);
  }

  /** Reads the text that the frame of this number, or one before it, did not carry. */
  async #reread(id: string, seq: number): Promise<void> {
    this.#asking.set(id, seq);
    try {
      const path = { id: this.of.room, message: id };
      const minPosition = this.#heard ?? this.position();
      const { message } = await this.api.call("GET /v1/rooms/{id}/messages/{message}", { path, minPosition });
      const isLatest = this.#asking.get(id) === seq;
      this.#asking.delete(id);
      // Another frame of it came meanwhile: what was answered may be what was said before that.
      if (!isLatest) return this.#completed();
      if (!hasText(message)) this.#isVain(id);
      this.state = reread(this.state, message);
      this.changed();
    } catch {
      // It stays without its text, and is asked for again when something happens in the room, or the network is back.
      this.#asking.delete(id);
    }
  }
}
