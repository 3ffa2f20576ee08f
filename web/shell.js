// What surrounds the conversation? The list of rooms, the state of the connection, and whatever is beside it.

import { attempt, formDialog, field, menu, toast } from "./ask.js";
import { browse } from "./browse.js";
import { avatar, fill, h, icon, iconButton } from "./dom.js";
import { RoomView } from "./room.js";
import { searchPanel } from "./search.js";
import { isRoom, visit } from "./visit.js";
import { counted, languageHere, trouble } from "./words.js";

const GONE = { kicked: "You were removed from", banned: "You were banned from", left: "You left" };

export class Shell {
  /** @type {RoomView | undefined} */
  room;
  /** What was begun and not sent, by room. @type {Map<string, string>} */
  drafts = new Map();
  #isStarted = false;
  #drawing = false;

  /** @param {Element} app @param {import("../clients/ts/dist/index.js").Chat} chat @param {import("../clients/ts/dist/index.js").Session} session @param {(why: "signed-out") => void} over */
  constructor(app, chat, session, over) {
    Object.assign(this, { app, chat, session, over });
    /** @type {any} */ this.chat = chat;
    /** @type {any} */ this.session = session;
    /** @type {any} */ this.over = over;
    this.list = h("ul.rooms", { "aria-label": "Your rooms" });
    this.connection = h("p.connection", { role: "status" });
    this.me = h("button.me", { type: "button", "aria-haspopup": "menu", onclick: () => this.#account() });
    this.main = h("main.main", { id: "main", tabindex: "-1" });
    this.frame = h("div.frame", {},
      h("nav.side", { "aria-label": "Rooms" },
        h("header.side-head", {}, h("span.mark", {}, icon("globe")), h("h1", {}, "Chatroom"),
          iconButton("search", "Search messages", { onclick: () => this.search() })),
        h("button.browse", { type: "button", onclick: () => browse(this) }, icon("compass"), "Find a room"),
        this.list, this.connection, this.me),
      this.main);
    fill(app, this.frame);
    this.onpop = () => this.#route();
    addEventListener("popstate", this.onpop);
    this.onkey = (/** @type {KeyboardEvent} */ event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        void browse(this);
      }
    };
    addEventListener("keydown", this.onkey);
    this.#draw();
    this.#empty();
  }

  end() {
    removeEventListener("popstate", this.onpop);
    removeEventListener("keydown", this.onkey);
    this.room?.end();
  }

  started() {
    this.#isStarted = true;
    this.#draw();
    this.#route();
  }

  /** @param {import("../clients/ts/dist/index.js").Change} change */
  changed(change) {
    switch (change.of) {
      case "room": return this.room?.id === change.room ? this.room.draw() : undefined;
      case "typing": return this.room?.id === change.room ? this.room.drawTypists() : undefined;
      case "outbox":
        this.#later();
        return this.room?.draw();
      case "presence": return this.room?.drawPeople();
      case "gone":
        if (this.room?.id === change.room) {
          const text = GONE[/** @type {keyof typeof GONE} */ (change.reason)] ?? "You are no longer in";
          toast(`${text} ${this.room.name}.`);
          this.open(undefined);
        }
        return;
      default: return this.#later();
    }
  }

  /** Several changes are one drawing. */
  #later() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
      this.room?.drawHead();
    });
  }

  /** Shows a room, at its end or at a message. @param {string | undefined} id @param {string} [message] @param {string} [path] */
  open(id, message, path = id === undefined ? "/" : `/#${id}`) {
    if (id !== undefined && this.room?.id === id) {
      if (message) void this.room.goTo(message);
      return;
    }
    this.room?.end();
    this.room = undefined;
    if (location.pathname + location.hash !== path) history.pushState(null, "", path);
    this.frame.classList.toggle("has-room", path !== "/");
    if (id === undefined) {
      this.#empty();
      this.list.querySelector("button")?.focus();
    } else {
      this.room = new RoomView(this, id, message);
      fill(this.main, this.room.element);
    }
    this.#draw();
  }

  search() {
    void searchPanel(this, this.room?.id);
  }

  #route() {
    const id = location.hash.slice(1);
    if (this.chat.rooms.has(id)) return this.open(id);
    this.open(undefined, undefined, isRoom(id) ? `/#${id}` : "/");
    if (isRoom(id)) void visit(this, id);
  }

  #empty() {
    const text = !this.#isStarted ? "Opening your rooms…" : this.chat.rooms.size > 0 ? "Choose a room to read it." : "You are in no room yet.";
    fill(this.main, h("div.empty", {}, h("span.empty-mark", {}, icon("compass")), h("h2", {}, text),
      this.#isStarted && h("p", {}, "Rooms are sorted by their language. Look around; joining takes one click."),
      this.#isStarted && h("button.primary", { type: "button", onclick: () => browse(this) }, "Find a room")));
  }

  #draw() {
    const cards = [...this.chat.rooms.values()].sort((one, other) => one.name.localeCompare(other.name));
    /** @type {Map<string, any[]>} */
    const languages = new Map();
    for (const card of cards) languages.set(card.language, [...(languages.get(card.language) ?? []), card]);
    const focused = /** @type {HTMLElement | null} */ (this.list.querySelector(":focus"))?.dataset["room"];
    fill(this.list, [...languages].sort(([one], [other]) => one.localeCompare(other)).map(([tag, rooms]) =>
      h("li", {}, h("h2", {}, languageHere(tag)), h("ul", {}, rooms.map((card) => this.#row(card))))));
    if (!this.#isStarted) fill(this.list, [1, 2, 3].map(() => h("li.ghost", { "aria-hidden": "true" })));
    if (focused) this.list.querySelector(`[data-room="${focused}"]`)?.focus();
    this.#connection();
    const user = this.session.user;
    if (user) {
      fill(this.me, h("span.unseen", {}, "Your account: "), avatar(user.id, user.display_name), h("span.me-name", {}, h("bdi", {}, user.display_name), h("small", {}, user.kind === "guest" ? "Guest" : "Signed in")), icon("more"));
    }
    const unread = cards.reduce((sum, card) => sum + (card.member?.unread ?? 0), 0);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${this.room?.card ? `${this.room.card.name} · ` : ""}Chatroom`;
  }

  /** @param {any} card */
  #row(card) {
    const { unread = 0, mentions = 0 } = card.member ?? {};
    const told = [unread > 0 && counted(unread, "unread message", "unread messages"), mentions > 0 && counted(mentions, "mention", "mentions")].filter(Boolean).join(", ");
    return h("li", {}, h(`button.room-row${unread > 0 ? ".is-unread" : ""}`, {
      type: "button", "data-room": card.id, "aria-current": this.room?.id === card.id ? "page" : undefined, onclick: () => this.open(card.id),
    }, h("span.hash", { "aria-hidden": "true" }, card.visibility === "private" ? icon("lock") : "#"), h("span.room-name", {}, h("bdi", {}, card.name)),
      mentions > 0 && h("span.badge.is-mention", { "aria-hidden": "true" }, `@${mentions}`),
      unread > 0 && h("span.badge", { "aria-hidden": "true" }, unread > 999 ? "999+" : unread), told && h("span.unseen", {}, `, ${told}`)));
  }

  #connection() {
    const { state } = this.chat.socket;
    if (state.is === "stopped") {
      const why = { "signed-out": "signed-out", suspended: "suspended", "guest-expired": "guest-expired" }[/** @type {string} */ (state.why)];
      if (why) return void this.over(why);
    }
    this.tellConnection(this.connection);
    if (this.room) this.tellConnection(this.room.offline);
  }

  /** Says how the connection stands, where there is something to say. @param {HTMLElement} element */
  tellConnection(element) {
    const { state } = this.chat.socket;
    const texts = { connecting: "Connecting…", "catching-up": "Catching up…", waiting: "No connection. Trying again…", stopped: "Not connected." };
    const waits = this.chat.outbox.waiting.filter((one) => !one.message && !one.refused).length;
    const text = texts[/** @type {keyof typeof texts} */ (state.is)] ?? "";
    element.hidden = text === "";
    element.dataset["is"] = state.is;
    fill(element, h("span", {}, text, waits > 0 && ` ${counted(waits, "message waits", "messages wait")}.`),
      (state.is === "waiting" || state.is === "stopped") && h("button.link", { type: "button", onclick: () => state.is === "waiting" ? this.chat.socket.wake() : this.chat.socket.start() }, "Try now"));
  }

  #account() {
    const user = this.session.user;
    const states = this.chat.socket.has("presence") ? [["online", "Show as online"], ["away", "Show as away"], ["dnd", "Do not disturb"]] : [];
    menu(this.me, [
      ...states.map(([state, text]) => ({ text, run: () => this.chat.socket.presence(/** @type {any} */ (state)) })),
      { text: "Change name", run: () => void this.#rename() },
      user?.kind === "guest" && { text: "Keep this account", run: () => void this.#upgrade() },
      { text: "Sign out", run: () => void this.#signOut(), tone: "danger" },
    ]);
  }

  #rename() {
    return formDialog("Change name", [field("Name", { name: "display_name", value: this.session.user?.display_name, required: true, maxlength: 40, dir: "auto" })], "Change", async ({ display_name }) => {
      const { user } = await this.chat.api.call("PATCH /v1/users/me", { body: { display_name } });
      this.session.changed({ display_name: user.display_name });
      this.#draw();
    });
  }

  #upgrade() {
    return formDialog("Keep this account", [
      field("Phone", { name: "phone", type: "tel", required: true, placeholder: "+49 151 1234567" }),
      field("Password", { name: "password", type: "password", required: true, minlength: 8, autocomplete: "new-password" }),
    ], "Keep", async ({ phone, password }) => {
      await this.session.upgrade(this.chat.api, { phone: phone.replace(/[\s()-]/g, ""), password });
      await this.chat.socket.renew().catch(() => undefined);
      this.#draw();
    });
  }

  async #signOut() {
    await attempt(() => this.chat.api.call("DELETE /v1/sessions/current", {}));
    this.over("signed-out");
  }
}

export { trouble };
