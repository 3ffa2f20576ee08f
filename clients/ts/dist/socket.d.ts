import type { Feature, Position } from "./frames.js";
import { Rooms } from "./rooms.js";
import type { SocketOptions, SocketState } from "./socket_options.js";
export declare const SUBPROTOCOL = "chatroom.v1";
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
