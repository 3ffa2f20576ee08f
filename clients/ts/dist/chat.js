// What does an application stand on? One signed-in user: rooms with what is new in them, live, kept, and written offline.
import { Api } from "./api.js";
import { MemoryCache } from "./cache.js";
import { cardOf } from "./card.js";
import { Cards } from "./cards.js";
import { Keeping } from "./keeping.js";
import { Later } from "./later.js";
import { Outbox } from "./outbox.js";
import { Presences, Typists } from "./presences.js";
import { ChatSocket } from "./socket.js";
import { Timeline } from "./timeline.js";
/** What is kept is written after so long without a change. */
const KEEP_AFTER_MS = 500;
/** What could not be asked is asked again after so long. */
const LOAD_AGAIN_AFTER_MS = 5_000;
/** A signed-in user's chat. */
export class Chat {
    options;
    api;
    me;
    socket;
    outbox;
    presences = new Presences();
    typists;
    #cards;
    #timelines = new Map();
    #keeping;
    #later = new Later();
    /** Since the list was read it may have been live and away. */
    #wasLive = false;
    #isStopped = false;
    constructor(options) {
        this.options = options;
        const { session, base } = options;
        this.me = session.user?.id ?? "";
        this.api = new Api(base, session, options.fetcher);
        this.#keeping = new Keeping(options.cache ?? new MemoryCache());
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
                read: ({ room }) => this.#cards.recount(room),
            },
        });
        this.#cards = new Cards({
            me: this.me,
            api: this.api,
            socket: this.socket,
            later: this.#later,
            listed: (card) => this.#listed(card),
            changed: () => options.changed({ of: "rooms" }),
        });
    }
    /** The rooms that one is in. */
    get rooms() {
        return this.#cards.rooms;
    }
    /** Shows what was kept, then asks what there is, then follows it. */
    async start() {
        const rest = await this.#keeping.open(this.me);
        this.outbox.restore(rest?.waiting ?? []);
        this.socket.position = rest?.position;
        await this.#load();
        if (!this.#isStopped)
            this.socket.start();
    }
    /** Ends everything; what waits stays kept. */
    async stop() {
        this.socket.stop();
        this.outbox.stop();
        this.#later.end();
        // A store that does not answer ends nothing less.
        await this.keep().catch(() => undefined);
        this.#keeping.end();
        this.#isStopped = true;
    }
    /** Ends everything, and forgets what is kept of this user. */
    async forget() {
        await this.stop();
        await this.#keeping.clear();
    }
    /** The messages of a room; what was kept of it is shown until they are compared. */
    timeline(room) {
        const known = this.#timelines.get(room);
        if (known)
            return known;
        this.socket.hurry(room);
        const card = this.rooms.get(room);
        const seq = this.socket.rooms.seq(room) ?? card?.head ?? 0;
        const kept = this.#keeping.rooms.get(room);
        const of = { room, me: this.me, role: card?.member?.role ?? null, seq };
        const isWhole = kept !== undefined && kept.seq === seq;
        const timeline = new Timeline(this.api, isWhole ? { ...of, kept } : of, () => this.socket.position, () => this.#roomChanged(room));
        this.#timelines.set(room, timeline);
        if (isWhole)
            this.#keeping.isWritten(room, timeline.state);
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
        return this.#cards.look();
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
        this.#cards.read(room);
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
        await this.#keeping.keep(this.socket.position, this.outbox, this.#timelines, this.rooms);
    }
    async #load() {
        try {
            await this.#cards.load();
            for (const room of this.#keeping.rooms.keys())
                if (!this.rooms.has(room))
                    await this.#keeping.drop(room);
        }
        catch {
            // No server: what was kept is what there is, and the socket finds out what became of it.
            for (const state of this.#keeping.rooms.values())
                if (!this.rooms.has(state.room))
                    this.#cards.list(cardOf(state));
            this.#later.in("load", LOAD_AGAIN_AFTER_MS, () => void this.#load());
        }
        this.options.changed({ of: "rooms" });
    }
    #listed(card) {
        if (!this.socket.rooms.has(card.id))
            this.socket.followInTurn(card.id, this.#keeping.rooms.get(card.id)?.seq ?? card.head);
        // What was kept goes on from where it is; without what comes it would not be whole when it is shown.
        if (this.#keeping.rooms.has(card.id))
            this.timeline(card.id);
    }
    #connection(state) {
        if (state.is === "live") {
            this.outbox.flush();
            if (!this.#cards.isLoaded)
                this.#later.in("load", 0, () => void this.#load());
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
        this.#cards.ready(ready);
        for (const { id, role } of ready.rooms) {
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
        this.#cards.take(frame);
        this.#timelines.get(room)?.take(frame);
    }
    #posted(room, posted) {
        if (posted.author.id === this.me)
            this.outbox.stored(posted.key, posted.id);
        this.typists.wrote(room, posted.author.id);
    }
    #person(frame) {
        if (frame.t.startsWith("lounge."))
            return this.options.changed({ of: "lounge", lounge: frame.d });
        for (const timeline of this.#timelines.values())
            timeline.takePerson(frame);
    }
    #reset({ room, head, p }) {
        void this.#keeping.drop(room);
        void this.#timelines.get(room)?.reset(head, p);
        this.#cards.recount(room);
    }
    #gone(room, reason) {
        this.#cards.drop(room);
        this.#timelines.delete(room);
        void this.#keeping.drop(room);
        this.socket.unfollow(room);
        this.options.changed({ of: "gone", room, reason });
        this.options.changed({ of: "rooms" });
    }
    #roomChanged(room) {
        const timeline = this.#timelines.get(room);
        if (timeline && !timeline.isKept && timeline.state.at_end && timeline.reading.size === 0)
            this.#shown(room);
        this.#keepLater();
        this.options.changed({ of: "room", room });
    }
    /** What was answered and is in the window is shown there. */
    #shown(room) {
        this.outbox.shown(room, this.#timelines.get(room)?.state.messages ?? []);
    }
    #outboxChanged(waiting) {
        this.#keepLater();
        this.options.changed({ of: "outbox" });
        const answered = waiting.filter((one) => one.message !== undefined);
        for (const room of new Set(answered.map((one) => one.room)))
            queueMicrotask(() => this.#shown(room));
    }
    #keepLater() {
        this.#later.in("keep", KEEP_AFTER_MS, () => void this.keep().catch(() => undefined));
    }
}
