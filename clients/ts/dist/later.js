// What is to happen later? Each thing under its name: what is planned anew does not happen twice.
/** Timers by name. */
export class Later {
    #timers = new Map();
    #isOver = false;
    /** Does this after so long; what was planned under that name is not done. */
    in(name, ms, work) {
        if (this.#isOver)
            return;
        clearTimeout(this.#timers.get(name));
        const due = () => {
            this.#timers.delete(name);
            work();
        };
        this.#timers.set(name, setTimeout(due, ms));
    }
    has(name) {
        return this.#timers.has(name);
    }
    not(name) {
        clearTimeout(this.#timers.get(name));
        this.#timers.delete(name);
    }
    /** Nothing of what is planned is done. */
    none() {
        for (const timer of this.#timers.values())
            clearTimeout(timer);
        this.#timers.clear();
    }
    /** Nor is anything planned from now on. */
    end() {
        this.none();
        this.#isOver = true;
    }
}
