// Who is in the room, who of them is there, and what may be done about somebody?

import { attempt, field, formDialog, menu } from "./ask.js";
import { all } from "./browse.js";
import { avatar, fill, h, iconButton } from "./dom.js";
import { trouble } from "./words.js";

const RANKS = { member: 0, moderator: 1, owner: 2 };
const GROUPS = /** @type {const} */ ([["online", "Here"], ["away", "Away"], ["dnd", "Do not disturb"], ["offline", "Not here"]]);
const HOURS = [["1", "One hour"], ["24", "A day"], ["168", "A week"], ["", "For good"]];

/** So many members are read and shown at first; more where somebody wants them. */
const ENOUGH = 200;
/** Several who come and go are one reading. */
const AGAIN_AFTER_MS = 500;

/** @param {string} hours */
const until = (hours) => (hours ? { until: new Date(Date.now() + Number(hours) * 3_600_000).toISOString() } : {});

export class People {
  /** @type {any[]} */
  members = [];
  #isLoaded = false;
  #enough = ENOUGH;
  /** @type {any} */
  #timer;

  /** @param {any} room */
  constructor(room) {
    this.room = room;
    this.list = h("div.people-list", {}, h("p.quiet", {}, "…"));
    this.element = h("aside.people", { "aria-label": "Members", hidden: true },
      h("header", {}, h("h2", {}, "Members"), iconButton("close", "Close members", { onclick: () => this.toggle(false) })), this.list);
  }

  /** @param {boolean} [open] */
  toggle(open = this.element.hidden) {
    this.element.hidden = !open;
    this.room.peopleButton.setAttribute("aria-expanded", String(open));
    if (open) {
      void this.load();
      void this.room.chat.whoIsThere(this.room.id);
      this.element.querySelector("button")?.focus();
    } else {
      this.room.peopleButton.focus();
    }
  }

  async load() {
    try {
      this.members = await all(this.room.chat, "GET /v1/rooms/{id}/members", { id: this.room.id }, this.#enough);
      this.#isLoaded = true;
      this.draw();
    } catch (why) {
      if (!this.#isLoaded) fill(this.list, h("p.wrong", {}, trouble(why)), h("button.secondary", { type: "button", onclick: () => this.load() }, "Try again"));
    }
  }

  /** Somebody came, went, or became something. */
  changed() {
    clearTimeout(this.#timer);
    if (!this.element.hidden) this.#timer = setTimeout(() => this.load(), AGAIN_AFTER_MS);
  }

  end() {
    clearTimeout(this.#timer);
  }

  async #more() {
    this.#enough *= 2;
    await this.load();
  }

  draw() {
    if (!this.#isLoaded || this.element.hidden) return;
    const { chat } = this.room;
    const isTold = chat.socket.has("presence");
    const groups = GROUPS.map(([state, text]) => ({ state, text, people: this.members.filter((member) => this.#stateOf(member.user.id) === state) }));
    fill(this.list, groups.filter(({ people }) => people.length > 0).map(({ state, text, people }) => h("section", {},
      h("h3", {}, isTold ? text : "All", ` — ${people.length}`), h("ul", {}, people.map((member) => this.#row(member, state))))),
      this.members.length < (this.room.card?.member_count ?? 0) && this.members.length >= this.#enough && h("button.secondary", { type: "button", onclick: () => void this.#more() }, "More members"),
      this.room.moderates && this.room.card?.visibility === "private" && h("button.secondary", { type: "button", onclick: () => this.#add() }, "Add somebody"));
  }

  /** One sees oneself as there at once: others are told after a moment of grace. @param {string} user */
  #stateOf(user) {
    const { chat } = this.room;
    if (!chat.socket.has("presence")) return "offline";
    const told = chat.presences.of(user);
    return user === chat.me && told === "offline" && chat.socket.state.is === "live" ? "online" : told;
  }

  /** @param {any} member @param {string} state */
  #row(member, state) {
    const { user, role } = member;
    const actions = this.#actions(member);
    const more = actions.length > 0 && iconButton("more", `Actions for ${user.display_name}`, { "aria-haspopup": "menu", onclick: () => menu(/** @type {any} */ (more), actions) });
    return h("li.person", {}, h("span.face", { "data-state": state }, avatar(user.id, user.display_name)),
      h("span.person-name", {}, h("bdi", {}, user.display_name || "Somebody who left"), h("small", {}, [role !== "member" && (role === "owner" ? "Owner" : "Moderator"), user.kind === "guest" && "Guest", member.muted_until && "Muted", user.id === this.room.chat.me && "You"].filter(Boolean).join(" · "))), more);
  }

  /** @param {any} member */
  #actions({ user, role, muted_until }) {
    const { room } = this;
    const { chat, id } = room;
    const mine = room.card?.member?.role ?? "member";
    const path = { id, user: user.id };
    const isSelf = user.id === chat.me;
    const reaches = !isSelf && room.moderates && RANKS[/** @type {keyof typeof RANKS} */ (mine)] > RANKS[/** @type {keyof typeof RANKS} */ (role)];
    const call = async (/** @type {any} */ operation, /** @type {any} */ body) => {
      await chat.api.call(operation, { path, ...(body && { body }) });
      await this.load();
    };
    const becomes = (/** @type {string} */ next) => () => void attempt(() => call("PUT /v1/rooms/{id}/members/{user}/role", { role: next }));
    const restrict = (/** @type {string} */ title, /** @type {string} */ verb, /** @type {string} */ operation) => () => void formDialog(`${title} ${user.display_name}`,
      [field("For", { name: "hours", options: HOURS, value: "24" }), field("Reason", { name: "reason", maxlength: 500, dir: "auto" }, "The person and moderators see it.")], verb,
      ({ hours, reason }) => call(operation, { ...until(hours), ...(reason && { reason }) }), "danger");
    return [
      mine === "owner" && role !== "moderator" && { text: "Make moderator", run: becomes("moderator") },
      mine === "owner" && role !== "owner" && { text: "Make owner", run: becomes("owner") },
      mine === "owner" && role !== "member" && { text: "Make member", run: becomes("member") },
      reaches && !muted_until && { text: "Mute…", run: restrict("Mute", "Mute", "PUT /v1/rooms/{id}/members/{user}/mute") },
      reaches && muted_until && { text: "Unmute", run: () => void attempt(() => call("DELETE /v1/rooms/{id}/members/{user}/mute", undefined)) },
      reaches && { text: "Remove all messages", tone: "danger", run: () => void formDialog(`Remove all messages of ${user.display_name}`, [field("Reason", { name: "reason", maxlength: 500, dir: "auto" })], "Remove all", ({ reason }) => call("DELETE /v1/rooms/{id}/members/{user}/messages", reason ? { reason } : {}), "danger") },
      reaches && { text: "Kick", tone: "danger", run: () => void attempt(() => call("DELETE /v1/rooms/{id}/members/{user}", {})) },
      reaches && { text: "Ban…", tone: "danger", run: restrict("Ban", "Ban", "PUT /v1/rooms/{id}/members/{user}/ban") },
    ].filter(Boolean);
  }

  #add() {
    return formDialog("Add somebody", [field("Their id", { name: "user", required: true, pattern: "[0-9a-fA-F-]{36}", dir: "ltr" }, "It is shown in their account.")], "Add", async ({ user }) => {
      await this.room.chat.api.call("PUT /v1/rooms/{id}/members/{user}", { path: { id: this.room.id, user } });
      await this.load();
    });
  }
}
