import type { Operations } from "./rest.js";
type Op = keyof Operations;
type Parts<O extends Op> = Operations[O];
/** Fields that may be left out are not asked for. */
type Given<K extends string, T> = [T] extends [undefined] ? {
    [P in K]?: undefined;
} : undefined extends T ? {
    [P in K]?: T;
} : {
    [P in K]: T;
};
type GivenQuery<T> = [T] extends [undefined] ? {
    query?: undefined;
} : Partial<T> extends T ? {
    query?: T;
} : {
    query: T;
};
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
export declare class Api {
    #private;
    readonly base: string;
    private readonly tokens;
    private readonly fetcher;
    /** The position of the last command that succeeded: reads ask for it, so that one reads one's own writes. */
    written: string | undefined;
    constructor(base: string, tokens?: TokenSource | undefined, fetcher?: typeof fetch);
    /** Asks once, and again while what became of it is unknown. */
    call<O extends Op>(operation: O, ask: Ask<O>): Promise<Parts<O>["answer"]>;
    /** Asks once; a token that is not taken is renewed. */
    once<O extends Op>(operation: O, ask: Ask<O>): Promise<Parts<O>["answer"]>;
}
export {};
