// On what is tested? A whole system with real servers: the one at CHATROOM_URL, else one that is started here.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Session, keptInMemory, Chat, uuidv7, type Change } from "chatroom-client";

const READY_WITHIN_MS = 180_000;
const HOLDS_WITHIN_MS = 30_000;

export interface System {
  url: string;
  /** Ends it and starts it at the same address: what it had in memory is gone. Absent where it is not ours. */
  restart?(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts `chatroom dev` in a directory of its own. */
export async function startSystem(): Promise<System> {
  const running = process.env["CHATROOM_URL"];
  if (running) return { url: running, stop: async () => undefined };
  const dir = mkdtempSync(join(tmpdir(), "chatroom-"));
  let dev = await startDev(dir, "0");
  const { url } = dev;
  return {
    url,
    restart: async () => {
      await dev.stop();
      dev = await startDev(dir, new URL(url).port);
    },
    stop: async () => {
      await dev.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startDev(dir: string, port: string): Promise<{ url: string; stop(): Promise<void> }> {
  const root = new URL("../../../../", import.meta.url).pathname;
  const binary = process.env["CHATROOM_BIN"] ?? join(root, "target/debug/chatroom");
  const env: NodeJS.ProcessEnv = { ...process.env, CHATROOM_STARTED_BY_DEV: "1" };
  const child = spawn(binary, ["dev", "--dir", dir, "--port", port, "--no-rate-limits", "--bcrypt-cost", "4"], { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said = (said + text).slice(-4_000)));
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const file = join(dir, "env");
  let look = (): void => undefined;
  const isReady = new Promise<void>((done) => (look = () => existsSync(file) && done()));
  const watcher = watch(dir, () => look());
  look();
  const failed = ended.then(() => {
    throw new Error(`chatroom dev ended: ${said}`);
  });
  try {
    await Promise.race([isReady, failed, late(READY_WITHIN_MS, "chatroom dev is not ready")]);
  } catch (why) {
    child.kill("SIGTERM");
    throw why;
  } finally {
    // What still watches keeps the tests from ending.
    watcher.close();
  }
  const url = /CHATROOM_URL='([^']+)'/.exec(readFileSync(file, "utf8"))?.[1];
  if (!url) throw new Error("the system says no address");
  return {
    url,
    stop: async () => {
      failed.catch(() => undefined);
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function late(ms: number, what: string): Promise<never> {
  return new Promise((_, failed) => setTimeout(() => failed(new Error(`${what} within ${ms} ms`)), ms).unref());
}

const clients = new Set<Chat>();

/** Ends what a test has started, also where it failed: what still listens keeps all tests from ending. */
export async function everybodyLeaves(): Promise<void> {
  const leaving = [...clients];
  clients.clear();
  await Promise.all(leaving.map((chat) => chat.stop()));
}

/** A client in whose changes one can wait. */
export class Person {
  readonly chat: Chat;
  readonly #waiting = new Set<() => void>();

  private constructor(url: string, readonly session: Session, options: Partial<ConstructorParameters<typeof Chat>[0]>) {
    this.chat = new Chat({ base: url, session, changed: (change) => this.#changed(change), ...options });
    clients.add(this.chat);
  }

  static async registers(url: string, name: string, options: Partial<ConstructorParameters<typeof Chat>[0]> = {}): Promise<Person> {
    const session = new Session(url, keptInMemory(), options.fetcher);
    const phone = `+4915${String(Date.now()).slice(-6)}${String(Math.floor(Math.random() * 1e4)).padStart(4, "0")}`;
    await session.register({ phone, password: "a long pass phrase", display_name: name });
    return new Person(url, session, options);
  }

  /** The same person with another client. */
  again(url: string, options: Partial<ConstructorParameters<typeof Chat>[0]> = {}): Person {
    return new Person(url, this.session, options);
  }

  /** Resolves when it holds; it is looked at after each change. */
  until<T>(what: string, holds: () => T | undefined | false): Promise<T> {
    const there = new Promise<T>((done) => {
      const look = () => {
        const found = holds();
        if (!found) return;
        this.#waiting.delete(look);
        done(found);
      };
      this.#waiting.add(look);
      look();
    });
    return Promise.race([there, late(HOLDS_WITHIN_MS, what)]);
  }

  /** A new public room in a new lounge. */
  async makesRoom(): Promise<string> {
    const { lounge } = await this.chat.api.call("POST /v1/lounges", { body: { name: `Lounge ${uuidv7()}` } });
    const body = { name: "Room", language: "en", visibility: "public", guests: true };
    const { room, position } = await this.chat.api.call("POST /v1/lounges/{id}/rooms", { path: { id: lounge.id }, body });
    await this.chat.enter(room.id, position);
    return room.id;
  }

  texts(room: string): (string | undefined)[] {
    return this.chat.timeline(room).state.messages.map((message) => message.text ?? undefined);
  }

  #changed(_: Change): void {
    for (const look of [...this.#waiting]) look();
  }
}
