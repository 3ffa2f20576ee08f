// How does one message look, and what may be done with it?

import { attempt, field, formDialog, menu } from "./ask.js";
import { avatar, h, icon, iconButton } from "./dom.js";
import { counted, full, time } from "./words.js";

const EMOJIS = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];
const GONE = { hidden: "This message was hidden by a moderator.", removed: "This message was removed by a moderator.", deleted: "This message was deleted." };
const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;

/** @param {any} message */
export const nameOf = (message) => message.author.display_name || "Somebody who left";

/** @param {any} room @param {any} message @param {boolean} isHead @param {any} replied */
export function messageRow(room, message, isHead, replied) {
  const { chat } = room;
  const own = message.author.id === chat.me;
  const isSeen = message.text !== undefined && message.text !== null;
  const mentionsMe = message.mentions?.includes(chat.me);
  const name = nameOf(message);
  const said = isSeen ? message.text : message.status === "visible" ? "…" : GONE[/** @type {keyof typeof GONE} */ (message.status)];
  // Who walks from message to message hears what it says, too.
  const label = `${name}: ${said}, ${full(message.created_at)}${message.edited_at ? ", edited" : ""}`;
  const classes = ["message", isHead && "is-head", own && "is-own", mentionsMe && "is-mention", message.status !== "visible" && "is-gone"].filter(Boolean);
  const body = isSeen
    ? h("p.text", { dir: "auto" }, ...linked(message.text), message.edited_at && h("span.edited", { title: full(message.edited_at) }, " (edited)"))
    : h("p.text.is-absent", {}, h("bdi", {}, said));
  return h(`li.${classes.join(".")}`, { tabindex: "-1", "data-id": message.id, "aria-label": label },
    isHead ? avatar(message.author.id, name) : h("time.aside", { datetime: message.created_at, "aria-hidden": "true" }, time(message.created_at)),
    h("div.body", {},
      message.reply_to && quote(room, message, replied),
      isHead && h("div.head", {}, h("strong", {}, h("bdi", {}, name)), message.author.kind === "guest" && h("span.tag", {}, "Guest"), h("time", { datetime: message.created_at, title: full(message.created_at) }, time(message.created_at))),
      isSeen && message.status !== "visible" && h("p.status", {}, message.status === "hidden" ? "Hidden from others" : "Removed for others"),
      body, reactions(room, message)),
    message.status !== "deleted" && tools(room, message, own));
}

/** @param {any} room @param {any} waiting */
export function waitingRow(room, waiting) {
  const user = room.shell.session.user;
  return h(`li.message.is-head.is-own.is-waiting${waiting.refused ? ".is-refused" : ""}`, { tabindex: "-1", "aria-label": waiting.refused ? "Not sent" : "Being sent" },
    avatar(room.chat.me, user?.display_name ?? ""),
    h("div.body", {}, h("div.head", {}, h("strong", {}, h("bdi", {}, user?.display_name ?? "")), h("span.quiet", {}, waiting.refused ? "Not sent" : "Sending…")),
      h("p.text", { dir: "auto" }, waiting.text),
      waiting.refused && h("p.refused", { role: "alert" }, waiting.refused.detail,
        h("button.link", { type: "button", onclick: () => room.chat.outbox.again(waiting.key) }, "Send again"),
        h("button.link", { type: "button", onclick: () => room.chat.outbox.discard(waiting.key) }, "Discard"))));
}

/** @param {string} text */
function linked(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(from, found.index), h("a", { href: found[0], target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" }, found[0]));
    from = found.index + found[0].length;
  }
  return [...parts, text.slice(from)];
}

/** @param {any} room @param {any} message @param {any} replied */
function quote(room, message, replied) {
  const text = !replied ? "An earlier message" : replied.text ?? "A message that is gone";
  return h("button.quote", { type: "button", onclick: () => room.goTo(message.reply_to), "aria-label": replied ? `In reply to ${nameOf(replied)}` : "In reply to an earlier message" },
    icon("reply"), replied && h("strong", {}, h("bdi", {}, nameOf(replied))), h("span", { dir: "auto" }, text));
}

/** @param {any} room @param {any} message */
function reactions(room, message) {
  const shown = message.reactions ?? [];
  if (shown.length === 0) return undefined;
  return h("ul.reactions", { "aria-label": "Reactions" }, shown.map(({ emoji, count }) => {
    const own = message.own.includes(emoji);
    return h("li", {}, h(`button.reaction${own ? ".is-own" : ""}`, {
      type: "button", "aria-pressed": String(own), disabled: message.status === "deleted",
      "aria-label": `${emoji}, ${counted(count, "person", "people")}`, onclick: () => react(room, message, emoji, !own),
    }, h("span", {}, emoji), h("span.count", {}, count)));
  }));
}

/** @param {any} room @param {any} message @param {string} emoji @param {boolean} add */
function react(room, message, emoji, add) {
  const ask = { path: { id: room.id, message: message.id, emoji } };
  const operation = `${add ? "PUT" : "DELETE"} /v1/rooms/{id}/messages/{message}/reactions/{emoji}`;
  void attempt(() => room.chat.api.call(operation, ask));
}

/** @param {any} room @param {any} message @param {boolean} own */
function tools(room, message, own) {
  const more = iconButton("more", "More", { "aria-haspopup": "menu", onclick: () => menu(more, actions(room, message, own)) });
  const smile = iconButton("smile", "React", { "aria-haspopup": "menu", onclick: () => menu(smile, EMOJIS.map((emoji) => ({ text: emoji, label: `React with ${emoji}`, run: () => react(room, message, emoji, !message.own.includes(emoji)) })), ".is-emojis") });
  return h("div.tools", { role: "group", "aria-label": "Actions" }, room.mayWrite && smile,
    room.mayWrite && iconButton("reply", "Reply", { onclick: () => room.composer.replyTo(message) }), more);
}

/** @param {any} room @param {any} message @param {boolean} own */
function actions(room, message, own) {
  const { chat } = room;
  const path = { id: room.id, message: message.id };
  const becomes = (/** @type {string} */ status) => () => void attempt(() => chat.api.call("PUT /v1/rooms/{id}/messages/{message}/status", { path, body: { status } }));
  const moderates = room.moderates;
  return [
    message.text && { text: "Copy text", run: () => void navigator.clipboard?.writeText(message.text) },
    own && room.mayWrite && { text: "Edit", run: () => room.composer.edit(message) },
    own && { text: "Delete", tone: "danger", run: () => void attempt(() => chat.api.call("DELETE /v1/rooms/{id}/messages/{message}", { path })) },
    moderates && message.status === "visible" && { text: "Hide from others", run: becomes("hidden") },
    moderates && message.status !== "removed" && { text: "Remove", tone: "danger", run: becomes("removed") },
    moderates && message.status !== "visible" && { text: "Restore", run: becomes("visible") },
    !own && { text: "Report", run: () => void formDialog("Report this message", [field("Reason", { name: "reason", rows: 3, maxlength: 500, dir: "auto" }, "Moderators of the room read it.")], "Report", async ({ reason }) => {
      await chat.api.call("POST /v1/rooms/{id}/messages/{message}/report", { path, body: reason ? { reason } : {} });
    }) },
  ].filter(Boolean);
}
