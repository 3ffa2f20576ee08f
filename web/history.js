// How does a window of messages become a list that stays where the reader is? Keyed rows, a bounded number of them, an anchor.

import { h } from "./dom.js";
import { messageRow, waitingRow } from "./message.js";
import { day } from "./words.js";

/** Messages of one author within this time stand under one head. */
const GROUP_MS = 5 * 60_000;
/** So near to its end the list keeps to it. */
const NEAR_END_PX = 80;
/** So far before an end the next page is asked for: before it is seen to be missing. */
const AHEAD_PX = 1_600;

/** The scrolled list of one room. */
export class History {
  /** @type {Map<string, { element: HTMLElement, of: any, flags: string }>} */
  #rows = new Map();
  /** What was drawn last. @type {any[]} */
  #drawn = [];
  /** Whether the reader is at the end, and wants to stay there. */
  isAtEnd = true;
  /** Behind this number everything was unread when the room was opened. */
  unreadAfter = Infinity;

  /** @param {any} room */
  constructor(room) {
    this.room = room;
    this.list = h("ol.messages", { "aria-label": "Messages" });
    this.above = h("div.edge", { "aria-hidden": "true" });
    this.below = h("div.edge", { "aria-hidden": "true" });
    this.element = h("div.history", { tabindex: "0", role: "region", "aria-label": "Conversation" }, this.above, this.list, this.below);
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#walk(event));
    // What is drawn later (fonts, a narrower window) moves what is above it.
    this.observer = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    this.observer.observe(this.element);
    this.observer.observe(this.list);
  }

  end() {
    this.observer.disconnect();
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.isAtEnd = true;
  }

  /** Draws what changed. */
  draw() {
    const { timeline, chat } = this.room;
    this.above.classList.toggle("is-reading", timeline.reading.has("before"));
    this.below.classList.toggle("is-reading", timeline.reading.has("after"));
    const of = [timeline.state, chat.outbox.waiting, day(new Date().toISOString())];
    // That something is being read changes no row; to look where rows are costs a layout.
    if (of.every((part, place) => part === this.#drawn[place])) return this.#readAhead();
    this.#drawn = of;
    const anchor = this.isAtEnd && timeline.state.at_end ? undefined : this.#anchor();
    const rows = this.#wanted(timeline.state, chat.outbox.waiting);
    const kept = new Map();
    /** @type {Element | null} */
    let next = this.list.firstElementChild;
    for (const { key, of, flags, make } of rows) {
      const known = this.#rows.get(key);
      let row = known;
      if (!known || known.of !== of || known.flags !== flags) {
        row = { element: make(), of, flags };
        if (known) {
          const hadFocus = known.element.contains(document.activeElement);
          if (next === known.element) next = row.element;
          known.element.replaceWith(row.element);
          if (hadFocus) row.element.focus({ preventScroll: true });
        }
      }
      kept.set(key, row);
      const { element } = /** @type {any} */ (row);
      if (element === next) next = element.nextElementSibling;
      else this.list.insertBefore(element, next);
    }
    for (const [key, { element }] of this.#rows) if (!kept.has(key)) element.remove();
    this.#rows = kept;
    if (!this.list.querySelector(':scope > [tabindex="0"]')) this.list.querySelector(":scope > li.message:last-of-type")?.setAttribute("tabindex", "0");
    if (anchor) this.element.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    else if (this.isAtEnd) this.toEnd();
    this.#readAhead();
  }

  /** Brings a message into view. @param {string} id */
  show(id) {
    const row = this.#rows.get(id)?.element;
    if (!row) return false;
    this.isAtEnd = false;
    row.scrollIntoView({ block: "center" });
    row.classList.remove("is-shown");
    requestAnimationFrame(() => row.classList.add("is-shown"));
    this.#focus(row);
    return true;
  }

  /** @param {any} state @param {readonly any[]} waiting */
  #wanted(state, waiting) {
    /** @type {{ key: string, of: any, flags: string, make: () => HTMLElement }[]} */
    const rows = [];
    /** @type {any} */
    let before;
    const names = new Map(state.messages.map((/** @type {any} */ message) => [message.id, message]));
    if (state.at_start && state.messages.length > 0) rows.push({ key: "start", of: "start", flags: "", make: () => h("li.beginning", {}, "This is where the room began.") });
    for (const message of state.messages) {
      const today = day(message.created_at);
      if (!before || day(before.created_at) !== today) rows.push({ key: `day ${message.id}`, of: today, flags: "", make: () => h("li.day", {}, h("span", {}, today)) });
      const isFirstUnread = message.seq > this.unreadAfter && (before?.seq ?? 0) <= this.unreadAfter && message.author.id !== state.me;
      if (isFirstUnread) rows.push({ key: "unread", of: "unread", flags: "", make: () => h("li.unread-line", {}, h("span", {}, "New")) });
      const isHead = !before || isFirstUnread || before.author.id !== message.author.id || day(before.created_at) !== today || Boolean(message.reply_to) ||
        Date.parse(message.created_at) - Date.parse(before.created_at) > GROUP_MS;
      const replied = message.reply_to ? names.get(message.reply_to) : undefined;
      rows.push({ key: message.id, of: message, flags: `${isHead} ${state.role} ${replied?.as_of ?? ""} ${replied?.status ?? ""} ${replied?.text ?? ""}`, make: () => messageRow(this.room, message, isHead, replied) });
      before = message;
    }
    if (state.at_end) {
      for (const one of waiting) {
        if (one.room !== state.room || names.has(one.message)) continue;
        rows.push({ key: `waiting ${one.key}`, of: one, flags: "", make: () => waitingRow(this.room, one) });
      }
    }
    return rows;
  }

  /** The first row that is in view, and where. */
  #anchor() {
    const top = this.element.getBoundingClientRect().top;
    const rows = this.list.children;
    let low = 0, high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Element} */ (rows[middle]).getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    // A row that stays: days and lines come and go with their neighbours.
    while (low < rows.length && !rows[low]?.classList.contains("message")) low += 1;
    const element = rows[low];
    return element && { element, top: element.getBoundingClientRect().top };
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.room.scrolled();
    this.#readAhead();
  }

  #readAhead() {
    const { timeline } = this.room;
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (timeline.isEmpty || timeline.failure) return;
    if (scrollTop < AHEAD_PX && !timeline.state.at_start) void timeline.before();
    else if (scrollHeight - scrollTop - clientHeight < AHEAD_PX && !timeline.state.at_end) void timeline.after();
  }

  /** Arrows walk from message to message. @param {KeyboardEvent} event */
  #walk(event) {
    const on = /** @type {HTMLElement} */ (event.target);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "End" && on.closest(".messages")) return this.room.toLatest();
    if (!step || !on.matches("li.message, .history")) return;
    const rows = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll(":scope > li.message")]);
    const place = on.matches(".history") ? rows.length : rows.indexOf(on);
    const row = rows[place + step] ?? (place === rows.length ? rows.at(-1) : undefined);
    if (!row) return;
    event.preventDefault();
    this.#focus(row);
    row.scrollIntoView({ block: "nearest" });
  }

  /** @param {HTMLElement} row */
  #focus(row) {
    for (const other of this.list.querySelectorAll(':scope > [tabindex="0"]')) other.setAttribute("tabindex", "-1");
    row.setAttribute("tabindex", "0");
    row.focus({ preventScroll: true });
  }
}
