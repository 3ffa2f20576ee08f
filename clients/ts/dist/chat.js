// What does an application stand on? One signed-in user: rooms with what is new in them, live, kept, and written offline.
import { Api } from "./api.js";
import { keepable, MemoryCache, VERSION } from "./cache.js";
import { cardOf, changedCard, counted, recounts, settingsOf } from "./card.js";
import { Outbox } from "./outbox.js";
import { Presences, Typists } from "./presences.js";
import { ChatSocket } from "./socket.js";
import { Timeline } from "./timeline.js";
/** What is kept is written after so long without a change. */
const KEEP_AFTER_MS = 500;
/** Counts are asked for again after so long: several changes are one question. */
const RECOUNT_AFTER_MS = 400;
/** What could not be asked is asked again after so long. */
const LOAD_AGAIN_AFTER_MS = 5_000;
/** A server takes one marker in two seconds. */
const READ_EVERY_MS = 2_000;
/** A signed-in user's chat. */
export class Chat {
    options;
    api;
    me;
    socket;
    outbox;
    presences = new Presences();
    typists;
    /** The rooms that one is in. */
    rooms = new Map();
    #timelines = new Map();
    #kept = new Map();
    /** What was written down of each room last. */
    #written = new Map();
    #cache;
    #timers = new Map();
    #markedAt = new Map();
    #isLoaded = false;
    /** Since the list was read it may have been live and away. */
    #wasLive = false;
    #looking;
    /** Rooms that one went out of while the list was read: what is answered may be older. */
    #left = new Set();
    #isStopped = false;
    constructor(options) {
        this.options = options;
        const { session, base } = options;
        this.me = session.user?.id ?? "";
        this.api = new Api(base, session, options.fetcher);
        this.#cache = options.cache ?? new MemoryCache();
        this.typists = new Typists((room) => options.changed({ of: "typing", room }));
        this.outbox = new Outbox(this.api, (waiting) => this.#outboxChanged(waiting));
        this.socket = new ChatSocket({
            url: `${base.replace(/^http/, "ws")}/v1/ws`,
            token: () => session.access(),
            renewed: (refused) => session.renewed(refused),
            expiresAtMs: () => session.expiresAtMs,
            ...options.socket,
            events: {
                state: (state) => this.#connection(state),
                frame: (frame) => this.#frame(frame),
                person: (frame) => this.#person(frame),
                ready: (ready) => this.#ready(ready),
                reset: (reset) => this.#reset(reset),
                gone: ({ room, reason }) => this.#gone(room, reason),
                typing: ({ room, user }) => user !== this.me && this.typists.types(room, user),
                presence: ({ room, users, reload }) => {
                    if (reload)
                        void this.whoIsThere(room);
                    this.presences.take(users ?? []);
                    options.changed({ of: "presence" });
                },
                read: ({ room }) => this.#recount(room),
            },
        });
    }
    /** Shows what was kept, then asks what there is, then follows it. */
    async start() {
        const [kept, rest] = await Promise.all([this.#cache.rooms(), this.#cache.rest()]);
        for (const { state } of kept)
            if (state.me === this.me)
                this.#kept.set(state.room, state);
        this.outbox.restore(rest?.version === VERSION ? rest.waiting : []);
        this.socket.position = rest?.position;
        await this.#load();
        if (!this.#isStopped)
            this.socket.start();
    }
    /** Ends everything; what waits stays kept. */
    async stop() {
        this.socket.stop();
        this.outbox.stop();
        for (const timer of this.#timers.values())
            clearTimeout(timer);
        // A store that does not answer ends nothing less.
        await this.keep().catch(() => undefined);
        this.#isStopped = true;
    }
    /** Ends everything, and forgets what is kept of this user. */
    async forget() {
        await this.stop();
        await this.#cache.clear();
    }
    /** The messages of a room; what was kept of it is shown until they are compared. */
    timeline(room) {
        const known = this.#timelines.get(room);
        if (known)
            return known;
        this.socket.hurry(room);
        const card = this.rooms.get(room);
        const seq = this.socket.rooms.seq(room) ?? card?.head ?? 0;
        const kept = this.#kept.get(room);
        const of = { room, me: this.me, role: card?.member?.role ?? null, seq };
        const isWhole = kept !== undefined && kept.seq === seq;
        const timeline = new Timeline(this.api, isWhole ? { ...of, kept } : of, () => this.socket.position, () => this.#roomChanged(room));
        this.#timelines.set(room, timeline);
        if (isWhole)
            this.#written.set(room, timeline.state);
        // A window that is whole and followed needs no reading: the socket tells what is missing.
        if (!isWhole)
            void timeline.latest();
        return timeline;
    }
    /**
     * Looks whether there are rooms that one was added to: no frame tells it, sockets hear only of rooms that they follow.
     * Done whenever the socket is live again; to be called when somebody looks at the list.
     */
    look() {
        if (!this.#isLoaded)
            return Promise.resolve();
        this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
        return this.#looking;
    }
    /** Joins a public room, and follows it. */
    async join(room) {
        const { position } = await this.api.call("PUT /v1/rooms/{id}/members/me", { path: { id: room } });
        await this.enter(room, position);
    }
    /** Follows a room that one is in from now on. */
    async enter(room, minPosition) {
        const answer = await this.api.call("GET /v1/rooms/{id}", { path: { id: room }, minPosition });
        this.rooms.set(room, answer.room);
        this.socket.follow(room, answer.room.head, answer.position);
        this.options.changed({ of: "rooms" });
    }
    async leave(room) {
        await this.api.call("DELETE /v1/rooms/{id}/members/me", { path: { id: room } });
        this.#gone(room, "left");
    }
    /** Writes a message: it is shown at once, and sent as soon as that is possible. */
    write(room, text, extras) {
        this.typists.wrote(room);
        return this.outbox.write(room, text, extras);
    }
    /** Somebody has looked at the room up to its end. */
    read(room) {
        const card = this.rooms.get(room);
        const seq = this.socket.rooms.seq(room) ?? 0;
        if (!card?.member || (card.member.unread === 0 && card.member.mentions === 0))
            return;
        this.rooms.set(room, { ...card, member: { ...card.member, unread: 0, mentions: 0, read: seq } });
        this.options.changed({ of: "rooms" });
        const wait = Math.max(0, READ_EVERY_MS - (Date.now() - (this.#markedAt.get(room) ?? 0)));
        this.#after(`read ${room}`, wait, () => {
            this.#markedAt.set(room, Date.now());
            const read = { path: { id: room }, body: { seq: this.socket.rooms.seq(room) ?? seq } };
            // Not marked is marked with the next message.
            this.api.call("PUT /v1/rooms/{id}/read", read).catch(() => undefined);
        });
    }
    /** Asks who of a room is there. */
    async whoIsThere(room) {
        try {
            const page = await this.api.call("GET /v1/rooms/{id}/presence", { path: { id: room } });
            this.presences.take(page.items);
            this.options.changed({ of: "presence" });
        }
        catch {
            // Nobody is shown as there.
        }
    }
    /** Says that something is being typed. */
    types(room) {
        if (this.typists.mayTell(room))
            this.socket.typing(room);
    }
    /** Writes down what is to be there at the next start. */
    async keep() {
        if (this.#isStopped)
            return;
        const { position } = this.socket;
        await this.#cache.changeRest((before) => {
            const waiting = this.outbox.withOthers(before?.version === VERSION ? before.waiting : []);
            return { version: VERSION, waiting, ...(position !== undefined && { position }) };
        });
        for (const [room, timeline] of this.#timelines) {
            if (this.#isStopped)
                return;
            if (timeline.isKept || !this.rooms.has(room) || this.#written.get(room) === timeline.state)
                continue;
            this.#written.set(room, timeline.state);
            const state = keepable({ ...timeline.state, settings: settingsOf(this.rooms.get(room)) });
            if (state)
                await this.#cache.putRoom({ state, at_ms: Date.now() });
        }
    }
    async #look() {
        this.#left.clear();
        try {
            // What is known is told by frames, which may be newer.
            const isNews = (id) => !this.rooms.has(id) && !this.#left.has(id);
            const news = (await this.#all()).filter(({ id }) => isNews(id));
            for (const room of news)
                this.#listed(room);
            if (news.length > 0)
                this.options.changed({ of: "rooms" });
        }
        catch {
            // There will be another occasion.
        }
    }
    /** All rooms that one is in. */
    async #all() {
        const all = [];
        let cursor;
        do {
            const query = cursor === undefined ? {} : { cursor };
            const page = await this.api.call("GET /v1/users/me/rooms", { query });
            all.push(...page.items);
            this.socket.position ??= page.position;
            cursor = page.page.has_more_after ? (page.page.next ?? undefined) : undefined;
        } while (cursor !== undefined);
        return all;
    }
    async #load() {
        try {
            for (const room of await this.#all())
                this.#listed(room);
            for (const room of this.#kept.keys())
                if (!this.rooms.has(room))
                    await this.#cache.dropRoom(room);
            this.#isLoaded = true;
        }
        catch {
            // No server: what was kept is what there is, and the socket finds out what became of it.
            for (const state of this.#kept.values())
                if (!this.rooms.has(state.room))
                    this.#listed(cardOf(state));
            this.#after("load", LOAD_AGAIN_AFTER_MS, () => void this.#load());
        }
        this.options.changed({ of: "rooms" });
    }
    #listed(card) {
        this.rooms.set(card.id, card);
        if (!this.socket.rooms.has(card.id))
            this.socket.followInTurn(card.id, this.#kept.get(card.id)?.seq ?? card.head);
        // What was kept goes on from where it is; without what comes it would not be whole when it is shown.
        if (this.#kept.has(card.id))
            this.timeline(card.id);
    }
    #connection(state) {
        if (state.is === "live") {
            this.outbox.flush();
            if (!this.#isLoaded)
                this.#after("load", 0, () => void this.#load());
            else if (this.#wasLive)
                void this.look();
            this.#wasLive = true;
            for (const timeline of this.#timelines.values()) {
                timeline.isKept = false;
                timeline.again();
            }
        }
        this.options.changed({ of: "connection" });
    }
    #ready(ready) {
        for (const { id, role, head, read, unread, mentions } of ready.rooms) {
            const card = this.rooms.get(id);
            if (card)
                this.rooms.set(id, { ...card, head, member: { role, read, unread, mentions } });
            const timeline = this.#timelines.get(id);
            if (!timeline)
                continue;
            if (timeline.state.role !== role)
                timeline.state = { ...timeline.state, role };
            // The socket had to begin anew: what is held is of numbers that are void.
            const seq = this.socket.rooms.seq(id);
            if (seq !== undefined && seq !== timeline.state.seq)
                void timeline.reset(seq, ready.p);
        }
        this.options.changed({ of: "rooms" });
    }
    #frame(frame) {
        const { room } = frame;
        if (frame.t === "message.posted")
            this.#posted(room, frame.d);
        else if (/^(messages?\.(deleted|moderated|removed))$/.test(frame.t))
            this.#recountIfUnread(room);
        else
            this.#card(frame);
        if (recounts(frame.t))
            this.#recount(room);
        this.#timelines.get(room)?.take(frame);
    }
    #posted(room, posted) {
        if (posted.author.id === this.me)
            this.outbox.stored(posted.key, posted.id);
        this.typists.wrote(room, posted.author.id);
        const card = this.rooms.get(room);
        if (!card?.member || this.socket.state.is !== "live")
            return;
        this.rooms.set(room, counted(card, posted, this.me));
        this.options.changed({ of: "rooms" });
    }
    #card(frame) {
        const card = this.rooms.get(frame.room);
        const after = card && changedCard(card, frame, this.me);
        if (!after || after === card)
            return;
        this.rooms.set(frame.room, after);
        this.options.changed({ of: "rooms" });
    }
    #person(frame) {
        if (frame.t.startsWith("lounge."))
            return this.options.changed({ of: "lounge", lounge: frame.d });
        for (const timeline of this.#timelines.values())
            timeline.takePerson(frame);
    }
    #reset({ room, head, p }) {
        this.#kept.delete(room);
        void this.#cache.dropRoom(room);
        void this.#timelines.get(room)?.reset(head, p);
        this.#recount(room);
    }
    #gone(room, reason) {
        this.#left.add(room);
        this.rooms.delete(room);
        this.#timelines.delete(room);
        this.#written.delete(room);
        this.#kept.delete(room);
        void this.#cache.dropRoom(room);
        this.socket.unfollow(room);
        this.options.changed({ of: "gone", room, reason });
        this.options.changed({ of: "rooms" });
    }
    #recountIfUnread(room) {
        if (this.rooms.get(room)?.member?.unread)
            this.#recount(room);
    }
    /** Counts are derived: after what may lower them, the server is asked. */
    #recount(room) {
        this.#after(`count ${room}`, RECOUNT_AFTER_MS, () => {
            const ask = { path: { id: room }, minPosition: this.socket.position };
            this.api.call("GET /v1/rooms/{id}", ask).then((answer) => {
                if (!this.rooms.has(room))
                    return;
                this.rooms.set(room, answer.room);
                this.options.changed({ of: "rooms" });
            }).catch(() => undefined);
        });
    }
    #roomChanged(room) {
        const timeline = this.#timelines.get(room);
        if (timeline && !timeline.isKept && timeline.state.at_end && timeline.reading.size === 0)
            this.#settle(room, timeline);
        this.#keepLater();
        this.options.changed({ of: "room", room });
    }
    /** What was answered and is in the window is shown there. */
    #settle(room, timeline) {
        for (const one of this.outbox.waiting) {
            const isShown = one.room === room && timeline.state.messages.some((message) => message.id === one.message);
            if (isShown && one.message)
                this.outbox.stored(undefined, one.message);
        }
    }
    #outboxChanged(waiting) {
        this.#keepLater();
        this.options.changed({ of: "outbox" });
        for (const room of new Set(waiting.map((one) => one.room))) {
            const timeline = this.#timelines.get(room);
            const answered = waiting.find((one) => one.room === room && one.message !== undefined);
            if (timeline && answered?.message && timeline.state.messages.some(({ id }) => id === answered.message)) {
                queueMicrotask(() => this.outbox.stored(undefined, answered.message));
            }
        }
    }
    #keepLater() {
        this.#after("keep", KEEP_AFTER_MS, () => void this.keep().catch(() => undefined));
    }
    #after(name, ms, work) {
        clearTimeout(this.#timers.get(name));
        if (!this.#isStopped)
            this.#timers.set(name, setTimeout(work, ms));
    }
}
