import type { Api } from "./api.js";
import type { Waiting } from "./cache.js";
/** What may wait in all rooms together. */
export declare const WAITING_MAX = 200;
/** What is written beside a text. */
export interface Extras {
    reply_to?: string;
    mentions?: string[];
}
/** Sends one message after the other: what was written first is said first. */
export declare class Outbox {
    #private;
    private readonly api;
    /** Called after every change, to show and keep it. */
    private readonly changed;
    constructor(api: Api, 
    /** Called after every change, to show and keep it. */
    changed: (waiting: readonly Waiting[]) => void);
    get waiting(): readonly Waiting[];
    /** Goes on with what waited when the page was closed. */
    restore(waiting: readonly Waiting[]): void;
    /** Takes a message; false when too much waits already. */
    write(room: string, text: string, extras?: Extras): boolean;
    /** The author's own frame came: it is stored, whatever the answer was. */
    stored(key: string | undefined, message: string): void;
    /** The room's window has these messages: what was answered and is among them waits no more. */
    shown(room: string, messages: readonly {
        id: string;
    }[]): void;
    /** Sends what was refused once more, under a new key: the old one stands for the refused request. */
    again(key: string): void;
    discard(key: string): void;
    /** What is to be kept: what waits here, behind what is kept of other tabs of the user. */
    withOthers(kept: readonly Waiting[]): Waiting[];
    /** Nothing more is sent. */
    stop(): void;
    /** Sends what waits, if that is possible now. */
    flush(): void;
}
