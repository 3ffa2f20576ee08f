import { type Stop } from "./close.js";
import type { Control, Feature, PlainFrame, Position, RoomFrame } from "./frames.js";
import { Rooms } from "./rooms.js";
export declare const SUBPROTOCOL = "chatroom.v1";
/** How the connection stands. */
export type SocketState = {
    is: "idle";
} | {
    is: "connecting";
}
/** It stands, and what was missed comes. */
 | {
    is: "catching-up";
} | {
    is: "live";
}
/** It fell; the next try is at this time of the clock. */
 | {
    is: "waiting";
    untilMs: number;
} | {
    is: "stopped";
    why: Stop;
};
/** What a socket tells. Frames of a room come in its order, each once. */
export interface SocketEvents {
    state?(state: SocketState): void;
    frame?(frame: RoomFrame): void;
    person?(frame: PlainFrame): void;
    ready?(ready: Control["ready"]): void;
    caughtUp?(caughtUp: Control["caught_up"]): void;
    /** What is held of the room is void: it is to be loaded anew, as of this position. */
    reset?(reset: Control["reset"]): void;
    gone?(gone: Control["room_gone"]): void;
    typing?(typing: Control["typing"]): void;
    presence?(diff: Control["presence_diff"]): void;
    read?(read: Control["read"]): void;
}
/** What a socket stands on. */
export interface SocketOptions {
    /** `ws://…/v1/ws`. */
    url: string;
    /** A token that is still good for a while; undefined: nobody is signed in. */
    token(): Promise<string | undefined>;
    /** The token was not taken any more: another one. */
    renewed(refused: string): Promise<string | undefined>;
    /** When the token ends, in milliseconds of the clock. */
    expiresAtMs?(): number | undefined;
    events: SocketEvents;
    open?: (url: string, protocol: string) => WebSocket;
    random?: () => number;
}
/** A socket, and those that follow it. */
export declare class ChatSocket {
    #private;
    private readonly options;
    readonly rooms: Rooms;
    /** Up to here everything was heard. */
    position: Position | undefined;
    features: ReadonlySet<string>;
    constructor(options: SocketOptions);
    get state(): SocketState;
    has(feature: Feature): boolean;
    /** Connects, and stays connected until `stop`. */
    start(): void;
    /** Ends for good; `start` begins again. */
    stop(): void;
    /** The network may be back, somebody may be looking again: tries at once, or asks whether the other side is there. */
    wake(): void;
    /** The network is gone: a socket that does not know it yet is given up. */
    lost(): void;
    /** Follows a room behind this number. */
    follow(room: string, seq: number, at?: Position): void;
    /** Follows one of many rooms behind this number, when it is its turn. */
    followInTurn(room: string, seq: number): void;
    /** Somebody looks at the room: it does not wait for its turn. */
    hurry(room: string): void;
    unfollow(room: string): void;
    typing(room: string): void;
    presence(state: "online" | "away" | "dnd"): void;
    /** Shows the server a fresh token, without a reconnect. */
    renew(): Promise<void>;
}
