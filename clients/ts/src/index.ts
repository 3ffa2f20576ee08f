// A client of Chatroom: REST, sockets that miss nothing, a cache that is shown first, a queue for what is written offline.

export * from "./api.js";
export * from "./backoff.js";
export * from "./cache.js";
export { openIndexedDb } from "./cache_indexeddb.js";
export * from "./card.js";
export * from "./chat.js";
export * from "./close.js";
export * from "./fold.js";
export * from "./frames.js";
export * from "./outbox.js";
export * from "./presences.js";
export * from "./problem.js";
export type * as Rest from "./rest.js";
export * from "./rooms.js";
export * from "./session.js";
export * from "./socket.js";
export * from "./socket_options.js";
export * from "./state.js";
export * from "./timeline.js";
export * from "./uuid.js";
export * from "./window.js";
