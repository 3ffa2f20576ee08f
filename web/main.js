// Who is here, and what do they see? The door, or the chat behind it.

import { Chat, keptInBrowser, openIndexedDb, Session } from "../clients/ts/dist/index.js";
import { door } from "./door.js";
import { Shell } from "./shell.js";

const app = /** @type {Element} */ (document.getElementById("app"));
const session = new Session(location.origin, keptInBrowser("chatroom.session"));

/** Rooms that one was added to are shown after so long at the latest. */
const LOOK_EVERY_MS = 120_000;

const OVER = {
  "signed-out": "You were signed out.",
  "guest-expired": "Your stay as a guest is over. Come in again, or create an account.",
  suspended: "This account is suspended.",
};

/** @param {string} [why] */
function atTheDoor(why) {
  door(app, session, () => void enter(), why);
}

async function enter() {
  const user = session.user;
  if (!user) return atTheDoor();
  /** @type {Shell | undefined} */
  let shell;
  const cache = await openIndexedDb(`chatroom.${user.id}`).catch(() => undefined);
  const chat = new Chat({ base: location.origin, session, ...(cache && { cache }), changed: (change) => shell?.changed(change) });
  // Nobody tells that one was added to a room: as long as somebody looks at the page, it asks.
  const looking = setInterval(() => document.visibilityState === "visible" && void chat.look(), LOOK_EVERY_MS);
  let isOver = false;
  /** @param {keyof typeof OVER} why @param {boolean} [forgets] */
  const over = async (why, forgets = true) => {
    if (isOver) return;
    isOver = true;
    clearInterval(looking);
    shell?.end();
    await (forgets ? chat.forget() : chat.stop()).catch(() => undefined);
    session.forget();
    history.replaceState(null, "", "/");
    atTheDoor(OVER[why]);
  };
  session.onEnd(() => void over("signed-out", false));
  shell = new Shell(app, chat, session, over);
  addEventListener("online", () => chat.socket.wake());
  addEventListener("offline", () => chat.socket.lost());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") return void chat.keep();
    chat.socket.wake();
    void chat.look();
  });
  await chat.start();
  shell.started();
  // For tests and for whoever looks behind the page: the client as it is.
  Object.assign(globalThis, { chat });
}

void enter();
