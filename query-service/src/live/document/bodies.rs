//! What do the frames' bodies hold? As they are described; the frames themselves are written where they arise.
#![expect(dead_code, reason = "they describe: no field is read")]

use crate::resource::{Message, Presence};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Who is there, and what is to be heard: at a fresh start, and at a resume.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Identify {
    /// An access token.
    token: String,
    #[serde(default)]
    rooms: Vec<Wanted>,
    /// Where the client was, for rooms without a `seq`; the server waits up to 4 s until it is there itself.
    resume: Option<String>,
    /// Whether long frames are to come deflated.
    #[serde(default)]
    compress: bool,
}

/// A room, and the last number that the client has of it; without one, that of `resume`, else from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    room: Uuid,
    seq: Option<u64>,
}

/// One more room, or one anew; answered by what was missed and `caught_up`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sub {
    room: Uuid,
    seq: Option<u64>,
    /// The position of one's own joining, maybe through another instance.
    p: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfRoom {
    room: Uuid,
}

/// A fresh access token of the same session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    token: String,
}

/// What this socket shows of its person; others see the best of all his clients.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Shows {
    /// `online`, `away`, `dnd` or `offline`.
    state: String,
}

/// The first frame.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello {
    /// How often to say `hb`, with jitter.
    heartbeat_ms: u64,
    auth_deadline_ms: u64,
    /// Of the log; another one voids every position.
    epoch: u32,
    limits: Limits,
    features: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Limits {
    rooms: u64,
    frame_bytes: u64,
    frames_per_minute: u64,
}

/// The answer to `identify`: summaries, never what happened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    user: Uuid,
    session: Uuid,
    p: String,
    rooms: Vec<Summary>,
}

/// A room as of `p`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Summary {
    id: Uuid,
    /// `member`, `moderator` or `owner`.
    role: String,
    /// Its last number.
    head: u64,
    /// The greatest of the read marker, one's own last message and one's joining.
    read: u64,
    /// Visible messages by others after it, up to `head`; at most 1,000.
    unread: u64,
    /// Those among them that name one.
    mentions: u64,
}

/// What was missed has been sent: of all rooms of `identify`, or of the one of `sub`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaughtUp {
    room: Option<Uuid>,
    p: String,
}

/// What was missed of this room cannot be sent: drop what is held of it, read it by REST at `p`, and go on from `head`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    room: Uuid,
    /// `epoch`, `ahead`, `too-much`, `forgotten`, `behind`, `unavailable` or `parked`; after `parked` the room is not heard,
    /// until it is asked for again.
    reason: String,
    p: String,
    head: u64,
}

/// The room is heard no longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomGone {
    room: Uuid,
    /// `left`, `kicked`, `banned`, `not-a-member` or `unavailable`.
    reason: String,
}

/// The answer to `hb`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HbAck {
    p: String,
    /// Of rooms that changed, as of what was sent before: a client below one of them lost something, and resumes.
    heads: BTreeMap<Uuid, u64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthOk {
    /// Seconds.
    expires_in: u64,
}

/// The instance ends: come back, after a time between these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Drain {
    retry_after_ms: [u64; 2],
}

/// Who of a room came or went, at most once a second. Of what REST said, the later `last_seen_at` counts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PresenceDiff {
    room: Uuid,
    users: Option<Vec<Presence>>,
    /// Instead, of a room of more than 250 members: how many are how much there.
    counts: Option<Counts>,
    /// Instead, where something was left out for a slow reader: read the room's presence anew.
    reload: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PresenceCounts)]
struct Counts {
    online: u64,
    away: u64,
    dnd: u64,
}

/// Somebody types: shown for 6 s, or until his message comes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    room: Uuid,
    user: Uuid,
}

/// One has read a room up to this number, on whichever device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    room: Uuid,
    seq: u64,
}

/// A message; without a text where it was taken back since.
#[derive(Deserialize, ToSchema)]
pub(super) struct Posted {
    #[serde(flatten)]
    message: Message,
    /// To its author: the key that it was sent with.
    key: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Edited {
    message: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
    /// Absent with a `status`: it was taken back since. Absent without: read the message.
    text: Option<String>,
    edited_at: DateTime<Utc>,
    status: Option<String>,
}

/// The text goes; one that is `visible` again is read by REST. `deleted` is final.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusChanged {
    message: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
    /// `visible`, `hidden`, `removed` or `deleted`.
    status: String,
    /// To moderators.
    reason: Option<String>,
}

/// All that somebody said in the room so far.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Removed {
    user: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
    /// `moderation` removes it, `erasure` deletes it for ever.
    why: String,
    /// To moderators.
    reason: Option<String>,
}

/// A set: what is there already is not added again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reacted {
    message: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
    user: Uuid,
    emoji: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberChanged {
    user: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
    display_name: String,
    /// `registered` or `guest`.
    kind: String,
    /// Absent: not in the room any more.
    role: Option<String>,
    /// The end of a ban or mute; without it, for ever.
    until: Option<DateTime<Utc>>,
    /// To moderators, and to the person.
    reason: Option<String>,
}

/// The room's settings from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomChanged {
    room: Uuid,
    by: Option<Uuid>,
    at: DateTime<Utc>,
    lounge_id: Uuid,
    name: String,
    topic: Option<String>,
    language: String,
    /// `public` or `private`.
    visibility: String,
    guests: bool,
    active: bool,
    /// Who became an owner.
    added: Option<Uuid>,
    /// Who is an owner no more.
    removed: Option<Uuid>,
}

/// A person from now on: to whoever shares a room with him.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserState {
    user: Uuid,
    /// Empty once erased.
    display_name: String,
    /// `registered` or `guest`.
    kind: String,
    /// `active`, `suspended`, `erased` or `expired`.
    standing: String,
}

/// A lounge from now on: to whoever hears a room of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoungeState {
    lounge: Uuid,
    name: String,
    description: Option<String>,
    active: bool,
}
