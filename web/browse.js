// Which rooms are there? All lounges with their rooms, by language; joined with one click, or made anew.

import { attempt, dialog, field, formDialog } from "./ask.js";
import { fill, h, icon } from "./dom.js";
import { counted, language, languageHere, trouble } from "./words.js";

const LANGUAGES = ["ar", "bn", "de", "en", "es", "fa", "fr", "he", "hi", "id", "it", "ja", "ko", "mr", "nl", "pl", "pt", "ru", "sv", "te", "tr", "uk", "ur", "zh-Hans", "zh-Hant"];

/** @param {any} shell */
export function browse(shell) {
  const { chat } = shell;
  const results = h("div.results", { "aria-live": "polite" }, h("p.quiet", {}, "Looking around…"));
  const wanted = h("input", { type: "search", "aria-label": "Name of a room", placeholder: "Room or lounge", dir: "auto", oninput: () => draw() });
  const tongue = h("select", { "aria-label": "Language", onchange: () => draw() }, h("option", { value: "" }, "All languages"));
  const isRegistered = shell.session.user?.kind === "registered";
  /** @type {{ lounge: any, rooms: any[] }[]} */
  let lounges = [];
  let close = () => {};

  async function load() {
    try {
      const found = await all(chat, "GET /v1/lounges", undefined);
      lounges = await Promise.all(found.map(async (lounge) => ({ lounge, rooms: await all(chat, "GET /v1/lounges/{id}/rooms", { id: lounge.id }) })));
      const tags = [...new Set(lounges.flatMap(({ rooms }) => rooms.map((room) => room.language)))].sort();
      const chosen = tongue.value;
      fill(tongue, h("option", { value: "" }, "All languages"), tags.map((tag) => h("option", { value: tag, selected: tag === chosen }, languageHere(tag))));
      draw();
    } catch (why) {
      fill(results, h("p.wrong", {}, trouble(why)), h("button.secondary", { type: "button", onclick: load }, "Try again"));
    }
  }

  function draw() {
    const text = wanted.value.trim().toLocaleLowerCase();
    const shown = lounges.map(({ lounge, rooms }) => ({
      lounge,
      rooms: rooms.filter((room) => (!tongue.value || room.language === tongue.value) && (!text || `${room.name} ${lounge.name} ${room.topic ?? ""}`.toLocaleLowerCase().includes(text))),
    })).filter(({ lounge, rooms }) => rooms.length > 0 || (!text && !tongue.value && lounge.owner === chat.me));
    fill(results, shown.map(({ lounge, rooms }) => h("section.lounge", {},
      h("header", {}, h("h3", {}, h("bdi", {}, lounge.name)), lounge.owner === chat.me && h("button.link", { type: "button", onclick: () => makeRoom(lounge) }, "Add a room")),
      lounge.description && h("p.quiet", {}, h("bdi", {}, lounge.description)),
      h("ul.cards", {}, rooms.map(card)),
      rooms.length === 0 && h("p.quiet", {}, "No rooms here yet."))));
    if (shown.length === 0) fill(results, h("div.empty.is-small", {}, h("p", {}, lounges.length === 0 ? "There are no rooms yet." : "No room matches."), lounges.length === 0 && isRegistered && h("p.quiet", {}, "Open the first lounge and add a room to it.")));
  }

  /** @param {any} room */
  function card(room) {
    const isIn = chat.rooms.has(room.id);
    const mayJoin = isRegistered || room.guests;
    return h("li.card", {},
      h("div.card-text", {}, h("strong", {}, h("bdi", {}, room.name)),
        h("p.quiet", {}, h("bdi", {}, language(room.language)), " · ", counted(room.member_count, "member", "members")),
        room.topic && h("p", {}, h("bdi", {}, room.topic))),
      h(`button.${isIn ? "secondary" : "primary"}`, { type: "button", disabled: !isIn && !mayJoin, title: !isIn && !mayJoin ? "For people with an account" : undefined, onclick: () => enter(room), "aria-label": `${isIn ? "Open" : "Join"} ${room.name}` }, isIn ? "Open" : "Join"));
  }

  /** @param {any} room */
  async function enter(room) {
    const isIn = chat.rooms.has(room.id) || (await attempt(async () => (await chat.join(room.id), true)));
    if (!isIn) return;
    close();
    shell.open(room.id);
  }

  const makeLounge = () => formDialog("New lounge", [
    field("Name", { name: "name", required: true, maxlength: 80, dir: "auto" }),
    field("What it is for", { name: "description", maxlength: 500, dir: "auto" }),
  ], "Open lounge", async ({ name, description }) => {
    await chat.api.call("POST /v1/lounges", { body: { name, ...(description && { description }) } });
    await load();
  });

  /** @param {any} lounge */
  const makeRoom = (lounge) => formDialog(`New room in ${lounge.name}`, [
    field("Name", { name: "name", required: true, maxlength: 80, dir: "auto" }),
    field("Language", { name: "language", options: LANGUAGES.map((tag) => [tag, `${languageHere(tag)} — ${language(tag)}`]), value: navigator.language.split("-")[0] }),
    field("Topic", { name: "topic", maxlength: 500, dir: "auto" }),
    field("Who may come in", { name: "who", options: [["guests", "Everybody, guests too"], ["public", "People with an account"], ["private", "Whom moderators add"]], value: "guests" }),
  ], "Create room", async ({ name, language: tag, topic, who }) => {
    const body = { name, language: tag, visibility: who === "private" ? "private" : "public", guests: who === "guests", ...(topic && { topic }) };
    const { room, position } = await chat.api.call("POST /v1/lounges/{id}/rooms", { path: { id: lounge.id }, body });
    await chat.enter(room.id, position);
    close();
    shell.open(room.id);
  });

  void chat.look().then(() => lounges.length > 0 && draw());
  void load();
  return dialog("Find a room", (done) => {
    close = done;
    return [h("div.browse-bar", {}, wanted, tongue, isRegistered && h("button.secondary", { type: "button", onclick: makeLounge }, icon("plus"), "New lounge")), results];
  }, ".is-wide");
}

/** The items of a list, page by page; where it has more than that, so many at least. @param {any} chat @param {any} operation @param {any} path @param {number} [enough] */
export async function all(chat, operation, path, enough = Infinity) {
  const items = [];
  let cursor;
  do {
    const page = await chat.api.call(operation, { path, query: cursor ? { cursor } : {} });
    items.push(...page.items);
    cursor = page.page.has_more_after ? page.page.next : undefined;
  } while (cursor && items.length < enough);
  return items;
}
