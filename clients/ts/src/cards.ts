// Which rooms is one in, and what is new in them? A list that is read, then told by frames, and counted by the server.

import type { Api } from "./api.js";
import { changedCard, counted, recounts, type Card } from "./card.js";
import type { Control, Posted, RoomFrame } from "./frames.js";
import type { Later } from "./later.js";
import type { ChatSocket } from "./socket.js";

/** Counts are asked for again after so long: several changes are one question. */
const RECOUNT_AFTER_MS = 400;
/** A server takes one marker in two seconds. */
const READ_EVERY_MS = 2_000;

/** What the cards of a user stand on. */
export interface CardsOptions {
  me: string;
  api: Api;
  socket: ChatSocket;
  later: Later;
  /** A room is in the list. */
  listed(card: Card): void;
  changed(): void;
}

/** The cards of the rooms that one is in. */
export class Cards {
  readonly rooms = new Map<string, Card>();
  #isLoaded = false;
  #looking: Promise<void> | undefined;
  /** Rooms that one went out of while the list was read: what is answered may be older. */
  readonly #left = new Set<string>();
  readonly #markedAt = new Map<string, number>();

  constructor(private readonly of: CardsOptions) {}

  /** Whether the list was read. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Reads the list for the first time. */
  async load(): Promise<void> {
    for (const card of await this.#all()) this.list(card);
    this.#isLoaded = true;
  }

  /** Looks for rooms that came without a word. */
  look(): Promise<void> {
    if (!this.#isLoaded) return Promise.resolve();
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** A room is one's own. */
  list(card: Card): void {
    this.rooms.set(card.id, card);
    this.of.listed(card);
  }

  /** One is out of it. */
  drop(room: string): void {
    this.#left.add(room);
    this.rooms.delete(room);
  }

  /** A socket stands: where the rooms are. */
  ready({ rooms }: Control["ready"]): void {
    for (const { id, role, head, read, unread, mentions } of rooms) {
      const card = this.rooms.get(id);
      if (card) this.rooms.set(id, { ...card, head, member: { role, read, unread, mentions } });
    }
  }

  /** A frame of a room. */
  take(frame: RoomFrame): void {
    const { t, room } = frame;
    const card = this.rooms.get(room);
    if (!card) return;
    if (t === "message.posted") return this.#posted(card, frame.d as unknown as Posted);
    if (/^(messages?\.(deleted|moderated|removed))$/.test(t)) {
      if (card.member?.unread) this.recount(room);
      return;
    }
    if (recounts(t)) this.recount(room);
    this.#become(card, changedCard(card, frame, this.of.me));
  }

  /** Counts are derived: after what may lower them, the server is asked. */
  recount(room: string): void {
    const { api, socket, later, changed } = this.of;
    later.in(`count ${room}`, RECOUNT_AFTER_MS, () => {
      const ask = { path: { id: room }, minPosition: socket.position };
      api.call("GET /v1/rooms/{id}", ask).then((answer) => {
        if (!this.rooms.has(room)) return;
        this.rooms.set(room, answer.room);
        changed();
      }).catch(() => undefined);
    });
  }

  /** Somebody has looked at the room up to its end. */
  read(room: string): void {
    const { api, socket, later } = this.of;
    const card = this.rooms.get(room);
    const seq = socket.rooms.seq(room) ?? 0;
    if (!card?.member || (card.member.unread === 0 && card.member.mentions === 0)) return;
    this.#become(card, { ...card, member: { ...card.member, unread: 0, mentions: 0, read: seq } });
    const wait = Math.max(0, READ_EVERY_MS - (Date.now() - (this.#markedAt.get(room) ?? 0)));
    later.in(`read ${room}`, wait, () => {
      this.#markedAt.set(room, Date.now());
      const read = { path: { id: room }, body: { seq: socket.rooms.seq(room) ?? seq } };
      // Not marked is marked with the next message.
      api.call("PUT /v1/rooms/{id}/read", read).catch(() => undefined);
    });
  }

  async #look(): Promise<void> {
    this.#left.clear();
    try {
      // What is known is told by frames, which may be newer.
      const isNews = (id: string) => !this.rooms.has(id) && !this.#left.has(id);
      const news = (await this.#all()).filter(({ id }) => isNews(id));
      for (const card of news) this.list(card);
      if (news.length > 0) this.of.changed();
    } catch {
      // There will be another occasion.
    }
  }

  /** All rooms that one is in. */
  async #all(): Promise<Card[]> {
    const { api, socket } = this.of;
    const all: Card[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? {} : { cursor };
      const page = await api.call("GET /v1/users/me/rooms", { query });
      all.push(...page.items);
      socket.position ??= page.position;
      cursor = page.page.has_more_after ? (page.page.next ?? undefined) : undefined;
    } while (cursor !== undefined);
    return all;
  }

  #posted(card: Card, posted: Posted): void {
    // What was missed is counted in `ready` already.
    if (card.member && this.of.socket.state.is === "live") this.#become(card, counted(card, posted, this.of.me));
  }

  #become(card: Card, after: Card): void {
    if (after === card) return;
    this.rooms.set(card.id, after);
    this.of.changed();
  }
}
