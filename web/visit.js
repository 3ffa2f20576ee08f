// What does somebody see who follows a link to a room that he is not in? Its card, and a way in.

import { attempt } from "./ask.js";
import { fill, h, icon } from "./dom.js";
import { counted, language, trouble } from "./words.js";

/** What a link to a room ends with. */
const ROOM = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a link names a room. @param {string} hash */
export const isRoom = (hash) => ROOM.test(hash);

/** Draws the card of a room. @param {any} shell @param {string} id */
export async function visit(shell, id) {
  const { chat, main } = shell;
  const isWanted = () => location.hash.slice(1) === id && shell.room === undefined;
  try {
    const { room } = await chat.api.call("GET /v1/rooms/{id}", { path: { id } });
    // Somebody has added us since our list was read.
    if (room.member && !chat.rooms.has(id)) await chat.enter(id);
    if (!isWanted()) return;
    if (room.member) shell.open(id);
    else fill(main, card(shell, room));
  } catch (/** @type {any} */ why) {
    if (!isWanted()) return;
    const text = why?.problem?.status === 404 ? "There is no such room, or it is not for everybody." : trouble(why);
    fill(main, h("div.empty", {}, h("span.empty-mark", {}, icon("lock")), h("h2", {}, "This room cannot be shown"), h("p", {}, text), back(shell)));
  }
}

/** On a narrow page the list of rooms is elsewhere. @param {any} shell */
const back = (shell) => h("button.link.only-narrow", { type: "button", onclick: () => shell.open(undefined) }, "Back to rooms");

/** @param {any} shell @param {any} room */
function card(shell, room) {
  const mayJoin = room.visibility === "public" && room.active && (room.guests || shell.session.user?.kind === "registered");
  const enter = async () => {
    if (await attempt(async () => (await shell.chat.join(room.id), true))) shell.open(room.id);
  };
  return h("div.empty", {}, h("span.empty-mark", {}, icon(mayJoin ? "globe" : "lock")), h("h2", {}, h("bdi", {}, room.name)),
    h("p", {}, h("bdi", {}, language(room.language)), " · ", counted(room.member_count, "member", "members")),
    room.topic && h("p", {}, h("bdi", {}, room.topic)),
    mayJoin ? h("button.primary", { type: "button", onclick: () => void enter() }, "Join this room") : h("p", {}, room.active ? "It is for people with an account, or whom moderators add." : "It is archived."), back(shell));
}
