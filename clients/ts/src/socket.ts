// How does a client hear what happens? A socket that comes back by itself, resumes each room, and notices what it lost.

import { Backoff } from "./backoff.js";
import { verdict, ZOMBIE } from "./close.js";
import type { Control, ControlFrame, Feature, Frame, Position, RoomFrame, Said } from "./frames.js";
import { isPlainFrame, isRoomFrame } from "./frames.js";
import { Later } from "./later.js";
import { Rooms } from "./rooms.js";
import type { SocketOptions, SocketState } from "./socket_options.js";
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
  readonly rooms = new Rooms();
  /** Up to here everything was heard. */
  position: Position | undefined;
  features: ReadonlySet<string> = new Set();
  #state: SocketState = { is: "idle" };
  #socket: WebSocket | undefined;
  #token: string | undefined;
  #hello: Control["hello"] | undefined;
  #drain: [number, number] | undefined;
  readonly #later = new Later();
  readonly #takingUp: TakingUp;
  readonly #backoff: Backoff;
  readonly #random: () => number;

  constructor(private readonly options: SocketOptions) {
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

  get state(): SocketState {
    return this.#state;
  }

  has(feature: Feature): boolean {
    return this.features.has(feature);
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.#state.is === "idle" || this.#state.is === "stopped") void this.#connect();
  }

  /** Ends for good; `start` begins again. */
  stop(): void {
    this.#leave();
    this.#become({ is: "idle" });
  }

  /** The network may be back, somebody may be looking again: tries at once, or asks whether the other side is there. */
  wake(): void {
    if (this.#state.is === "waiting") void this.#connect();
    else if (this.#state.is === "live") this.#beat();
  }

  /** The network is gone: a socket that does not know it yet is given up. */
  lost(): void {
    if (this.#socket) this.#fell(CUT);
  }

  /** Follows a room behind this number. */
  follow(room: string, seq: number, at?: Position): void {
    this.rooms.follow(room, seq);
    if (this.#isIdentified()) this.#takingUp.sub(room, at);
  }

  /** Follows one of many rooms behind this number, when it is its turn. */
  followInTurn(room: string, seq: number): void {
    this.rooms.follow(room, seq, false);
    if (this.#isIdentified()) this.#takingUp.soon();
  }

  /** Somebody looks at the room: it does not wait for its turn. */
  hurry(room: string): void {
    this.rooms.open(room);
    if (this.#isIdentified() && this.rooms.ask(room)) this.#takingUp.sub(room);
  }

  unfollow(room: string): void {
    if (this.rooms.drop(room) && this.#isIdentified()) this.#say({ t: "unsub", d: { room } });
  }

  typing(room: string): void {
    if (this.has("typing") && this.#isIdentified()) this.#say({ t: "typing", d: { room } });
  }

  presence(state: "online" | "away" | "dnd"): void {
    if (this.has("presence") && this.#isIdentified()) this.#say({ t: "presence", d: { state } });
  }

  #isIdentified(): boolean {
    return this.#state.is === "catching-up" || this.#state.is === "live";
  }

  #become(state: SocketState): void {
    this.#state = state;
    this.options.events.state?.(state);
  }

  async #connect(): Promise<void> {
    this.#leave();
    this.#become({ is: "connecting" });
    const connecting = this.#state;
    try {
      this.#token = await this.options.token();
    } catch {
      // The refresh found no server.
      if (this.#state === connecting) this.#fell(CUT);
      return;
    }
    if (this.#state !== connecting) return;
    if (this.#token === undefined) return this.#become({ is: "stopped", why: "signed-out" });
    const open = this.options.open ?? ((url, protocol) => new WebSocket(url, protocol));
    const socket = open(this.options.url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(String(data));
    socket.onclose = ({ code }) => this.#fell(code);
    socket.onerror = () => undefined;
    this.#later.in("hello", ANSWER_WITHIN_MS, () => this.#fell(CUT));
  }

  /** Lets the socket go; what it still says is not heard. */
  #leave(code = 1000): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#later.none();
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    if (socket.readyState <= WebSocket.OPEN) socket.close(code);
  }

  #fell(code: number): void {
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
        if (refused !== undefined) this.options.renewed(refused).catch(() => undefined);
        return this.#again();
      case "resume":
        return this.#again();
    }
  }

  #again(): void {
    const [min, max] = this.#drain ?? [0, 0];
    const wait = this.#drain ? min + this.#random() * (max - min) : this.#backoff.next();
    this.#drain = undefined;
    this.#become({ is: "waiting", untilMs: Date.now() + wait });
    this.#later.in("again", wait, () => void this.#connect());
  }

  #say(said: Said): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(said));
  }

  #hear(text: string): void {
    // Whatever it says, it is there.
    this.#later.not("answer");
    const frame = JSON.parse(text) as Frame;
    if (isRoomFrame(frame)) this.#numbered(frame);
    else if (isPlainFrame(frame)) this.options.events.person?.(frame);
    else this.#control(frame);
  }

  #numbered(frame: RoomFrame): void {
    switch (this.rooms.take(frame)) {
      case "next":
        if (this.#state.is === "live") this.position = frame.p;
        return this.options.events.frame?.(frame);
      case "gap":
        return this.#lost(frame.room);
      case "repeated":
      case "unknown":
        return;
    }
  }

  /** Something of a room was lost on the way: it is taken up again where it broke off. */
  #lost(room: string): void {
    const known = this.rooms.broke(room);
    if (known === "hopeless") this.#fell(CUT);
    else if (known === "new") this.#takingUp.sub(room);
  }

  #control(frame: ControlFrame): void {
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
        if (frame.d.reason === "parked") this.#takingUp.again(frame.d.room);
        return events.reset?.(frame.d);
      case "room_gone":
        this.rooms.drop(frame.d.room);
        return events.gone?.(frame.d);
      case "hb_ack":
        for (const room of this.rooms.behind(frame.d.heads)) this.#lost(room);
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

  #identify(hello: Control["hello"]): void {
    this.#later.not("hello");
    this.#hello = hello;
    this.features = new Set(hello.features);
    const token = this.#token ?? "";
    const rooms = this.rooms.forIdentify(hello.limits.rooms, hello.limits.frame_bytes - token.length);
    const d = this.position === undefined ? { token, rooms } : { token, rooms, resume: this.position };
    this.#say({ t: "identify", d });
  }

  #beatLater(): void {
    const every = this.#hello?.heartbeat_ms ?? 30_000;
    this.#later.in("beat", every * (0.8 + 0.2 * this.#random()), () => this.#beat());
  }

  #beat(): void {
    this.#say({ t: "hb", d: {} });
    this.#later.in("answer", ANSWER_WITHIN_MS, () => this.#fell(CUT));
    this.#beatLater();
  }

  #renewInTime(): void {
    const ends = this.options.expiresAtMs?.();
    if (ends === undefined) return;
    this.#later.in("renew", Math.max(1_000, ends - Date.now() - RENEW_BEFORE_MS), () => void this.renew());
  }

  /** Shows the server a fresh token, without a reconnect. */
  async renew(): Promise<void> {
    const socket = this.#socket;
    if (this.#token === undefined) return;
    try {
      const token = await this.options.renewed(this.#token);
      if (token === undefined || socket !== this.#socket) return;
      this.#token = token;
      this.#say({ t: "auth", d: { token } });
    } catch {
      // The socket ends with 4012 when its token does, and that brings us here again.
    }
  }
}
