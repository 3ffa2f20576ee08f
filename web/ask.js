// How is somebody told or asked something? Toasts, dialogs and menus, which give the focus back.

import { fill, h, iconButton } from "./dom.js";
import { trouble } from "./words.js";

const TOAST_MS = 6_000;

/** @param {string} text */
export function toast(text) {
  const element = h("div.toast", {}, text);
  const toasts = document.getElementById("toasts");
  // Shown last is shown on top, also of a dialog that is open.
  if (toasts?.matches(":popover-open")) toasts.hidePopover();
  toasts?.showPopover();
  toasts?.append(element);
  setTimeout(() => element.remove(), TOAST_MS);
}

/** Does it, and tells what went wrong. @template T @param {() => Promise<T>} work @returns {Promise<T | undefined>} */
export async function attempt(work) {
  try {
    return await work();
  } catch (why) {
    toast(trouble(why));
    return undefined;
  }
}

/** Counts them: one may be opened from another, and each has its name. */
let dialogs = 0;

/**
 * A dialog; resolves when it is closed.
 * @param {string} title @param {(close: () => void) => any} body @param {string} [kind]
 */
export function dialog(title, body, kind = "") {
  const id = `dialog-${(dialogs += 1)}`;
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const close = () => element.close();
  const heading = h("h2", { id, dir: "auto" }, title);
  const element = h(`dialog.dialog${kind}`, { "aria-labelledby": id },
    h("header", {}, heading, iconButton("close", "Close", { onclick: close })));
  element.append(...[body(close)].flat());
  element.addEventListener("click", (/** @type {MouseEvent} */ event) => event.target === element && close());
  document.body.append(element);
  element.showModal();
  return new Promise((done) => element.addEventListener("close", () => {
    element.remove();
    before?.focus?.();
    done(undefined);
  }));
}

/**
 * A form in a dialog. What `send` throws is shown beside the fields.
 * @param {string} title @param {any[]} fields @param {string} verb @param {(values: any) => Promise<void>} send @param {string} [tone]
 */
export function formDialog(title, fields, verb, send, tone = "primary") {
  return dialog(title, (close) => form(fields, verb, async (values) => {
    await send(values);
    close();
  }, tone));
}

/** @param {any[]} fields @param {string} verb @param {(values: any) => Promise<void>} send @param {string} [tone] */
export function form(fields, verb, send, tone = "primary") {
  const wrong = h("p.wrong", { role: "alert", hidden: true });
  const button = h(`button.${tone}`, { type: "submit" }, verb);
  const element = h("form.form", { novalidate: false }, ...fields, wrong, h("footer", {}, button));
  element.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.hidden = true;
    try {
      await send(Object.fromEntries(new FormData(element)));
    } catch (why) {
      fill(wrong, trouble(why));
      wrong.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
  return element;
}

/** A labelled field. @param {string} label @param {any} given @param {string} [hint] */
export function field(label, given, hint) {
  const input = given.options
    ? h("select", { ...given, options: undefined }, given.options.map(([value, text]) => h("option", { value, selected: value === given.value }, text)))
    : h(given.rows ? "textarea" : "input", given);
  return h("label.field", {}, h("span", {}, label), input, hint && h("small", {}, hint));
}

/**
 * A menu under its button, walked by arrows, closed by Escape.
 * @param {HTMLElement} button @param {({ text: string, run: () => void, tone?: string } | undefined | false)[]} entries @param {string} [kind]
 */
export function menu(button, entries, kind = "") {
  const shown = entries.filter((entry) => Boolean(entry));
  const items = /** @type {any[]} */ (shown).map(({ text, run, tone, label }) =>
    h(`button.menu-item${tone ? `.${tone}` : ""}`, { type: "button", role: "menuitem", tabindex: "-1", "aria-label": label, onclick: () => { close(); run(); } }, text));
  const element = h(`div.menu${kind}`, { role: "menu", popover: "auto" }, items);
  const close = () => element.hidePopover();
  document.body.append(element);
  element.showPopover();
  button.setAttribute("aria-expanded", "true");
  const at = button.getBoundingClientRect(), size = element.getBoundingClientRect();
  element.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
  element.style.top = `${at.bottom + size.height + 8 > innerHeight ? Math.max(8, at.top - size.height - 4) : at.bottom + 4}px`;
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Tab") return close();
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const place = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : step && items.indexOf(document.activeElement) + step;
    if (place === undefined) return;
    event.preventDefault();
    items.at(place % items.length)?.focus();
  });
  element.addEventListener("toggle", (/** @type {any} */ event) => {
    if (event.newState !== "closed") return;
    element.remove();
    button.setAttribute("aria-expanded", "false");
    if (document.activeElement === document.body) button.focus();
  });
  items[0]?.focus();
}
