// What was reported and done in a room, and who is banned? Moderators see it, and lift bans.

import { attempt, dialog } from "./ask.js";
import { fill, h } from "./dom.js";
import { day, time, trouble } from "./words.js";

/** Pages that are read at once: so far back bans are looked for before somebody asks for older ones. */
const PAGES_AT_ONCE = 4;

/** What an entry says, after the name of who did it. @type {Record<string, (entry: any, whom: any) => any[]>} */
const SAYS = {
  reported: (_, whom) => ["reported a message of ", whom],
  hidden: (_, whom) => ["hid a message of ", whom],
  removed: (_, whom) => ["removed a message of ", whom],
  restored: (_, whom) => ["restored a message of ", whom],
  removed_all: (_, whom) => ["removed all messages of ", whom],
  kicked: (_, whom) => ["removed ", whom, " from the room"],
  banned: (entry, whom) => ["banned ", whom, term(entry)],
  unbanned: (_, whom) => ["lifted the ban of ", whom],
  muted: (entry, whom) => ["muted ", whom, term(entry)],
  unmuted: (_, whom) => ["let ", whom, " write again"],
  role: (entry, whom) => ["made ", whom, entry.role === "owner" ? " an owner" : ` a ${entry.role ?? "member"}`],
};

/** @param {any} entry */
const term = ({ until }) => (isForEver(until) ? " for good" : ` until ${day(until)}, ${time(until)}`);
/** @param {string | null | undefined} until */
const isForEver = (until) => !until || until.startsWith("9999");

/**
 * Bans that stand, by person: of entries from the newest to the oldest the first word counts.
 * @param {readonly any[]} entries @param {number} now
 */
export function standingBans(entries, now) {
  /** @type {Map<string, any>} */
  const latest = new Map();
  for (const entry of entries) {
    const decides = entry.action === "banned" || entry.action === "unbanned";
    if (decides && entry.user && !latest.has(entry.user)) latest.set(entry.user, entry);
  }
  return [...latest.values()].filter(({ action, until }) => action === "banned" && (isForEver(until) || Date.parse(until) > now));
}

/** @param {any} room */
export function moderation(room) {
  const { chat, id } = room;
  const results = h("div.results", { "aria-live": "polite" }, h("p.quiet", {}, "…"));
  /** @type {Map<string, string>} */
  const names = new Map(room.people.map((/** @type {any} */ person) => [person.id, person.display_name]));
  /** @type {any[]} */
  let entries = [];
  /** @type {string | undefined} */
  let next;
  let close = () => {};

  async function load() {
    entries = [];
    next = undefined;
    await older();
  }

  async function older() {
    try {
      for (let pages = 0; pages < PAGES_AT_ONCE; pages += 1) {
        const page = await chat.api.call("GET /v1/rooms/{id}/moderation", { path: { id }, query: next ? { cursor: next } : {} });
        entries = [...entries, ...page.items];
        next = page.page.has_more_after ? page.page.next : undefined;
        if (!next) break;
      }
      await called([...new Set(entries.flatMap(({ by, user }) => [by, user]))].filter((user) => user && !names.has(user)));
      draw();
    } catch (why) {
      fill(results, h("p.wrong", {}, trouble(why)), h("button.secondary", { type: "button", onclick: load }, "Try again"));
    }
  }

  /** Whoever is not in the room any more has a name still. @param {string[]} users */
  const called = (users) => Promise.all(users.map(async (user) => {
    const answer = await chat.api.call("GET /v1/users/{id}", { path: { id: user } }).catch(() => undefined);
    names.set(user, answer?.user.display_name ?? "");
  }));

  /** @param {string | null | undefined} user */
  const named = (user) => h("bdi", {}, user === chat.me ? "you" : (user && names.get(user)) || "somebody who left");

  function draw() {
    const bans = standingBans(entries, Date.now());
    fill(results,
      h("section", {}, h("h3", {}, "Banned"),
        bans.length === 0 ? h("p.quiet", {}, next ? "Nobody, as far back as is shown." : "Nobody.") : h("ul.cards", {}, bans.map(banned))),
      h("section", {}, h("h3", {}, "What happened"),
        entries.length === 0 ? h("p.quiet", {}, "Nothing was reported or done yet.") : h("ol.log", {}, entries.map(entryRow))),
      next && h("button.secondary", { type: "button", onclick: older }, "Older"));
  }

  /** @param {any} ban */
  const banned = (ban) => h("li.card", {},
    h("div.card-text", {}, h("strong", {}, named(ban.user)),
      h("p.quiet", {}, isForEver(ban.until) ? "For good" : `Until ${day(ban.until)}, ${time(ban.until)}`, ban.reason && h("span", {}, " · ", h("bdi", {}, ban.reason)))),
    h("button.secondary", { type: "button", "aria-label": `Unban ${names.get(ban.user) || "somebody who left"}`, onclick: () => void unban(ban.user) }, "Unban"));

  /** @param {any} entry */
  function entryRow(entry) {
    const says = SAYS[entry.action];
    const who = entry.by === chat.me ? "You" : (entry.by && names.get(entry.by)) || "Somebody";
    return h("li.log-row", {},
      h("div.card-text", {},
        h("p", {}, h("strong", {}, h("bdi", {}, who)), " ", ...(says ? says(entry, named(entry.user)) : [entry.action, " ", named(entry.user)])),
        entry.reason && h("p.quiet", { dir: "auto" }, entry.reason),
        h("p.quiet", {}, h("time", { datetime: entry.at }, `${day(entry.at)}, ${time(entry.at)}`))),
      entry.message && h("button.link", { type: "button", onclick: () => { close(); void room.goTo(entry.message); } }, "Show"));
  }

  /** @param {string} user */
  async function unban(user) {
    if (await attempt(async () => (await chat.api.call("DELETE /v1/rooms/{id}/members/{user}/ban", { path: { id, user } }), true))) await load();
    results.querySelector("button")?.focus();
  }

  void load();
  return dialog("Moderation", (done) => {
    close = done;
    return results;
  }, ".is-wide");
}
