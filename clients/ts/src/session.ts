// Who is signed in? Tokens, renewed before they end, by one tab for all.

import { Api, type TokenSource } from "./api.js";
import { ApiError, isUnknown } from "./problem.js";
import type { NewGuest, Registration, SignIn, Tokens, UpgradeWish } from "./rest.js";

/** An access token that ends sooner than this is renewed before it is used. */
const LEEWAY_MS = 60_000;

/** What is kept of a sign-in. */
export interface Kept {
  access_token: string;
  refresh_token: string;
  expires_at_ms: number;
  user: Tokens["user"];
  session: string;
}

/** Where a sign-in is kept: what all tabs share. */
export interface Keep {
  load(): Kept | undefined;
  save(kept: Kept | undefined): void;
  /** Runs alone among all that share it. */
  alone?<T>(work: () => Promise<T>): Promise<T>;
}

/** Kept as long as the process lives. */
export function keptInMemory(): Keep {
  let kept: Kept | undefined;
  return { load: () => kept, save: (next) => void (kept = next) };
}

/** Kept by the browser, shared by its tabs. */
export function keptInBrowser(name: string): Keep {
  return {
    load: () => {
      const text = localStorage.getItem(name);
      return text === null ? undefined : (JSON.parse(text) as Kept);
    },
    save: (kept) => (kept ? localStorage.setItem(name, JSON.stringify(kept)) : localStorage.removeItem(name)),
    alone: async (work) => {
      // Only in secure contexts; without, the server's own rule for two tabs that race holds.
      if (!navigator.locks) return work();
      return (await navigator.locks.request(name, work)) as Awaited<ReturnType<typeof work>>;
    },
  };
}

/** A sign-in and its tokens. */
export class Session implements TokenSource {
  readonly #anonymous: Api;
  #renewing: Promise<string | undefined> | undefined;
  #ended: () => void = () => undefined;

  constructor(
    base: string,
    private readonly keep: Keep,
    fetcher?: typeof fetch,
  ) {
    this.#anonymous = new Api(base, undefined, fetcher);
  }

  /** Called once the server says that the sign-in is over. */
  onEnd(ended: () => void): void {
    this.#ended = ended;
  }

  get user(): Tokens["user"] | undefined {
    return this.keep.load()?.user;
  }

  /** When the access token ends, in milliseconds of the clock. */
  get expiresAtMs(): number | undefined {
    return this.keep.load()?.expires_at_ms;
  }

  async signIn(body: SignIn): Promise<void> {
    this.#take(await this.#anonymous.once("POST /v1/sessions", { body }));
  }

  async register(body: Registration): Promise<void> {
    this.#take(await this.#anonymous.once("POST /v1/users", { body }));
  }

  async comeAsGuest(body: NewGuest): Promise<void> {
    this.#take(await this.#anonymous.once("POST /v1/guests", { body }));
  }

  /** A guest becomes a registered user, with everything that is his. */
  async upgrade(api: Api, body: UpgradeWish): Promise<void> {
    this.#take(await api.call("POST /v1/guests/upgrade", { body }));
  }

  /** Takes tokens that another command answered. */
  take(tokens: Tokens): void {
    this.#take(tokens);
  }

  /** Remembers what changed about the person himself. */
  changed(user: Partial<Tokens["user"]>): void {
    const kept = this.keep.load();
    if (kept) this.keep.save({ ...kept, user: { ...kept.user, ...user } });
  }

  /** Forgets the sign-in here; at the server it is ended by `DELETE /v1/sessions/current`. */
  forget(): void {
    this.keep.save(undefined);
  }

  async access(): Promise<string | undefined> {
    const kept = this.keep.load();
    if (!kept) return undefined;
    return kept.expires_at_ms - Date.now() > LEEWAY_MS ? kept.access_token : this.renewed(kept.access_token);
  }

  async renewed(refused: string): Promise<string | undefined> {
    this.#renewing ??= this.#renew(refused).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #renew(refused: string): Promise<string | undefined> {
    const work = async (): Promise<string | undefined> => {
      const kept = this.keep.load();
      if (!kept) return undefined;
      // Another tab was first.
      if (kept.access_token !== refused) return kept.access_token;
      try {
        const body = { refresh_token: kept.refresh_token };
        const tokens = await this.#anonymous.call("POST /v1/sessions/refresh", { body });
        this.#take(tokens);
        return tokens.access_token;
      } catch (why) {
        if (isUnknown(why) || (why instanceof ApiError && why.code === "rate-limited")) throw why;
        this.forget();
        this.#ended();
        return undefined;
      }
    };
    return this.keep.alone ? this.keep.alone(work) : work();
  }

  #take({ access_token, refresh_token, expires_in, user, session }: Tokens): void {
    const expires_at_ms = Date.now() + expires_in * 1_000;
    this.keep.save({ access_token, refresh_token, expires_at_ms, user, session: session.id });
  }
}
