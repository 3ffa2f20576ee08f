// On what do the page's tests play? A real system behind a line that can be cut, and browsers of people.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const READY_WITHIN_MS = 180_000;
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The system at CHATROOM_URL, else one that is started here. */
export async function startSystem() {
  const running = process.env["CHATROOM_URL"];
  if (running) return { url: running, stop: async () => {} };
  const binary = process.env["CHATROOM_BIN"] ?? new URL("../../target/debug/chatroom", import.meta.url).pathname;
  const dir = mkdtempSync(join(tmpdir(), "chatroom-"));
  const env = { ...process.env, CHATROOM_STARTED_BY_DEV: "1" };
  const child = spawn(binary, ["dev", "--dir", dir, "--port", "0", "--no-rate-limits", "--bcrypt-cost", "4"], { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said = (said + text).slice(-4_000)));
  const ended = new Promise((done) => child.once("exit", done));
  const file = join(dir, "env");
  await new Promise((done, failed) => {
    const watcher = watch(dir, () => existsSync(file) && settle(done));
    const timer = setTimeout(() => settle(() => failed(new Error(`not ready: ${said}`))), READY_WITHIN_MS);
    void ended.then(() => settle(() => failed(new Error(`ended: ${said}`))));
    const settle = (then) => {
      watcher.close();
      clearTimeout(timer);
      then();
    };
  });
  const url = /CHATROOM_URL='([^']+)'/.exec(readFileSync(file, "utf8"))[1];
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A line to the system that can be cut: connections die, and new ones are refused. */
export async function line(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let isCut = false;
  const server = net.createServer((near) => {
    if (isCut) return near.destroy();
    const far = net.connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => (open.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut: () => {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
    mend: () => (isCut = false),
    end: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

export const launch = () => chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ARGS });

let phones = 0;
export const newPhone = () => `+4916${String(Date.now()).slice(-7)}${String((phones += 1)).padStart(3, "0")}`;

export async function call(url, method, path, { token, body, after } = {}) {
  const headers = {
    ...(body && { "content-type": "application/json" }),
    ...(token && { authorization: `Bearer ${token}` }),
    ...(after && { "chat-min-position": after }),
  };
  const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(told)}`);
  return told;
}

/** Somebody with an account, by REST. */
export async function account(url, name) {
  const phone = newPhone();
  const tokens = await call(url, "POST", "/v1/users", { body: { phone, password: "a long pass phrase", display_name: name } });
  return { phone, token: tokens.access_token, id: tokens.user.id };
}

/** A public room, by REST. */
export async function room(url, token, name, language = "en") {
  const { lounge } = await call(url, "POST", "/v1/lounges", { token, body: { name: `Lounge of ${name}` } });
  const body = { name, language, visibility: "public", guests: true };
  return (await call(url, "POST", `/v1/lounges/${lounge.id}/rooms`, { token, body })).room.id;
}

/** A page of one's own; what it says to the console as an error is kept. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  page.troubles = [];
  page.on("pageerror", (why) => page.troubles.push(String(why)));
  page.on("console", (said) => /Content Security|Trusted/.test(said.text()) && page.troubles.push(said.text()));
  await page.goto(url);
  return page;
}

export async function signIn(page, { phone }) {
  await page.getByRole("tab", { name: "Sign in" }).click();
  await page.getByLabel("Phone").fill(phone);
  await page.getByLabel("Password").fill("a long pass phrase");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
}

export async function asGuest(page, name) {
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
}

export async function joins(page, name) {
  await page.getByRole("button", { name: "Find a room" }).first().click();
  await page.getByLabel("Name of a room").fill(name);
  await page.getByRole("button", { name: `Join ${name}`, exact: true }).click();
  await page.getByRole("heading", { name, level: 2 }).waitFor();
}

export async function says(page, text) {
  const field = page.getByRole("textbox", { name: /^Message / });
  await field.fill(text);
  await field.press("Enter");
}

/** The message with exactly this text. */
export const message = (page, text) => page.locator("li.message").filter({ has: page.locator(".text", { hasText: new RegExp(`^${text}( \\(edited\\))?$`) }) });
