// What does REST take and answer? Generated from docs/openapi.json by scripts/rest-types.mjs: not to be edited.

/** Who said something. */
export interface Author {
  /** As of now, not as of then. Empty once erased. */
  display_name: string;
  id: string;
  kind: UserKind;
}

/** Every error code of the public API. Clients branch on it and on nothing else of a problem. */
export type Code = "malformed-json" | "invalid-request" | "unauthenticated" | "wrong-credentials" | "token-expired" | "token-reused" | "forbidden" | "banned" | "muted" | "wrong-password" | "not-found" | "method-not-allowed" | "not-acceptable" | "request-timeout" | "conflict" | "phone-taken" | "last-owner" | "archived" | "edit-window-over" | "idempotency-in-flight" | "gone" | "payload-too-large" | "uri-too-long" | "unsupported-media-type" | "validation" | "idempotency-mismatch" | "rate-limited" | "headers-too-large" | "internal" | "overloaded" | "log-unavailable" | "read-model-behind" | "storage-full";

/** How many of a room's members are how much there; the others are offline. */
export interface Counts {
  away: number;
  dnd: number;
  online: number;
}

/** A message's new text. */
export interface Edit {
  /** 1 to 4,000 code points, stored exactly as sent. */
  text: string;
}

/** What a registered user confirms with that he goes. */
export interface Farewell {
  current_password?: string | null;
}

/** A page of a room's feed. */
export interface FeedPage {
  /** `seq` of the room's last event as of this page. */
  head: number;
  /** Oldest first, without a gap in `seq`. */
  items: Frame[];
  /** `next` is for `after=`. */
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** One field that is not valid. */
export interface FieldError {
  /** What is wrong with it, for programs: `missing`, `unknown-field`, `too-long` … */
  code: string;
  /** What is wrong with it, for a person. */
  detail: string;
  /** JSON pointer into the request's body: `/name`. Empty for the body itself. */
  pointer: string;
}

/** A part of a text: plain, never markup. */
export interface Fragment {
  /** Whether this is what was looked for. */
  hit: boolean;
  text: string;
}

/** A durable frame of a room. */
export interface Frame {
  /** Of `message.posted` the Message; of the others what it is about, by whom, when, and what changed. */
  d: Record<string, unknown>;
  p: string;
  room: string;
  /** Dense in a room: a gap is a loss. */
  seq: number;
  /** The event's name; `noop` for what the viewer may not see or what could not be decoded. */
  t: string;
}

/** What the client shows. */
export interface Heartbeat {
  /** `online` if absent; `offline` is a farewell. */
  state?: string | null;
}

/** The room of a hit. */
export interface HitRoom {
  id: string;
  /** As of now, not as of then. */
  name: string;
}

/** One public key (RFC 8037). */
export interface Jwk {
  alg: string;
  crv: string;
  kid: string;
  kty: string;
  use: string;
  /** The key's 32 bytes in base64url. */
  x: string;
}

/** The public keys of access tokens: `/.well-known/jwks.json`. */
export interface Jwks {
  keys: Jwk[];
}

/** Why somebody is shown out. */
export interface Kick {
  /** 1 to 500 characters; moderators see it. */
  reason?: string | null;
}

/** A page of a list in its order. */
export interface ListPage_Lounge {
  items: {
    /** False while archived. */
    active: boolean;
    created_at: string;
    description?: string | null;
    id: string;
    /** Not unique. */
    name: string;
    owner: string;
    /** Its active public rooms: of a private one nobody learns here that it exists. */
    room_count: number;
  }[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A page of a list in its order. */
export interface ListPage_Member {
  items: {
    /** Until when he may not come back; the end of the year 9999 is for ever. */
    banned_until?: string | null;
    joined_at: string;
    /** Until when he may not write; the end of the year 9999 is for ever. */
    muted_until?: string | null;
    role: Role;
    user: User;
  }[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A page of a list in its order. */
export interface ListPage_MessageVersion {
  items: {
    /** When it was said so: at the posting, or at an earlier edit. */
    created_at: string;
    /** Exactly as sent. */
    text: string;
  }[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A page of a list in its order. */
export interface ListPage_Moderation {
  items: {
    /** `reported`, `hidden`, `removed`, `restored`, `removed_all`, `kicked`, `banned`, `unbanned`, `muted`, `unmuted` or `role`. */
    action: string;
    at: string;
    /** Who did it. */
    by?: string | null;
    /** The message it is about. */
    message?: string | null;
    reason?: string | null;
    role?: Role | null;
    /** The end of a ban or mute; without it, for ever. */
    until?: string | null;
    /** The person it is about: of a message, its author. */
    user?: string | null;
  }[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A page of a list in its order. */
export interface ListPage_Room {
  items: {
    /** False while archived. */
    active: boolean;
    created_at: string;
    /** Whether guests may join. */
    guests: boolean;
    /** `seq` of the room's last event. */
    head: number;
    id: string;
    /** BCP 47. */
    language: string;
    lounge_id: string;
    member?: OwnMembership | null;
    member_count: number;
    /** Not unique. */
    name: string;
    topic?: string | null;
    visibility: Visibility;
  }[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A page of a list in its order. */
export interface ListPage_Session {
  items: {
    created_at: string;
    /** Whether the request came with this one. */
    current: boolean;
    /** As the client named it. */
    device?: string | null;
    /** When it ends in any case; unused, it ends before. */
    expires_at: string;
    id: string;
    /** Sign-in or last refresh. */
    last_used_at: string;
  }[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A lounge, which holds rooms. */
export interface Lounge {
  /** False while archived. */
  active: boolean;
  created_at: string;
  description?: string | null;
  id: string;
  /** Not unique. */
  name: string;
  owner: string;
  /** Its active public rooms: of a private one nobody learns here that it exists. */
  room_count: number;
}

/** What is to be changed; what is absent stays. */
export interface LoungeChanges {
  description?: string | null;
  name?: string | null;
}

/** A lounge, and from where on it can be read so. */
export interface LoungeDone {
  lounge: WrittenLounge;
  position: string;
}

/** The caller's read marker. It has no position: what clients compare positions with does not show it. */
export interface MarkerDone {
  marker: ReadMarker;
}

/** A person in a room. */
export interface Member {
  /** Until when he may not come back; the end of the year 9999 is for ever. */
  banned_until?: string | null;
  joined_at: string;
  /** Until when he may not write; the end of the year 9999 is for ever. */
  muted_until?: string | null;
  role: Role;
  user: User;
}

/** A person as the command left him in the room, and from where on he can be seen so. */
export interface MemberDone {
  member: WrittenMember;
  position: string;
}

/** What was said, and what became of it. */
export interface Message {
  author: Author;
  created_at: string;
  edited_at?: string | null;
  id: string;
  /** Users named, in the order sent. */
  mentions?: string[];
  /** In the order in which each emoji first came. */
  reactions?: Reaction[];
  /** A message of the same room. */
  reply_to?: string | null;
  room_id: string;
  /** Its number in the room: rises, with gaps where the room's other events are. */
  seq: number;
  status: MessageStatus;
  /** Exactly as sent; absent where the viewer may not see it. */
  text?: string | null;
}

/** A message, and from where on it can be read so. */
export interface MessageDone {
  message: WrittenMessage;
  position: string;
}

/** A page of a room's history. */
export interface MessagePage {
  /** `seq` of the room's last event as of this page: frames up to it change nothing that the page shows. */
  head: number;
  /** Oldest first. */
  items: Message[];
  /** The caller's own reactions, by message id. */
  own_reactions?: Record<string, string[]>;
  page: Neighbours;
  /** How far in the log this answer's read model was. */
  position: string;
}

export type MessageStatus = "visible" | "hidden" | "removed" | "deleted";

/** What a message said before it was edited. */
export interface MessageVersion {
  /** When it was said so: at the posting, or at an earlier edit. */
  created_at: string;
  /** Exactly as sent. */
  text: string;
}

/** A report, or what a moderator did. */
export interface Moderation {
  /** `reported`, `hidden`, `removed`, `restored`, `removed_all`, `kicked`, `banned`, `unbanned`, `muted`, `unmuted` or `role`. */
  action: string;
  at: string;
  /** Who did it. */
  by?: string | null;
  /** The message it is about. */
  message?: string | null;
  reason?: string | null;
  role?: Role | null;
  /** The end of a ban or mute; without it, for ever. */
  until?: string | null;
  /** The person it is about: of a message, its author. */
  user?: string | null;
}

/** Where a page's neighbours are. */
export interface Neighbours {
  has_more_after: boolean;
  has_more_before: boolean;
  /** For `after=`. Also given at the end: what is said later comes after it. */
  next?: string | null;
  /** For `before=`. Also given where nothing is before (yet). */
  prev?: string | null;
}

/** Who comes as a guest. */
export interface NewGuest {
  /** 1 to 40 characters. */
  display_name: string;
}

/** A lounge to be made. */
export interface NewLounge {
  /** Up to 500 characters. */
  description?: string | null;
  /** 1 to 80 characters. */
  name: string;
}

/** Something to be said. */
export interface NewMessage {
  /** Up to 20 users. */
  mentions?: string[] | null;
  /** A message of the same room. */
  reply_to?: string | null;
  /** 1 to 4,000 code points, stored exactly as sent. */
  text: string;
}

/** A member's new role. */
export interface NewRole {
  /** `member`, `moderator` or `owner`. */
  role: string;
}

/** A room to be made. */
export interface NewRoom {
  /** Whether guests may join; without it they may not. */
  guests?: boolean | null;
  /** BCP 47. */
  language: string;
  /** 1 to 80 characters. */
  name: string;
  /** Up to 500 characters. */
  topic?: string | null;
  /** `public` (without it) or `private`. */
  visibility?: string | null;
}

/** What moderators make of a message. */
export interface NewStatus {
  /** Up to 500 code points, for moderators. */
  reason?: string | null;
  /** `hidden` (its author sees it still), `removed`, or `visible`, which restores it. */
  status: string;
}

/** One lounge. */
export interface OneLounge {
  lounge: Lounge;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** One message. */
export interface OneMessage {
  message: Message;
  /** The caller's own reactions, by message id. */
  own_reactions?: Record<string, string[]>;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** One room. */
export interface OneRoom {
  /** How far in the log this answer's read model was. */
  position: string;
  room: Room;
}

/** One person. */
export interface OneUser {
  /** How far in the log this answer's read model was. */
  position: string;
  user: User;
}

/** Whether and where a list goes on. */
export interface Onward {
  /** The end is here, never at a short page. */
  has_more_after: boolean;
  /** For `cursor=`; absent at the end. */
  next?: string | null;
}

/** How the caller stands in a room. */
export interface OwnMembership {
  /** Those among them that name him. */
  mentions: number;
  /** The `seq` up to which he has read. */
  read: number;
  role: Role;
  /** Visible messages by others after it, at most 1,000. */
  unread: number;
}

/** What this client shows of its user. Others see the best of all his clients, a moment later. */
export interface OwnPresence {
  last_seen_at: string;
  state: string;
  user_id: string;
}

/** A reaction of the caller's. */
export interface OwnReaction {
  /** Written in full, whatever was sent. */
  emoji: string;
  message_id: string;
  room_id: string;
}

/** The session that the tokens belong to. */
export interface OwnSession {
  created_at: string;
  current: boolean;
  device?: string | null;
  /** When it ends in any case; unused, it ends before. */
  expires_at: string;
  id: string;
  last_used_at: string;
}

/** A person as he sees himself. */
export interface OwnUser {
  created_at: string;
  display_name: string;
  /** A guest's latest end. */
  expires_at?: string | null;
  id: string;
  kind: string;
  /** The last two digits of his number. */
  phone_hint?: string | null;
}

/** What a client gets at sign-in and at each refresh. */
export interface Pair {
  /** An EdDSA JWT. */
  access_token: string;
  /** Seconds until the access token is over. */
  expires_in: number;
  /** Works once; exchange it for the next. */
  refresh_token: string;
  /** Always `Bearer`. */
  token_type: string;
}

/** The answer to a command that leaves nothing to show. */
export interface Passed {
  /** From here on it is so. */
  position: string;
}

/** Another password. */
export interface PasswordWish {
  current_password: string;
  /** 8 to 128 characters, and not one that everybody tries first. */
  new_password: string;
}

/** A person as others see him. */
export interface Person {
  display_name: string;
  id: string;
  kind: string;
}

/** Who is there. */
export interface Presence {
  /** Since when it is so. */
  last_seen_at: string;
  state: PresenceState;
  user_id: string;
}

/** A page of a room's presence. */
export interface PresencePage {
  /** Of all members, also of those beyond the 1,000 that are listed. */
  counts: Counts;
  /** Those who are there, by user id. */
  items: Presence[];
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

export type PresenceState = "offline" | "away" | "online" | "dnd";

/** The problem as it is sent. */
export interface Problem {
  /** What clients branch on. */
  code: Code;
  /** What happened this time, for a person. */
  detail: string;
  /** All fields that are not valid. */
  errors?: FieldError[];
  /** To be quoted when something is reported. */
  request_id?: string | null;
  /** Milliseconds after which a repeat makes sense. */
  retry_after_ms?: number | null;
  /** Whether the same request, with the same key, may get another answer later. */
  retryable: boolean;
  /** The HTTP status, again. */
  status: number;
  /** The same for every occurrence of the code. */
  title: string;
  /** A page about the code: `/problems/<code>`. */
  type: string;
}

/** What is to be changed of one's profile. */
export interface Profile {
  /** 1 to 40 characters. */
  display_name: string;
}

/** How many reacted with one emoji. */
export interface Reaction {
  count: number;
  emoji: string;
}

/** A reaction, and from where on it can be read. */
export interface ReactionDone {
  position: string;
  reaction: OwnReaction;
}

/** How far the caller has read a room. */
export interface ReadMarker {
  room_id: string;
  /** Everything up to this entry. */
  seq: number;
}

/** How far the caller has read. */
export interface ReadUpTo {
  /** The last entry that was read, by its number in the room. */
  seq: number;
}

/** What a session goes on with. */
export interface RefreshWish {
  refresh_token: string;
}

/** An account to be opened. */
export interface Registration {
  /** What the client calls the device it runs on. */
  device?: string | null;
  /** 1 to 40 characters. */
  display_name: string;
  /** 8 to 128 characters, and not one that everybody tries first. */
  password: string;
  /** E.164. */
  phone: string;
}

/** The lease as it is from now on. */
export interface Renewed {
  presence: OwnPresence;
}

/** How long a ban or a mute holds, and why. */
export interface Restrict {
  /** 1 to 500 characters; moderators see it. */
  reason?: string | null;
  /** A time that lies ahead, in RFC 3339; without it, for ever. */
  until?: string | null;
}

export type Role = "member" | "moderator" | "owner";

/** A room's card. */
export interface Room {
  /** False while archived. */
  active: boolean;
  created_at: string;
  /** Whether guests may join. */
  guests: boolean;
  /** `seq` of the room's last event. */
  head: number;
  id: string;
  /** BCP 47. */
  language: string;
  lounge_id: string;
  member?: OwnMembership | null;
  member_count: number;
  /** Not unique. */
  name: string;
  topic?: string | null;
  visibility: Visibility;
}

/** What is to be changed; what is absent stays. */
export interface RoomChanges {
  guests?: boolean | null;
  language?: string | null;
  name?: string | null;
  topic?: string | null;
  visibility?: string | null;
}

/** A room, and from where on it can be read so. */
export interface RoomDone {
  position: string;
  room: WrittenRoom;
}

/** A message that was found. */
export interface SearchHit {
  /** At most 200 characters of the text, around the first hit: the fragments in their order make them up. */
  highlight: Fragment[];
  message: Message;
  room: HitRoom;
}

/** A page of what was found. */
export interface SearchPage {
  /** Newest first. */
  items: SearchHit[];
  /** The caller's own reactions, by message id. */
  own_reactions?: Record<string, string[]>;
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A sign-in of the caller. */
export interface Session {
  created_at: string;
  /** Whether the request came with this one. */
  current: boolean;
  /** As the client named it. */
  device?: string | null;
  /** When it ends in any case; unused, it ends before. */
  expires_at: string;
  id: string;
  /** Sign-in or last refresh. */
  last_used_at: string;
}

/** Who signs in. */
export interface SignIn {
  /** What the client calls the device it runs on. */
  device?: string | null;
  password: string;
  /** E.164. */
  phone: string;
}

/** A session's tokens, and whose they are. */
export type Tokens = Pair & {
  /** Where something of it is public; a sign-in and a refresh are not. */
  position?: string | null;
  session: OwnSession;
  user: OwnUser;
};

/** What a guest becomes a user with. */
export interface UpgradeWish {
  /** 8 to 128 characters, and not one that everybody tries first. */
  password: string;
  /** E.164. */
  phone: string;
}

/** A person as everybody may see him; to himself with what is his own. */
export interface User {
  created_at: string;
  /** Not unique. Empty once erased. */
  display_name: string;
  /** Only to himself: a guest's latest end. */
  expires_at?: string | null;
  id: string;
  kind: UserKind;
  /** Only to himself: the last two digits of his phone number. */
  phone_hint?: string | null;
}

/** Oneself, and from where on one can be seen so. */
export interface UserDone {
  position: string;
  user: OwnUser;
}

export type UserKind = "registered" | "guest";

export type Visibility = "public" | "private";

/** Why. */
export interface Why {
  /** Up to 500 code points, for moderators. */
  reason?: string | null;
}

/** A lounge as its owner left it. */
export interface WrittenLounge {
  active: boolean;
  created_at: string;
  description?: string | null;
  id: string;
  name: string;
  owner: string;
}

/** A person in a room, or shut out of it. */
export interface WrittenMember {
  /** Until when he may not come back; the end of the year 9999 is for ever. */
  banned_until?: string | null;
  /** Absent for who is not in the room. */
  joined_at?: string | null;
  /** Until when he may not write; the end of the year 9999 is for ever. */
  muted_until?: string | null;
  /** Absent for who is not in the room: he left, was kicked or banned, or never came. */
  role?: string | null;
  user: WrittenUser;
}

/** A message as its author left it. */
export interface WrittenMessage {
  author: Person;
  created_at: string;
  edited_at?: string | null;
  id: string;
  /** Users named; in the answer to a posting only. */
  mentions?: string[] | null;
  /** A message of the same room; in the answer to a posting only. */
  reply_to?: string | null;
  room_id: string;
  /** Absent in the answer to an edit, which does not change it. */
  status?: string | null;
  /** Exactly as sent; absent once deleted. */
  text?: string | null;
}

/** A page of what somebody wrote. */
export interface WrittenPage {
  /** Newest first. There may be none, and more behind them. */
  items: Message[];
  /** The caller's own reactions, by message id. */
  own_reactions?: Record<string, string[]>;
  page: Onward;
  /** How far in the log this answer's read model was. */
  position: string;
}

/** A room as those in charge left it. */
export interface WrittenRoom {
  active: boolean;
  created_at: string;
  /** Whether guests may join. */
  guests: boolean;
  id: string;
  /** BCP 47. */
  language: string;
  lounge_id: string;
  name: string;
  topic?: string | null;
  visibility: string;
}

/** A person as everybody may know him. */
export interface WrittenUser {
  created_at: string;
  display_name: string;
  id: string;
  kind: string;
}

/** Every operation by its method and path. */
export interface Operations {
  /** The public keys of access tokens */
  "GET /.well-known/jwks.json": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: Jwks;
  };
  /** Come as a guest */
  "POST /v1/guests": {
    path: undefined;
    query: undefined;
    body: NewGuest;
    answer: Tokens;
  };
  /** Become a registered user */
  "POST /v1/guests/upgrade": {
    path: undefined;
    query: undefined;
    body: UpgradeWish;
    answer: Tokens;
  };
  /** Lounges, oldest first */
  "GET /v1/lounges": {
    path: undefined;
    query: { active?: boolean; cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_Lounge;
  };
  /** Make a lounge */
  "POST /v1/lounges": {
    path: undefined;
    query: undefined;
    body: NewLounge;
    answer: LoungeDone;
  };
  /** One lounge */
  "GET /v1/lounges/{id}": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: OneLounge;
  };
  /** Rename or describe a lounge */
  "PATCH /v1/lounges/{id}": {
    path: { id: string };
    query: undefined;
    body: LoungeChanges;
    answer: LoungeDone;
  };
  /** Archive a lounge: no new rooms */
  "POST /v1/lounges/{id}/archive": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: LoungeDone;
  };
  /** Reopen a lounge */
  "POST /v1/lounges/{id}/reopen": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: LoungeDone;
  };
  /** A lounge's rooms, oldest first */
  "GET /v1/lounges/{id}/rooms": {
    path: { id: string };
    query: { active?: boolean; cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_Room;
  };
  /** Make a room in a lounge */
  "POST /v1/lounges/{id}/rooms": {
    path: { id: string };
    query: undefined;
    body: NewRoom;
    answer: RoomDone;
  };
  /** Be there */
  "POST /v1/presence/heartbeat": {
    path: undefined;
    query: undefined;
    body: Heartbeat;
    answer: Renewed;
  };
  /** One room's card */
  "GET /v1/rooms/{id}": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: OneRoom;
  };
  /** Change a room's settings */
  "PATCH /v1/rooms/{id}": {
    path: { id: string };
    query: undefined;
    body: RoomChanges;
    answer: RoomDone;
  };
  /** Archive a room: it can be read, not written */
  "POST /v1/rooms/{id}/archive": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: RoomDone;
  };
  /** What happened in a room after a `seq` */
  "GET /v1/rooms/{id}/feed": {
    path: { id: string };
    query: { after: number; limit?: number };
    body: undefined;
    answer: FeedPage;
  };
  /** A room's members */
  "GET /v1/rooms/{id}/members": {
    path: { id: string };
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_Member;
  };
  /** Join a public room */
  "PUT /v1/rooms/{id}/members/me": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: MemberDone;
  };
  /** Leave a room */
  "DELETE /v1/rooms/{id}/members/me": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: Passed;
  };
  /** Add a person to a private room */
  "PUT /v1/rooms/{id}/members/{user}": {
    path: { id: string; user: string };
    query: undefined;
    body: undefined;
    answer: MemberDone;
  };
  /** Kick somebody out of a room */
  "DELETE /v1/rooms/{id}/members/{user}": {
    path: { id: string; user: string };
    query: undefined;
    body: Kick | null | undefined;
    answer: MemberDone;
  };
  /** Ban somebody from a room */
  "PUT /v1/rooms/{id}/members/{user}/ban": {
    path: { id: string; user: string };
    query: undefined;
    body: Restrict | null | undefined;
    answer: MemberDone;
  };
  /** Lift a ban */
  "DELETE /v1/rooms/{id}/members/{user}/ban": {
    path: { id: string; user: string };
    query: undefined;
    body: undefined;
    answer: MemberDone;
  };
  /** Remove all that somebody has said in a room so far */
  "DELETE /v1/rooms/{id}/members/{user}/messages": {
    path: { id: string; user: string };
    query: undefined;
    body: Why | null | undefined;
    answer: Passed;
  };
  /** Mute somebody in a room */
  "PUT /v1/rooms/{id}/members/{user}/mute": {
    path: { id: string; user: string };
    query: undefined;
    body: Restrict | null | undefined;
    answer: MemberDone;
  };
  /** Lift a mute */
  "DELETE /v1/rooms/{id}/members/{user}/mute": {
    path: { id: string; user: string };
    query: undefined;
    body: undefined;
    answer: MemberDone;
  };
  /** Change a member's role */
  "PUT /v1/rooms/{id}/members/{user}/role": {
    path: { id: string; user: string };
    query: undefined;
    body: NewRole;
    answer: MemberDone;
  };
  /** A page of a room's messages */
  "GET /v1/rooms/{id}/messages": {
    path: { id: string };
    query: { before?: string; after?: string; around?: string; at?: string; limit?: number; status?: string };
    body: undefined;
    answer: MessagePage;
  };
  /** Say something in a room */
  "POST /v1/rooms/{id}/messages": {
    path: { id: string };
    query: undefined;
    body: NewMessage;
    answer: MessageDone;
  };
  /** One message */
  "GET /v1/rooms/{id}/messages/{message}": {
    path: { id: string; message: string };
    query: undefined;
    body: undefined;
    answer: OneMessage;
  };
  /** Edit one's own message, for 24 hours */
  "PATCH /v1/rooms/{id}/messages/{message}": {
    path: { id: string; message: string };
    query: undefined;
    body: Edit;
    answer: MessageDone;
  };
  /** Take back one's own message, for good */
  "DELETE /v1/rooms/{id}/messages/{message}": {
    path: { id: string; message: string };
    query: undefined;
    body: undefined;
    answer: MessageDone;
  };
  /** React to a message */
  "PUT /v1/rooms/{id}/messages/{message}/reactions/{emoji}": {
    path: { id: string; message: string; emoji: string };
    query: undefined;
    body: undefined;
    answer: ReactionDone;
  };
  /** Take one's own reaction back */
  "DELETE /v1/rooms/{id}/messages/{message}/reactions/{emoji}": {
    path: { id: string; message: string; emoji: string };
    query: undefined;
    body: undefined;
    answer: Passed;
  };
  /** Report a message to the room's moderators */
  "POST /v1/rooms/{id}/messages/{message}/report": {
    path: { id: string; message: string };
    query: undefined;
    body: Why | null | undefined;
    answer: Passed;
  };
  /** Hide a message, remove it, or restore it */
  "PUT /v1/rooms/{id}/messages/{message}/status": {
    path: { id: string; message: string };
    query: undefined;
    body: NewStatus;
    answer: MessageDone;
  };
  /** What a message said before */
  "GET /v1/rooms/{id}/messages/{message}/versions": {
    path: { id: string; message: string };
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_MessageVersion;
  };
  /** What was reported and done in a room */
  "GET /v1/rooms/{id}/moderation": {
    path: { id: string };
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_Moderation;
  };
  /** Who of a room is there */
  "GET /v1/rooms/{id}/presence": {
    path: { id: string };
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: PresencePage;
  };
  /** Mark a room as read */
  "PUT /v1/rooms/{id}/read": {
    path: { id: string };
    query: undefined;
    body: ReadUpTo;
    answer: MarkerDone;
  };
  /** Reopen a room */
  "POST /v1/rooms/{id}/reopen": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: RoomDone;
  };
  /** Messages with these words, newest first */
  "GET /v1/search": {
    path: undefined;
    query: { q: string; room?: string; cursor?: string; limit?: number };
    body: undefined;
    answer: SearchPage;
  };
  /** Where the caller is signed in */
  "GET /v1/sessions": {
    path: undefined;
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_Session;
  };
  /** Sign in */
  "POST /v1/sessions": {
    path: undefined;
    query: undefined;
    body: SignIn;
    answer: Tokens;
  };
  /** Sign out */
  "DELETE /v1/sessions/current": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: Passed;
  };
  /** Exchange a refresh token for the next */
  "POST /v1/sessions/refresh": {
    path: undefined;
    query: undefined;
    body: RefreshWish;
    answer: Tokens;
  };
  /** Sign out elsewhere */
  "DELETE /v1/sessions/{id}": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: Passed;
  };
  /** Open an account */
  "POST /v1/users": {
    path: undefined;
    query: undefined;
    body: Registration;
    answer: Tokens;
  };
  /** The caller himself */
  "GET /v1/users/me": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: OneUser;
  };
  /** Call oneself otherwise */
  "PATCH /v1/users/me": {
    path: undefined;
    query: undefined;
    body: Profile;
    answer: UserDone;
  };
  /** Erase oneself */
  "DELETE /v1/users/me": {
    path: undefined;
    query: undefined;
    body: Farewell | null | undefined;
    answer: Passed;
  };
  /** Change one's password */
  "PUT /v1/users/me/password": {
    path: undefined;
    query: undefined;
    body: PasswordWish;
    answer: Tokens;
  };
  /** The rooms that the caller is in */
  "GET /v1/users/me/rooms": {
    path: undefined;
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: ListPage_Room;
  };
  /** One person */
  "GET /v1/users/{id}": {
    path: { id: string };
    query: undefined;
    body: undefined;
    answer: OneUser;
  };
  /** What somebody wrote, in whatever room */
  "GET /v1/users/{id}/messages": {
    path: { id: string };
    query: { cursor?: string; limit?: number };
    body: undefined;
    answer: WrittenPage;
  };
}
