// Who is there, and who is typing? What sockets told last; nothing of it is kept.
/** How long somebody is shown as typing. */
const TYPING_SHOWN_MS = 6_000;
/** How often we say that we are. */
const TYPING_EVERY_MS = 3_000;
/** The last known state of people. */
export class Presences {
    #states = new Map();
    take(users) {
        for (const presence of users) {
            const known = this.#states.get(presence.user_id);
            // A list that was read may be older than what a frame told meanwhile.
            const isOlder = known && Date.parse(presence.last_seen_at ?? "") < Date.parse(known.last_seen_at ?? "");
            if (!isOlder)
                this.#states.set(presence.user_id, presence);
        }
    }
    of(user) {
        return this.#states.get(user)?.state ?? "offline";
    }
    seen(user) {
        return this.#states.get(user)?.last_seen_at;
    }
}
/** Who types where. */
export class Typists {
    changed;
    #rooms = new Map();
    #told = new Map();
    constructor(changed) {
        this.changed = changed;
    }
    of(room) {
        return [...(this.#rooms.get(room)?.keys() ?? [])];
    }
    types(room, user) {
        const here = this.#rooms.get(room) ?? new Map();
        this.#rooms.set(room, here);
        clearTimeout(here.get(user));
        here.set(user, setTimeout(() => this.wrote(room, user), TYPING_SHOWN_MS));
        this.changed(room);
    }
    /** What was typed came; without a user: our own. */
    wrote(room, user) {
        if (user === undefined)
            return void this.#told.delete(room);
        const here = this.#rooms.get(room);
        clearTimeout(here?.get(user));
        if (here?.delete(user))
            this.changed(room);
    }
    /** Whether it is time to say so again. */
    mayTell(room, now = Date.now()) {
        if (now - (this.#told.get(room) ?? 0) < TYPING_EVERY_MS)
            return false;
        this.#told.set(room, now);
        return true;
    }
}
