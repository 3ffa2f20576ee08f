import { Api } from "./api.js";
import { type Cache } from "./cache.js";
import { type Card } from "./card.js";
import type { OfLounge } from "./frames.js";
import { Outbox, type Extras } from "./outbox.js";
import { Presences, Typists } from "./presences.js";
import type { Lounge } from "./rest.js";
import type { Session } from "./session.js";
import { ChatSocket } from "./socket.js";
import type { SocketOptions } from "./socket_options.js";
import { Timeline } from "./timeline.js";
/** What changed, so that only that is drawn anew. */
export type Change = {
    of: "connection";
} | {
    of: "rooms";
} | {
    of: "room";
    room: string;
} | {
    of: "outbox";
} | {
    of: "presence";
} | {
    of: "typing";
    room: string;
} | {
    of: "lounge";
    lounge: OfLounge;
}
/** The viewer is out of the room. */
 | {
    of: "gone";
    room: string;
    reason: string;
};
export interface ChatOptions {
    /** `https://chat.example`, without a slash. */
    base: string;
    session: Session;
    cache?: Cache;
    changed(change: Change): void;
    socket?: Partial<Pick<SocketOptions, "open" | "random">>;
    fetcher?: typeof fetch;
}
/** A signed-in user's chat. */
export declare class Chat {
    #private;
    private readonly options;
    readonly api: Api;
    readonly me: string;
    readonly socket: ChatSocket;
    readonly outbox: Outbox;
    readonly presences: Presences;
    readonly typists: Typists;
    constructor(options: ChatOptions);
    /** The rooms that one is in. */
    get rooms(): Map<string, Card>;
    /** Shows what was kept, then asks what there is, then follows it. */
    start(): Promise<void>;
    /** Ends everything; what waits stays kept. */
    stop(): Promise<void>;
    /** Ends everything, and forgets what is kept of this user. */
    forget(): Promise<void>;
    /** The messages of a room; what was kept of it is shown until they are compared. */
    timeline(room: string): Timeline;
    /**
     * Looks whether there are rooms that one was added to: no frame tells it, sockets hear only of rooms that they follow.
     * Done whenever the socket is live again; to be called when somebody looks at the list.
     */
    look(): Promise<void>;
    /** Joins a public room, and follows it. */
    join(room: string): Promise<void>;
    /** Follows a room that one is in from now on. */
    enter(room: string, minPosition?: string): Promise<void>;
    leave(room: string): Promise<void>;
    /** Writes a message: it is shown at once, and sent as soon as that is possible. */
    write(room: string, text: string, extras?: Extras): boolean;
    /** Somebody has looked at the room up to its end. */
    read(room: string): void;
    /** Asks who of a room is there. */
    whoIsThere(room: string): Promise<void>;
    /** Says that something is being typed. */
    types(room: string): void;
    /** Writes down what is to be there at the next start. */
    keep(): Promise<void>;
}
export type { Lounge };
