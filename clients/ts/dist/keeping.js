// What is there at the next start? Rooms and what waits, written down so that tabs of one user do not undo each other's.
import { keepable, VERSION } from "./cache.js";
import { settingsOf } from "./card.js";
/** What one user's client keeps. */
export class Keeping {
    cache;
    /** What was kept of rooms by an earlier visit. */
    rooms = new Map();
    /** What was written down of each room last. */
    #written = new Map();
    #isOver = false;
    constructor(cache) {
        this.cache = cache;
    }
    /** Reads what was kept of this user. */
    async open(me) {
        const [kept, rest] = await Promise.all([this.cache.rooms(), this.cache.rest()]);
        for (const { state } of kept)
            if (state.me === me)
                this.rooms.set(state.room, state);
        return rest?.version === VERSION ? rest : undefined;
    }
    /** What is held of the room is what was kept. */
    isWritten(room, state) {
        this.#written.set(room, state);
    }
    /** Writes down what changed. */
    async keep(position, outbox, timelines, cards) {
        if (this.#isOver)
            return;
        await this.cache.changeRest((before) => {
            const waiting = outbox.withOthers(before?.version === VERSION ? before.waiting : []);
            return { version: VERSION, waiting, ...(position !== undefined && { position }) };
        });
        for (const [room, timeline] of timelines) {
            if (this.#isOver)
                return;
            const card = cards.get(room);
            if (timeline.isKept || !card || this.#written.get(room) === timeline.state)
                continue;
            this.#written.set(room, timeline.state);
            const state = keepable({ ...timeline.state, settings: settingsOf(card) });
            if (state)
                await this.cache.putRoom({ state, at_ms: Date.now() });
        }
    }
    /** Keeps nothing of the room. */
    async drop(room) {
        this.rooms.delete(room);
        this.#written.delete(room);
        await this.cache.dropRoom(room);
    }
    /** Nothing more is written down. */
    end() {
        this.#isOver = true;
    }
    /** Nothing of this user is kept. */
    async clear() {
        await this.cache.clear();
    }
}
