// Where was it said? Messages of one's rooms by their words; a hit opens its place.

import { dialog } from "./ask.js";
import { fill, h } from "./dom.js";
import { day, time, trouble } from "./words.js";

const ASK_AFTER_MS = 250;

/** @param {any} shell @param {string | undefined} room */
export function searchPanel(shell, room) {
  const { chat } = shell;
  const results = h("div.results", { "aria-live": "polite" }, h("p.quiet", {}, "Words, a “phrase in quotes”, or a begin*"));
  const only = h("input", { type: "checkbox", checked: room !== undefined, onchange: () => ask() });
  let close = () => {};
  /** @type {any} */
  let timer;
  /** @type {AbortController | undefined} */
  let asking;
  const input = h("input", { type: "search", "aria-label": "Words to look for", placeholder: "Search messages", dir: "auto", oninput: () => { clearTimeout(timer); timer = setTimeout(ask, ASK_AFTER_MS); } });

  /** @param {string} [cursor] */
  async function ask(cursor) {
    asking?.abort();
    asking = new AbortController();
    const q = input.value.trim();
    if (!q) return fill(results, h("p.quiet", {}, "Words, a “phrase in quotes”, or a begin*"));
    try {
      const query = { q, ...(room && only.checked && { room }), ...(cursor && { cursor }) };
      const page = await chat.api.call("GET /v1/search", { query, signal: asking.signal });
      const list = page.items.map(hit);
      const more = page.page.has_more_after && h("button.secondary", { type: "button", onclick: (/** @type {any} */ event) => { event.target.remove(); void ask(page.page.next); } }, "Older hits");
      if (cursor) results.append(...list, more || "");
      else fill(results, list.length > 0 ? list : h("div.empty.is-small", {}, h("p", {}, "Nothing was said with these words.")), more);
    } catch (/** @type {any} */ why) {
      if (why?.name !== "AbortError") fill(results, h("p.wrong", {}, trouble(why)));
    }
  }

  /** @param {any} found */
  const hit = ({ message, room: where, highlight }) => h("button.hit", { type: "button", onclick: () => { close(); shell.open(where.id, message.id); } },
    h("span.hit-head", {}, h("strong", {}, h("bdi", {}, message.author.display_name)), h("span.quiet", {}, h("bdi", {}, where.name), ` · ${day(message.created_at)}, ${time(message.created_at)}`)),
    h("span.hit-text", { dir: "auto" }, highlight.map((/** @type {any} */ part) => (part.hit ? h("mark", {}, part.text) : part.text))));

  const shown = dialog("Search", (done) => {
    close = done;
    return [h("div.browse-bar", {}, input, room && h("label.check", {}, only, "In this room only")), results];
  }, ".is-wide");
  input.focus();
  return shown;
}
