// Which rooms is one in, and what is new in them? A list that is read, then told by frames, and counted by the server.
import { changedCard, counted, recounts } from "./card.js";
/** Counts are asked for again after so long: several changes are one question. */
const RECOUNT_AFTER_MS = 400;
/** A server takes one marker in two seconds. */
const READ_EVERY_MS = 2_000;
/** The cards of the rooms that one is in. */
export class Cards {
    of;
    rooms = new Map();
    #isLoaded = false;
    #looking;
    /** Rooms that one went out of while the list was read: what is answered may be older. */
    #left = new Set();
    #markedAt = new Map();
    constructor(of) {
        this.of = of;
    }
    /** Whether the list was read. */
    get isLoaded() {
        return this.#isLoaded;
    }
    /** Reads the list for the first time. */
    async load() {
        for (const card of await this.#all())
            this.list(card);
        this.#isLoaded = true;
    }
    /** Looks for rooms that came without a word. */
    look() {
        if (!this.#isLoaded)
            return Promise.resolve();
        this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
        return this.#looking;
    }
    /** A room is one's own. */
    list(card) {
        this.rooms.set(card.id, card);
        this.of.listed(card);
    }
    /** One is out of it. */
    drop(room) {
        this.#left.add(room);
        this.rooms.delete(room);
    }
    /** A socket stands: where the rooms are. */
    ready({ rooms }) {
        for (const { id, role, head, read, unread, mentions } of rooms) {
            const card = this.rooms.get(id);
            if (card)
                this.rooms.set(id, { ...card, head, member: { role, read, unread, mentions } });
        }
    }
    /** A frame of a room. */
    take(frame) {
        const { t, room } = frame;
        const card = this.rooms.get(room);
        if (!card)
            return;
        if (t === "message.posted")
            return this.#posted(card, frame.d);
        if (/^(messages?\.(deleted|moderated|removed))$/.test(t)) {
            if (card.member?.unread)
                this.recount(room);
            return;
        }
        if (recounts(t))
            this.recount(room);
        this.#become(card, changedCard(card, frame, this.of.me));
    }
    /** Counts are derived: after what may lower them, the server is asked. */
    recount(room) {
        const { api, socket, later, changed } = this.of;
        later.in(`count ${room}`, RECOUNT_AFTER_MS, () => {
            const ask = { path: { id: room }, minPosition: socket.position };
            api.call("GET /v1/rooms/{id}", ask).then((answer) => {
                if (!this.rooms.has(room))
                    return;
                this.rooms.set(room, answer.room);
                changed();
            }).catch(() => undefined);
        });
    }
    /** Somebody has looked at the room up to its end. */
    read(room) {
        const { api, socket, later } = this.of;
        const card = this.rooms.get(room);
        const seq = socket.rooms.seq(room) ?? 0;
        if (!card?.member || (card.member.unread === 0 && card.member.mentions === 0))
            return;
        this.#become(card, { ...card, member: { ...card.member, unread: 0, mentions: 0, read: seq } });
        const wait = Math.max(0, READ_EVERY_MS - (Date.now() - (this.#markedAt.get(room) ?? 0)));
        later.in(`read ${room}`, wait, () => {
            this.#markedAt.set(room, Date.now());
            const read = { path: { id: room }, body: { seq: socket.rooms.seq(room) ?? seq } };
            // Not marked is marked with the next message.
            api.call("PUT /v1/rooms/{id}/read", read).catch(() => undefined);
        });
    }
    async #look() {
        this.#left.clear();
        try {
            // What is known is told by frames, which may be newer.
            const isNews = (id) => !this.rooms.has(id) && !this.#left.has(id);
            const news = (await this.#all()).filter(({ id }) => isNews(id));
            for (const card of news)
                this.list(card);
            if (news.length > 0)
                this.of.changed();
        }
        catch {
            // There will be another occasion.
        }
    }
    /** All rooms that one is in. */
    async #all() {
        const { api, socket } = this.of;
        const all = [];
        let cursor;
        do {
            const query = cursor === undefined ? {} : { cursor };
            const page = await api.call("GET /v1/users/me/rooms", { query });
            all.push(...page.items);
            socket.position ??= page.position;
            cursor = page.page.has_more_after ? (page.page.next ?? undefined) : undefined;
        } while (cursor !== undefined);
        return all;
    }
    #posted(card, posted) {
        // What was missed is counted in `ready` already.
        if (card.member && this.of.socket.state.is === "live")
            this.#become(card, counted(card, posted, this.of.me));
    }
    #become(card, after) {
        if (after === card)
            return;
        this.rooms.set(card.id, after);
        this.of.changed();
    }
}
