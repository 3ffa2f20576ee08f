// How does somebody come in? With an account, with a new one, or as a guest with nothing but a name.

import { form, field } from "./ask.js";
import { fill, h, icon } from "./dom.js";

const name = () => field("Name", { name: "display_name", required: true, maxlength: 40, autocomplete: "nickname", dir: "auto" });
const phone = () => field("Phone", { name: "phone", type: "tel", required: true, autocomplete: "tel", placeholder: "+49 151 1234567", dir: "ltr" }, "With the country's code.");
/** @param {string} autocomplete */
const password = (autocomplete) => field("Password", { name: "password", type: "password", required: true, minlength: 8, maxlength: 128, autocomplete });

/** @param {any} values */
const account = (values) => ({ ...values, phone: values.phone.replace(/[\s()-]/g, "") });

/** Draws the door. @param {Element} app @param {any} session @param {() => void} entered @param {string} [why] */
export function door(app, session, entered, why) {
  const ways = [
    { id: "guest", text: "Guest", fields: [name()], verb: "Come in", hint: "No account needed. A guest's stay ends after a day without a visit.", send: (/** @type {any} */ values) => session.comeAsGuest(values) },
    { id: "sign-in", text: "Sign in", fields: [phone(), password("current-password")], verb: "Sign in", hint: "", send: (/** @type {any} */ values) => session.signIn(account(values)) },
    { id: "register", text: "New account", fields: [name(), phone(), password("new-password")], verb: "Create account", hint: "With an account you can open lounges and rooms of your own.", send: (/** @type {any} */ values) => session.register(account(values)) },
  ];
  const tabs = ways.map((way) => h("button", { type: "button", role: "tab", id: `tab-${way.id}`, "aria-controls": "way", onclick: () => show(way) }, way.text));
  const panel = h("div", { id: "way", role: "tabpanel" });
  const list = h("div.tabs", { role: "tablist", "aria-label": "How to come in" }, tabs);
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const turn = getComputedStyle(list).direction === "rtl" ? -step : step;
    const place = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const next = (place + turn + ways.length) % ways.length;
    show(ways[next]);
    tabs[next].focus();
  });
  /** @param {any} way */
  function show(way) {
    for (const [place, tab] of tabs.entries()) {
      const is = ways[place] === way;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${way.id}`);
    fill(panel, form(way.fields, way.verb, async (values) => {
      await way.send(values);
      entered();
    }), h("p.hint", {}, way.hint));
  }
  show(ways[0]);
  fill(app, h("main.door", {},
    h("div.door-card", {},
      h("div.brand", {}, h("span.mark", {}, icon("globe")), h("h1", {}, "Chatroom")),
      h("p.lead", {}, "Rooms in every language. Walk in and say hello."),
      why && h("p.notice", { role: "status" }, why),
      list, panel)));
  panel.querySelector("input")?.focus();
}
