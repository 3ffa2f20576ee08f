import { Api, type TokenSource } from "./api.js";
import type { NewGuest, Registration, SignIn, Tokens, UpgradeWish } from "./rest.js";
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
export declare function keptInMemory(): Keep;
/** Kept by the browser, shared by its tabs. */
export declare function keptInBrowser(name: string): Keep;
/** A sign-in and its tokens. */
export declare class Session implements TokenSource {
    #private;
    private readonly keep;
    constructor(base: string, keep: Keep, fetcher?: typeof fetch);
    /** Called once the server says that the sign-in is over. */
    onEnd(ended: () => void): void;
    get user(): Tokens["user"] | undefined;
    /** When the access token ends, in milliseconds of the clock. */
    get expiresAtMs(): number | undefined;
    signIn(body: SignIn): Promise<void>;
    register(body: Registration): Promise<void>;
    comeAsGuest(body: NewGuest): Promise<void>;
    /** A guest becomes a registered user, with everything that is his. */
    upgrade(api: Api, body: UpgradeWish): Promise<void>;
    /** Takes tokens that another command answered. */
    take(tokens: Tokens): void;
    /** Remembers what changed about the person himself. */
    changed(user: Partial<Tokens["user"]>): void;
    /** Forgets the sign-in here; at the server it is ended by `DELETE /v1/sessions/current`. */
    forget(): void;
    access(): Promise<string | undefined>;
    renewed(refused: string): Promise<string | undefined>;
}
