// What does a room look like from inside? Its head, its history, who types, and where one writes.

import { attempt, field, formDialog, menu } from "./ask.js";
import { Composer } from "./composer.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { History } from "./history.js";
import { moderation } from "./moderation.js";
import { nameOf } from "./message.js";
import { People } from "./people.js";
import { counted, dayOf, direction, language, trouble } from "./words.js";

export class RoomView {
  #announcedSeq = 0;
  #drawing = false;
  #isEnded = false;
  /** Members as frames told them, when they were drawn last. @type {any} */
  #members;
  /** What it was called last: also once one is out. */
  name = "the room";

  /** @param {any} shell @param {string} id @param {string} [message] */
  constructor(shell, id, message) {
    this.shell = shell;
    this.chat = shell.chat;
    this.id = id;
    const member = this.card?.member;
    this.timeline = this.chat.timeline(id);
    this.title = h("h2", { tabindex: "-1" });
    this.facts = h("p.quiet");
    this.peopleButton = iconButton("people", "Members", { "aria-expanded": "false", onclick: () => this.people_.toggle() });
    const more = iconButton("more", "More about this room", { "aria-haspopup": "menu", onclick: () => menu(more, this.#actions()) });
    this.history = new History(this);
    if (member?.unread) this.history.unreadAfter = member.read;
    this.notice = h("div.notice-line", { hidden: true });
    // Beside one room there is no room for the list, which tells it elsewhere.
    this.offline = h("p.connection.is-inline", { role: "status", hidden: true });
    this.latest = h("button.latest", { type: "button", hidden: true, onclick: () => this.toLatest() }, icon("down"), h("span", {}, "Latest"));
    this.typists = h("p.typists", { role: "status" });
    this.composer = new Composer(this);
    this.people_ = new People(this);
    this.element = h("div.room", {},
      h("div.conversation", {},
        h("header.room-head", {}, iconButton("back", "Back to rooms", { class: "icon-button only-narrow", onclick: () => shell.open(undefined) }),
          h("div.room-title", {}, this.title, this.facts),
          iconButton("calendar", "Go to a day", { onclick: () => this.#goToDay() }), iconButton("search", "Search", { onclick: () => shell.search() }), this.peopleButton, more),
        this.offline, this.notice, h("div.history-frame", {}, this.history.element, this.latest), this.typists, this.composer.element),
      this.people_.element);
    this.onfocus = () => this.#read();
    addEventListener("focus", this.onfocus);
    this.drawHead();
    this.#drawNow();
    void this.people_.load();
    if (this.chat.socket.has("presence")) void this.chat.whoIsThere(id);
    if (message) void this.goTo(message);
    requestAnimationFrame(() => !message && (matchMedia("(pointer: fine)").matches ? this.composer.input : this.title).focus());
  }

  end() {
    this.#isEnded = true;
    removeEventListener("focus", this.onfocus);
    this.history.end();
    this.people_.end();
  }

  get card() {
    return this.chat.rooms.get(this.id);
  }

  get moderates() {
    return ["moderator", "owner"].includes(this.timeline.state.role ?? "");
  }

  get mutedUntil() {
    const told = this.timeline.state.members[this.chat.me];
    const until = told ? told.muted_until : this.people_?.members.find((member) => member.user.id === this.chat.me)?.muted_until;
    return until && Date.parse(until) > Date.now() ? until : undefined;
  }

  get mayWrite() {
    return Boolean(this.card?.active) && !this.mutedUntil;
  }

  /** Everybody whose name is known: members as they were listed, then as frames told. */
  get people() {
    const known = new Map(this.people_.members.map((member) => [member.user.id, { id: member.user.id, display_name: member.user.display_name }]));
    for (const [id, member] of Object.entries(this.timeline.state.members)) known.set(id, { id, display_name: /** @type {any} */ (member).display_name });
    return [...known.values()].filter((person) => person.display_name);
  }

  drawHead() {
    const { card } = this;
    if (!card) return;
    this.name = card.name;
    fill(this.title, h("bdi", {}, card.name));
    fill(this.facts, h("bdi", {}, language(card.language)), ` · ${counted(card.member_count, "member", "members")}`, !card.active && " · archived", card.topic && h("span", {}, " · ", h("bdi", {}, card.topic)));
    // A room is laid out as its language is written; the page around it as the reader's.
    this.history.element.dir = this.composer.element.dir = this.typists.dir = direction(card.language);
    this.composer.draw();
    this.#drawNotice();
  }

  /** Several changes are one drawing. */
  draw() {
    if (this.#drawing || this.#isEnded) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (!this.#isEnded) this.#drawNow();
    });
  }

  #drawNow() {
    this.history.draw();
    const { members } = this.timeline.state;
    if (this.#members && this.#members !== members) this.people_.changed();
    this.#members = members;
    this.#drawNotice();
    this.#announce();
    this.scrolled();
    this.composer.draw();
    this.#read();
    this.drawTypists();
  }

  #drawNotice() {
    const { timeline } = this;
    const isReading = timeline.isEmpty && timeline.reading.has("window");
    const isBlank = timeline.isEmpty && timeline.state.at_start && timeline.reading.size === 0 && this.chat.outbox.waiting.every((/** @type {any} */ one) => one.room !== this.id);
    this.history.element.classList.toggle("is-loading", isReading);
    this.history.element.classList.toggle("is-blank", isBlank);
    this.notice.hidden = !timeline.failure;
    if (timeline.failure) fill(this.notice, h("span", {}, trouble(timeline.failure)), h("button.link", { type: "button", onclick: () => { timeline.failure = undefined; if (timeline.isEmpty) void timeline.latest(); else this.draw(); } }, "Try again"));
  }

  drawTypists() {
    const names = this.chat.typists.of(this.id).map((/** @type {string} */ user) => this.people.find((person) => person.id === user)?.display_name ?? "Somebody");
    const text = names.length === 0 ? "" : names.length === 1 ? `${names[0]} is typing…` : names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : "Several people are typing…";
    if (this.typists.textContent !== text) fill(this.typists, h("bdi", {}, text));
  }

  drawPeople() {
    this.people_.draw();
  }

  scrolled() {
    const { state } = this.timeline;
    const isAway = !this.history.isAtEnd || !state.at_end;
    this.latest.hidden = !isAway || this.timeline.isEmpty;
    if (!isAway) this.#read();
  }

  /** To the newest message, and to stay there. */
  async toLatest() {
    if (!this.timeline.state.at_end) await this.timeline.latest();
    this.history.isAtEnd = true;
    this.#drawNow();
    this.history.toEnd();
  }

  /** To a message, wherever it is. @param {string} message */
  async goTo(message) {
    if (this.history.show(message)) return;
    this.history.isAtEnd = false;
    await this.timeline.around(message);
    this.#drawNow();
    this.history.show(message);
  }

  #goToDay() {
    return formDialog("Go to a day", [field("Day", { name: "day", type: "date", required: true, max: dayOf(new Date()) })], "Go", async ({ day }) => {
      this.history.isAtEnd = false;
      await this.timeline.at(new Date(`${day}T00:00:00`).toISOString());
      this.#drawNow();
      const first = this.timeline.state.messages.find((/** @type {any} */ message) => message.created_at >= new Date(`${day}T00:00:00`).toISOString());
      if (first) this.history.show(first.id);
    });
  }

  #read() {
    if (document.hasFocus() && this.history.isAtEnd && this.timeline.state.at_end) this.chat.read(this.id);
  }

  /** Tells a screen reader what is new, and nothing else. */
  #announce() {
    const { messages, at_end, me } = this.timeline.state;
    const last = messages.at(-1);
    if (!last || !at_end) return;
    const news = this.#announcedSeq === 0 ? [] : messages.filter((/** @type {any} */ message) => message.seq > this.#announcedSeq && message.author.id !== me && message.text);
    this.#announcedSeq = last.seq;
    const log = document.getElementById("said");
    if (news.length > 0) log?.replaceChildren(...news.slice(-3).map((/** @type {any} */ message) => h("p", { dir: "auto" }, `${nameOf(message)}: ${message.text}`)));
  }

  #actions() {
    const { chat, id, card } = this;
    const path = { id };
    return [
      this.moderates && { text: "Moderation", run: () => void moderation(this) },
      this.moderates && { text: "Change the room", run: () => void formDialog("Change the room", [
        field("Name", { name: "name", value: card.name, required: true, maxlength: 80, dir: "auto" }), field("Topic", { name: "topic", value: card.topic ?? "", maxlength: 500, dir: "auto" })],
      "Change", async ({ name, topic }) => void (await chat.api.call("PATCH /v1/rooms/{id}", { path, body: { name, ...(topic && { topic }) } }))) },
      this.timeline.state.role === "owner" && { text: card.active ? "Archive the room" : "Reopen the room", run: () => void attempt(() => chat.api.call(`POST /v1/rooms/{id}/${card.active ? "archive" : "reopen"}`, { path })) },
      { text: "Copy a link to the room", run: () => void navigator.clipboard?.writeText(location.href) },
      { text: "Leave the room", tone: "danger", run: () => void attempt(() => chat.leave(id)) },
    ].filter(Boolean);
  }
}
