// How is a request sent? By operation, typed; with a key, a position to be read at, and an access token.

import { ApiError, NoAnswer, problemOf } from "./problem.js";
import type { Operations } from "./rest.js";
import { uuidv7 } from "./uuid.js";

/** Longer than a server takes: it answers within 5 s. */
const ANSWER_WITHIN_MS = 15_000;
/** How often what is unknown is sent again before the caller hears so. */
const REPEATS_MAX = 3;
const REPEAT_AFTER_MS = 400;

type Op = keyof Operations;
type Parts<O extends Op> = Operations[O];
/** Fields that may be left out are not asked for. */
type Given<K extends string, T> = [T] extends [undefined] ? { [P in K]?: undefined } : undefined extends T ? { [P in K]?: T } : { [P in K]: T };
type GivenQuery<T> = [T] extends [undefined] ? { query?: undefined } : Partial<T> extends T ? { query?: T } : { query: T };

/** What a request of an operation needs. */
export type Ask<O extends Op> = Given<"path", Parts<O>["path"]> & GivenQuery<Parts<O>["query"]> & Given<"body", Parts<O>["body"]> & {
  /** The command's name; made where it is not given. */
  key?: string;
  /** Answers that are older than this position are waited for. */
  minPosition?: string | undefined;
  signal?: AbortSignal;
};

/** Who gives the access token; absent for what nobody has to be signed in for. */
export interface TokenSource {
  access(): Promise<string | undefined>;
  /** The server did not take it: another one, or undefined. */
  renewed(refused: string): Promise<string | undefined>;
}

/** Sends requests to one address. */
export class Api {
  /** The position of the last command that succeeded: reads ask for it, so that one reads one's own writes. */
  written: string | undefined;

  constructor(
    readonly base: string,
    private readonly tokens: TokenSource | undefined = undefined,
    private readonly fetcher: typeof fetch = (input, init) => globalThis.fetch(input, init),
  ) {}

  /** Asks once, and again while what became of it is unknown. */
  async call<O extends Op>(operation: O, ask: Ask<O>): Promise<Parts<O>["answer"]> {
    const key = ask.key ?? uuidv7();
    for (let repeats = 0; ; repeats += 1) {
      try {
        return await this.once(operation, { ...ask, key });
      } catch (why) {
        const again = why instanceof ApiError && why.isUnknown && why.problem.retryable && repeats < REPEATS_MAX;
        if (!again || ask.signal?.aborted) throw why;
        await new Promise((done) => setTimeout(done, why.retryAfterMs ?? REPEAT_AFTER_MS * 2 ** repeats));
      }
    }
  }

  /** Asks once; a token that is not taken is renewed. */
  async once<O extends Op>(operation: O, ask: Ask<O>): Promise<Parts<O>["answer"]> {
    const token = await this.tokens?.access();
    let response = await this.#send(operation, ask, token);
    if (response.status === 401 && token !== undefined) {
      const fresh = await this.tokens?.renewed(token);
      if (fresh !== undefined) response = await this.#send(operation, ask, fresh);
    }
    if (!response.ok) throw new ApiError(await problemOf(response));
    const isCommand = !operation.startsWith("GET ");
    const position = response.headers.get("chat-position");
    if (isCommand && position) this.written = position;
    return (await readJson(response)) as Parts<O>["answer"];
  }

  async #send<O extends Op>(operation: O, ask: Ask<O>, token: string | undefined): Promise<Response> {
    const [method, template] = operation.split(" ") as [string, string];
    const headers = new Headers({ accept: "application/json" });
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (method === "GET") {
      const position = ask.minPosition ?? this.written;
      // Anonymous reads have no writes of their own.
      if (position !== undefined && token !== undefined) headers.set("chat-min-position", position);
    } else if (token !== undefined && ask.key !== undefined) {
      headers.set("idempotency-key", ask.key);
    }
    const init: RequestInit = { method, headers, cache: "no-store" };
    if (ask.body !== undefined) {
      headers.set("content-type", "application/json");
      init.body = JSON.stringify(ask.body);
    }
    const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
    init.signal = ask.signal ? AbortSignal.any([ask.signal, deadline]) : deadline;
    try {
      return await this.fetcher(this.base + pathOf(template, ask.path, ask.query), init);
    } catch (why) {
      throw ask.signal?.aborted ? why : new NoAnswer(why);
    }
  }
}

/** The concrete path. */
function pathOf(template: string, path: object | undefined, query: object | undefined): string {
  const values = (path ?? {}) as Record<string, string>;
  const concrete = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) search.set(name, String(value));
  }
  return search.size > 0 ? `${concrete}?${search}` : concrete;
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (why) {
    // Cut in the middle: it was applied, or read, but nobody knows what it said.
    throw new NoAnswer(why);
  }
}
