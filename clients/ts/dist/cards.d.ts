import type { Api } from "./api.js";
import { type Card } from "./card.js";
import type { Control, RoomFrame } from "./frames.js";
import type { Later } from "./later.js";
import type { ChatSocket } from "./socket.js";
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
export declare class Cards {
    #private;
    private readonly of;
    readonly rooms: Map<string, {
        active: boolean;
        created_at: string;
        guests: boolean;
        head: number;
        id: string;
        language: string;
        lounge_id: string;
        member?: import("./rest.js").OwnMembership | null;
        member_count: number;
        name: string;
        topic?: string | null;
        visibility: import("./rest.js").Visibility;
    }>;
    constructor(of: CardsOptions);
    /** Whether the list was read. */
    get isLoaded(): boolean;
    /** Reads the list for the first time. */
    load(): Promise<void>;
    /** Looks for rooms that came without a word. */
    look(): Promise<void>;
    /** A room is one's own. */
    list(card: Card): void;
    /** One is out of it. */
    drop(room: string): void;
    /** A socket stands: where the rooms are. */
    ready({ rooms }: Control["ready"]): void;
    /** A frame of a room. */
    take(frame: RoomFrame): void;
    /** Counts are derived: after what may lower them, the server is asked. */
    recount(room: string): void;
    /** Somebody has looked at the room up to its end. */
    read(room: string): void;
}
