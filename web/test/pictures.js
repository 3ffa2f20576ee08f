// How does the page look? Pictures of it, light and dark, narrow and wide: `npm run pictures -- <folder>`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { account, call, launch, message, open, room, signIn, startSystem } from "./stage.js";

const folder = process.argv[2] ?? "pictures";
const WIDE = { viewport: { width: 1280, height: 820 } };
const NARROW = { viewport: { width: 390, height: 780 }, hasTouch: true };
const TALK = ["The creaky book cringed calmly.", "The clay letter ate lightly.", "The muscular lady whispered slightly.", "The green urn jogged gracefully.", "The black house coughed slightly.", "The square parrot talked gracefully.", "The evil football slept quickly."];
const OTHERS = [["Feierabend", "de", "Wer kommt heute noch mit?"], ["Book club", "en", "Chapter four by Friday."], ["گپ‌وگفت", "fa", "سلام، امروز چه خبر؟"], ["चाय पर चर्चा", "hi", "आज मौसम अच्छा है"], ["雑談", "ja", "おはようございます"]];

const system = await startSystem();
const browser = await launch();
mkdirSync(folder, { recursive: true });

const ada = await account(system.url, "Ada Lovelace");
const grace = await account(system.url, "Grace Hopper");
const guest = async (name) => {
  const told = await call(system.url, "POST", "/v1/guests", { body: { display_name: name } });
  return { token: told.access_token, id: told.user.id };
};
const [alan, katherine, mallory] = [await guest("Alan"), await guest("Katherine"), await guest("Mallory")];
const post = async (who, id, text, extras = {}) => (await call(system.url, "POST", `/v1/rooms/${id}/messages`, { token: who.token, body: { text, ...extras } })).message.id;
const on = (method, id, of, who, body) => call(system.url, method, `/v1/rooms/${id}/messages/${of}`, { token: who.token, ...(body && { body }) });
const react = (who, id, of, emoji) => on("PUT", id, `${of}/reactions/${encodeURIComponent(emoji)}`, who);

const others = [];
for (const [name, language, text] of OTHERS) {
  const id = await room(system.url, grace.token, name, language);
  await call(system.url, "PUT", `/v1/rooms/${id}/members/me`, { token: ada.token });
  for (let n = 0; n < 12; n += 1) await post(n % 3 ? grace : ada, id, n % 5 ? text : `${text} ${n}`);
  others.push(id);
}
const kitchen = await room(system.url, ada.token, "Kitchen table");
await call(system.url, "PATCH", `/v1/rooms/${kitchen}`, { token: ada.token, body: { name: "Kitchen table", topic: "What did you cook today?" } });
for (const one of [grace, alan, katherine, mallory]) await call(system.url, "PUT", `/v1/rooms/${kitchen}/members/me`, { token: one.token });
for (const text of TALK) await post(grace, kitchen, text);
const bread = await post(grace, kitchen, "Has anybody tried the sourdough from https://example.org/bread?page=2 yet?\nMine never rises.");
for (const [who, emoji] of [[ada, "👍"], [alan, "👍"], [katherine, "❤️"]]) await react(who, kitchen, bread, emoji);
await post(ada, kitchen, "Twice. Warm the flour first, and give it the night.", { reply_to: bread });
const treasure = await post(alan, kitchen, "@Ada Lovelace you are a treasure 🍞", { mentions: [ada.id] });
await react(ada, kitchen, treasure, "😂");
const spam = await post(mallory, kitchen, "Cheap watches!!!");
await on("PUT", kitchen, `${spam}/status`, ada, { status: "hidden", reason: "An advertisement" });
await on("POST", kitchen, `${spam}/report`, grace, { reason: "This is spam." });
await on("DELETE", kitchen, await post(katherine, kitchen, "No."), katherine);
const will = await post(katherine, kitchen, "I will try tonight.");
await on("PATCH", kitchen, will, katherine, { text: "I will try tonight, flour warmed." });
await call(system.url, "PUT", `/v1/rooms/${kitchen}/members/${mallory.id}/ban`, { token: ada.token, body: { reason: "Advertisements" } });

const shot = (page, name) => page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
const enters = async (page, name) => {
  await page.locator(".room-row", { hasText: name }).click();
  await page.locator("li.message").last().waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".history.is-loading, .edge.is-reading").length === 0);
};

for (const [size, options] of [["wide", WIDE], ["narrow", NARROW]]) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(browser, system.url, { ...options, colorScheme });
    const name = (what) => `${what}-${size}-${colorScheme}`;
    await shot(page, name("door"));
    await page.getByRole("tab", { name: "New account" }).click();
    await shot(page, name("register"));
    await signIn(page, ada);
    await page.locator(".room-row", { hasText: "Kitchen table" }).waitFor();
    await shot(page, name("rooms"));
    await enters(page, "Kitchen table");
    await message(page, "I will try tonight, flour warmed.").waitFor();
    await shot(page, name("room"));
    await message(page, "Cheap watches!!!").hover();
    await message(page, "Cheap watches!!!").getByRole("button", { name: "More" }).click();
    await shot(page, name("menu"));
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Members" }).click();
    await page.locator(".person").first().waitFor();
    await page.getByRole("button", { name: "Actions for Alan" }).click();
    await shot(page, name("people"));
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Close members" }).click();
    await page.getByRole("button", { name: "More about this room" }).click();
    await page.getByRole("menuitem", { name: "Moderation" }).click();
    await page.getByRole("button", { name: "Unban Mallory" }).waitFor();
    await shot(page, name("moderation"));
    await page.keyboard.press("Escape");
    await page.locator(".room-head").getByRole("button", { name: "Search" }).click();
    await page.getByLabel("Words to look for").fill("flour");
    await page.locator(".hit").first().waitFor();
    await shot(page, name("search"));
    await page.getByRole("button", { name: "Close", exact: true }).click();
    await page.context().setOffline(true);
    await page.getByRole("textbox", { name: /^Message / }).fill("Written on a train");
    await page.keyboard.press("Enter");
    await page.locator("li.is-waiting").waitFor();
    await shot(page, name("offline"));
    await page.context().setOffline(false);
    await page.locator("li.is-waiting").waitFor({ state: "detached" });
    await message(page, "Written on a train").hover();
    await message(page, "Written on a train").getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    if (size === "narrow") await page.getByRole("button", { name: "Back to rooms" }).click();
    await page.getByRole("button", { name: "Find a room" }).first().click();
    await page.getByRole("button", { name: "Open Book club" }).waitFor();
    await shot(page, name("browse"));
    await page.keyboard.press("Escape");
    await enters(page, "گپ‌وگفت");
    await shot(page, name("right-to-left"));
    await page.context().close();
  }
}
await browser.close();
await system.stop();
