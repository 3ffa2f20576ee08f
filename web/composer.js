// How is something written? A field that grows, sends with Enter, replies, edits, and names people.

import { attempt } from "./ask.js";
import { fill, h, iconButton } from "./dom.js";
import { nameOf } from "./message.js";

const TEXT_MAX = 4_000;
const SUGGESTED_MAX = 6;
const MENTIONS_MAX = 20;

/**
 * Who is named in a text; of names that begin alike the longest.
 * @param {string} text @param {any[]} people @returns {string[]}
 */
export function mentioned(text, people) {
  let rest = text;
  const ids = [];
  const names = [...new Set(people.map(({ display_name }) => display_name))].sort((one, other) => other.length - one.length);
  for (const name of names) {
    if (!rest.includes(`@${name}`)) continue;
    ids.push(...people.filter(({ display_name }) => display_name === name).map(({ id }) => id));
    rest = rest.replaceAll(`@${name}`, " ");
  }
  return ids.slice(0, MENTIONS_MAX);
}

export class Composer {
  /** @type {any} */
  #reply;
  /** @type {any} */
  #edits;

  /** @param {any} room */
  constructor(room) {
    this.room = room;
    this.about = h("div.about", { hidden: true });
    this.names = h("ul.suggestions", { role: "listbox", id: "suggestions", "aria-label": "Members", hidden: true });
    this.input = h("textarea", { rows: "1", dir: "auto", maxlength: TEXT_MAX, autocomplete: "off", enterkeyhint: "send", "aria-controls": "suggestions", "aria-autocomplete": "list" });
    this.send = iconButton("send", "Send", { type: "submit", disabled: true });
    this.element = h("form.composer", { "aria-label": "Write a message" }, this.about, this.names, h("div.composer-row", {}, this.input, this.send));
    this.element.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
    this.input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
    this.input.addEventListener("input", () => this.#typed());
    this.input.value = room.shell.drafts.get(room.id) ?? "";
    this.draw();
    // Its height is known once it is part of the page.
    requestAnimationFrame(() => this.#typed(false));
  }

  draw() {
    const { room } = this;
    const muted = room.mutedUntil;
    const isOpen = room.mayWrite;
    this.element.hidden = false;
    this.input.disabled = !isOpen;
    const name = room.card?.name ?? "the room";
    const text = muted ? "You are muted here." : room.card && !room.card.active ? "This room is archived." : `Message ${name}`;
    this.input.placeholder = text;
    this.input.setAttribute("aria-label", text);
  }

  /** @param {any} message */
  replyTo(message) {
    this.#edits = undefined;
    this.#reply = message;
    this.#drawAbout("Replying to", nameOf(message), message.text ?? "");
  }

  /** @param {any} message */
  edit(message) {
    this.#reply = undefined;
    this.#edits = message;
    this.input.value = message.text ?? "";
    this.#drawAbout("Editing your message", "", "");
    this.#typed();
  }

  /** @param {string} what @param {string} who @param {string} text */
  #drawAbout(what, who, text) {
    fill(this.about, h("span.about-what", {}, what, " ", who && h("bdi", {}, who)), h("span.about-text", { dir: "auto" }, text), iconButton("close", "Cancel", { onclick: () => this.#settle() }));
    this.about.hidden = false;
    this.input.focus();
  }

  #settle() {
    if (this.#edits) this.input.value = this.room.shell.drafts.get(this.room.id) ?? "";
    this.#reply = this.#edits = undefined;
    this.about.hidden = true;
    this.#typed(false);
    this.input.focus();
  }

  #typed(tells = true) {
    this.send.disabled = this.input.value.trim() === "";
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 220)}px`;
    if (!this.#edits) this.room.shell.drafts.set(this.room.id, this.input.value);
    if (tells && this.input.value && !this.#edits) this.room.chat.types(this.room.id);
    this.#suggest();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.names.hidden && this.#choose(event)) return event.preventDefault();
    // An input method uses Enter to choose a character.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && !this.about.hidden) {
      event.preventDefault();
      this.#settle();
    } else if (event.key === "ArrowUp" && this.input.value === "") {
      const last = this.room.timeline.state.messages.findLast((/** @type {any} */ message) => message.author.id === this.room.chat.me && message.status === "visible");
      if (!last) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  #submit() {
    const text = this.input.value;
    if (text.trim() === "") return;
    const { chat, id } = this.room;
    const edits = this.#edits;
    if (edits) {
      this.#settle();
      if (text !== edits.text) void this.#change(edits, text);
      return;
    }
    const mentions = mentioned(text, this.room.people);
    const extras = { ...(this.#reply && { reply_to: this.#reply.id }), ...(mentions.length > 0 && { mentions }) };
    if (!chat.write(id, text, extras)) return;
    this.input.value = "";
    this.#settle();
    void this.room.toLatest();
  }

  /** What was not taken is there to be sent again. @param {any} message @param {string} text */
  async #change(message, text) {
    const { chat, id } = this.room;
    const path = { id, message: message.id };
    const isDone = await attempt(async () => (await chat.api.call("PATCH /v1/rooms/{id}/messages/{message}", { path, body: { text } }), true));
    if (isDone || !this.about.hidden) return;
    this.edit(message);
    this.input.value = text;
    this.#typed(false);
  }

  /** Members whose names begin with what stands behind the last at sign. */
  #suggest() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    const begun = /(?:^|\s)@([^\s@]{0,30})$/.exec(before)?.[1]?.toLocaleLowerCase();
    const people = begun === undefined ? [] : this.room.people.filter((/** @type {any} */ person) => person.id !== this.room.chat.me && person.display_name.toLocaleLowerCase().startsWith(begun)).slice(0, SUGGESTED_MAX);
    this.names.hidden = people.length === 0;
    fill(this.names, people.map((/** @type {any} */ person, /** @type {number} */ place) => h("li", { role: "option", id: `suggested-${place}`, "aria-selected": String(place === 0), onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.#insert(person); } }, h("bdi", {}, person.display_name))));
    this.#mark();
  }

  #mark() {
    const chosen = this.names.hidden ? undefined : this.names.querySelector('[aria-selected="true"]');
    if (chosen) this.input.setAttribute("aria-activedescendant", chosen.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** Whether the key was for the list. @param {KeyboardEvent} event */
  #choose(event) {
    const items = [...this.names.children];
    const place = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      for (const [at, item] of items.entries()) item.setAttribute("aria-selected", String(at === (place + step + items.length) % items.length));
      this.#mark();
    } else if (event.key === "Enter" || event.key === "Tab") {
      items[place]?.dispatchEvent(new MouseEvent("mousedown"));
    } else if (event.key === "Escape") {
      this.names.hidden = true;
    } else {
      return false;
    }
    return true;
  }

  /** @param {any} person */
  #insert(person) {
    const at = this.input.selectionStart;
    const before = this.input.value.slice(0, at).replace(/@[^\s@]*$/, `@${person.display_name} `);
    this.input.value = before + this.input.value.slice(at);
    this.input.setSelectionRange(before.length, before.length);
    this.#typed();
  }
}
