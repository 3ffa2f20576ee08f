// What does a socket stand on, and what does it tell?

import type { Stop } from "./close.js";
import type { Control, PlainFrame, RoomFrame } from "./frames.js";

/** How the connection stands. */
export type SocketState =
  | { is: "idle" }
  | { is: "connecting" }
  /** It stands, and what was missed comes. */
  | { is: "catching-up" }
  | { is: "live" }
  /** It fell; the next try is at this time of the clock. */
  | { is: "waiting"; untilMs: number }
  | { is: "stopped"; why: Stop };

/** What a socket tells. Frames of a room come in its order, each once. */
export interface SocketEvents {
  state?(state: SocketState): void;
  frame?(frame: RoomFrame): void;
  person?(frame: PlainFrame): void;
  ready?(ready: Control["ready"]): void;
  caughtUp?(caughtUp: Control["caught_up"]): void;
  /** What is held of the room is void: it is to be loaded anew, as of this position. */
  reset?(reset: Control["reset"]): void;
  gone?(gone: Control["room_gone"]): void;
  typing?(typing: Control["typing"]): void;
  presence?(diff: Control["presence_diff"]): void;
  read?(read: Control["read"]): void;
}

/** What a socket stands on. */
export interface SocketOptions {
  /** `ws://…/v1/ws`. */
  url: string;
  /** A token that is still good for a while; undefined: nobody is signed in. */
  token(): Promise<string | undefined>;
  /** The token was not taken any more: another one. */
  renewed(refused: string): Promise<string | undefined>;
  /** When the token ends, in milliseconds of the clock. */
  expiresAtMs?(): number | undefined;
  events: SocketEvents;
  open?: (url: string, protocol: string) => WebSocket;
  random?: () => number;
}
