// What is there before the network is? Of each room its newest messages, what waits to be sent, and where we were.
/** Rooms that are kept of a user; those that were looked at last stay. */
export const ROOMS_MAX = 50;
/** Messages that are kept of a room: its newest. */
export const MESSAGES_MAX = 100;
/** The shape of what is kept: what another release wrote is not read. */
export const VERSION = 1;
/** What is kept of a room: its newest messages, if they are in the window at all. */
export function keepable(state) {
    if (!state.at_end)
        return undefined;
    const messages = state.messages.slice(-MESSAGES_MAX);
    return { ...state, messages, at_start: state.at_start && messages.length === state.messages.length };
}
/** Those of these rooms that are too many, by what was looked at longest ago. */
export function surplus(rooms) {
    const newestFirst = [...rooms].sort((one, other) => other.at_ms - one.at_ms);
    return newestFirst.slice(ROOMS_MAX).map(({ state }) => state.room);
}
/** Kept as long as the process lives. */
export class MemoryCache {
    #rooms = new Map();
    #rest;
    async rooms() {
        return [...this.#rooms.values()];
    }
    async putRoom(kept) {
        this.#rooms.set(kept.state.room, kept);
        for (const room of surplus([...this.#rooms.values()]))
            this.#rooms.delete(room);
    }
    async dropRoom(room) {
        this.#rooms.delete(room);
    }
    async rest() {
        return this.#rest;
    }
    async changeRest(change) {
        this.#rest = change(this.#rest);
    }
    async clear() {
        this.#rooms.clear();
        this.#rest = undefined;
    }
}
