// How does a client hear what happens? A socket that comes back by itself, resumes each room, and notices what it lost.
import { Backoff } from "./backoff.js";
import { verdict, ZOMBIE } from "./close.js";
import { isPlainFrame, isRoomFrame } from "./frames.js";
import { Later } from "./later.js";
import { Rooms } from "./rooms.js";
import { TakingUp } from "./taking_up.js";
export const SUBPROTOCOL = "chatroom.v1";
/** How long the server may take for its first word, and for an answer to a heartbeat. */
const ANSWER_WITHIN_MS = 10_000;
/** A token that ends sooner than this is replaced on the open socket. */
const RENEW_BEFORE_MS = 90_000;
/** The close code of a socket that was cut. */
const CUT = 1006;
/** A socket, and those that follow it. */
export class ChatSocket {
    options;
    rooms = new Rooms();
    /** Up to here everything was heard. */
    position;
    features = new Set();
    #state = { is: "idle" };
    #socket;
    #token;
    #hello;
    #drain;
    #later = new Later();
    #takingUp;
    #backoff;
    #random;
    constructor(options) {
        this.options = options;
        this.#random = options.random ?? Math.random;
        this.#backoff = new Backoff(this.#random, Date.now);
        this.#takingUp = new TakingUp({
            rooms: this.rooms,
            later: this.#later,
            say: (said) => this.#say(said),
            position: () => this.position,
            framesPerMinute: () => this.#hello?.limits.frames_per_minute,
        });
    }
    get state() {
        return this.#state;
    }
    has(feature) {
        return this.features.has(feature);
    }
    /** Connects, and stays connected until `stop`. */
    start() {
        if (this.#state.is === "idle" || this.#state.is === "stopped")
            void this.#connect();
    }
    /** Ends for good; `start` begins again. */
    stop() {
        this.#leave();
        this.#become({ is: "idle" });
    }
    /** The network may be back, somebody may be looking again: tries at once, or asks whether the other side is there. */
    wake() {
        if (this.#state.is === "waiting")
            void this.#connect();
        else if (this.#state.is === "live")
            this.#beat();
    }
    /** The network is gone: a socket that does not know it yet is given up. */
    lost() {
        if (this.#socket)
            this.#fell(CUT);
    }
    /** Follows a room behind this number. */
    follow(room, seq, at) {
        this.rooms.follow(room, seq);
        if (this.#isIdentified())
            this.#takingUp.sub(room, at);
    }
    /** Follows one of many rooms behind this number, when it is its turn. */
    followInTurn(room, seq) {
        this.rooms.follow(room, seq, false);
        if (this.#isIdentified())
            this.#takingUp.soon();
    }
    /** Somebody looks at the room: it does not wait for its turn. */
    hurry(room) {
        this.rooms.open(room);
        if (this.#isIdentified() && this.rooms.ask(room))
            this.#takingUp.sub(room);
    }
    unfollow(room) {
        if (this.rooms.drop(room) && this.#isIdentified())
            this.#say({ t: "unsub", d: { room } });
    }
    typing(room) {
        if (this.has("typing") && this.#isIdentified())
            this.#say({ t: "typing", d: { room } });
    }
    presence(state) {
        if (this.has("presence") && this.#isIdentified())
            this.#say({ t: "presence", d: { state } });
    }
    #isIdentified() {
        return this.#state.is === "catching-up" || this.#state.is === "live";
    }
    #become(state) {
        this.#state = state;
        this.options.events.state?.(state);
    }
    async #connect() {
        this.#leave();
        this.#become({ is: "connecting" });
        const connecting = this.#state;
        try {
            this.#token = await this.options.token();
        }
        catch {
            // The refresh found no server.
            if (this.#state === connecting)
                this.#fell(CUT);
            return;
        }
        if (this.#state !== connecting)
            return;
        if (this.#token === undefined)
            return this.#become({ is: "stopped", why: "signed-out" });
        const open = this.options.open ?? ((url, protocol) => new WebSocket(url, protocol));
        const socket = open(this.options.url, SUBPROTOCOL);
        this.#socket = socket;
        socket.onmessage = ({ data }) => this.#hear(String(data));
        socket.onclose = ({ code }) => this.#fell(code);
        socket.onerror = () => undefined;
        this.#later.in("hello", ANSWER_WITHIN_MS, () => this.#fell(CUT));
    }
    /** Lets the socket go; what it still says is not heard. */
    #leave(code = 1000) {
        const socket = this.#socket;
        this.#socket = undefined;
        this.#later.none();
        if (!socket)
            return;
        socket.onmessage = socket.onclose = null;
        if (socket.readyState <= WebSocket.OPEN)
            socket.close(code);
    }
    #fell(code) {
        const refused = this.#token;
        this.#leave(code === CUT ? ZOMBIE : 1000);
        this.#backoff.fell();
        const then = verdict(code);
        switch (then.then) {
            case "stop":
                return this.#become({ is: "stopped", why: then.why });
            case "identify-fresh":
                this.position = undefined;
                this.rooms.forget();
                return this.#again();
            case "refresh":
                if (refused !== undefined)
                    this.options.renewed(refused).catch(() => undefined);
                return this.#again();
            case "resume":
                return this.#again();
        }
    }
    #again() {
        const [min, max] = this.#drain ?? [0, 0];
        const wait = this.#drain ? min + this.#random() * (max - min) : this.#backoff.next();
        this.#drain = undefined;
        this.#become({ is: "waiting", untilMs: Date.now() + wait });
        this.#later.in("again", wait, () => void this.#connect());
    }
    #say(said) {
        if (this.#socket?.readyState === WebSocket.OPEN)
            this.#socket.send(JSON.stringify(said));
    }
    #hear(text) {
        // Whatever it says, it is there.
        this.#later.not("answer");
        const frame = JSON.parse(text);
        if (isRoomFrame(frame))
            this.#numbered(frame);
        else if (isPlainFrame(frame))
            this.options.events.person?.(frame);
        else
            this.#control(frame);
    }
    #numbered(frame) {
        switch (this.rooms.take(frame)) {
            case "next":
                if (this.#state.is === "live")
                    this.position = frame.p;
                return this.options.events.frame?.(frame);
            case "gap":
                return this.#lost(frame.room);
            case "repeated":
            case "unknown":
                return;
        }
    }
    /** Something of a room was lost on the way: it is taken up again where it broke off. */
    #lost(room) {
        const known = this.rooms.broke(room);
        if (known === "hopeless")
            this.#fell(CUT);
        else if (known === "new")
            this.#takingUp.sub(room);
    }
    #control(frame) {
        const { events } = this.options;
        switch (frame.t) {
            case "hello":
                return this.#identify(frame.d);
            case "ready":
                this.#backoff.opened();
                this.rooms.begin(frame.d.rooms);
                this.#become({ is: "catching-up" });
                this.#renewInTime();
                this.#beatLater();
                this.#takingUp.inTurn();
                return events.ready?.(frame.d);
            case "caught_up":
                this.rooms.whole(frame.d.room);
                if (frame.d.room === undefined) {
                    this.position = frame.d.p;
                    this.#become({ is: "live" });
                }
                return events.caughtUp?.(frame.d);
            case "reset":
                this.rooms.follow(frame.d.room, frame.d.head);
                if (frame.d.reason === "parked")
                    this.#takingUp.again(frame.d.room);
                return events.reset?.(frame.d);
            case "room_gone":
                this.rooms.drop(frame.d.room);
                return events.gone?.(frame.d);
            case "hb_ack":
                for (const room of this.rooms.behind(frame.d.heads))
                    this.#lost(room);
                return;
            case "auth_ok":
                return this.#renewInTime();
            case "drain":
                this.#drain = frame.d.retry_after_ms;
                return;
            case "typing":
                return events.typing?.(frame.d);
            case "presence_diff":
                return events.presence?.(frame.d);
            case "read":
                return events.read?.(frame.d);
        }
    }
    #identify(hello) {
        this.#later.not("hello");
        this.#hello = hello;
        this.features = new Set(hello.features);
        const token = this.#token ?? "";
        const rooms = this.rooms.forIdentify(hello.limits.rooms, hello.limits.frame_bytes - token.length);
        const d = this.position === undefined ? { token, rooms } : { token, rooms, resume: this.position };
        this.#say({ t: "identify", d });
    }
    #beatLater() {
        const every = this.#hello?.heartbeat_ms ?? 30_000;
        this.#later.in("beat", every * (0.8 + 0.2 * this.#random()), () => this.#beat());
    }
    #beat() {
        this.#say({ t: "hb", d: {} });
        this.#later.in("answer", ANSWER_WITHIN_MS, () => this.#fell(CUT));
        this.#beatLater();
    }
    #renewInTime() {
        const ends = this.options.expiresAtMs?.();
        if (ends === undefined)
            return;
        this.#later.in("renew", Math.max(1_000, ends - Date.now() - RENEW_BEFORE_MS), () => void this.renew());
    }
    /** Shows the server a fresh token, without a reconnect. */
    async renew() {
        const socket = this.#socket;
        if (this.#token === undefined)
            return;
        try {
            const token = await this.options.renewed(this.#token);
            if (token === undefined || socket !== this.#socket)
                return;
            this.#token = token;
            this.#say({ t: "auth", d: { token } });
        }
        catch {
            // The socket ends with 4012 when its token does, and that brings us here again.
        }
    }
}
