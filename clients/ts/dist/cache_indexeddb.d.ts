import { type Cache } from "./cache.js";
/** Opens the place of a user; what another release wrote there is thrown away. */
export declare function openIndexedDb(name: string): Promise<Cache>;
