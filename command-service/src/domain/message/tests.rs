//! Every command on messages in every situation in which it may be refused.

use super::*;
use crate::domain::emoji::Emoji;
use crate::domain::text::Reason;
use events::membership::{MemberBanned, MemberJoined, MemberLeft, MemberMuted, RoleChanged};
use events::message::{ReactionAdded, ReportEvent};
use events::{Evolve, LoungeId, MembershipEvent, Role, Visibility};
use std::collections::BTreeSet;
use uuid::Uuid;

const HALL: RoomId = RoomId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));
const BOB: UserId = UserId(Uuid::from_u128(3));
const HELLO: MessageId = MessageId(Uuid::from_u128(4));
const NOW: Time = Time::UNIX_EPOCH;

/// What Ada does, to a message of hers unless it is said otherwise, and to Bob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Post,
    Edit,
    Delete,
    React,
    TakeBack,
    Moderate,
    RemoveAll,
    Report,
}
use Does::{Delete, Edit, Moderate as Judge, Post, React, RemoveAll as Clear, Report, TakeBack};

const ALL: [Does; 8] = [Post, Edit, Delete, React, TakeBack, Judge, Clear, Report];
/// What needs no rank: Ada does it as a member.
const EVERYBODYS: [Does; 6] = [Post, Edit, Delete, React, TakeBack, Report];

#[derive(Debug, Clone)]
struct Given {
    room: Option<Room>,
    ada: Option<Membership>,
    bob: Option<Membership>,
    original: Original,
    /// Whose messages all go.
    whose: UserId,
    now: Time,
}

/// A public room in which Ada said hello, with these facts about her.
fn given(ada: &[MembershipEvent]) -> Given {
    let room = Room {
        lounge: LoungeId(Uuid::from_u128(9)),
        name: "Hall".to_owned(),
        topic: None,
        language: "en".to_owned(),
        visibility: Visibility::Public,
        guests: false,
        active: true,
        owners: BTreeSet::new(),
        created_at: NOW,
        kept: Default::default(),
    };
    let original =
        Original { room: HALL, message: HELLO, author: ADA, created_at: NOW, status: MessageStatus::Visible };
    let bob = after(&[joined(BOB, Role::Member)]);
    Given { room: Some(room), ada: after(ada), bob, original, whose: BOB, now: NOW }
}

impl Given {
    fn room(mut self, change: impl Fn(&mut Room)) -> Self {
        self.room.iter_mut().for_each(change);
        self
    }

    fn message(mut self, status: MessageStatus) -> Self {
        self.original.status = status;
        self
    }

    fn bob(self, facts: &[MembershipEvent]) -> Self {
        Self { bob: after(facts), ..self }
    }

    fn when(&self, does: Does) -> Result<bool, Rejection> {
        let (room, ada, now) = (self.room.as_ref(), self.ada.as_ref(), self.now);
        let thumb = Emoji::parse("👍").expect("an emoji");
        let written = |_: MessageEvent| true;
        match does {
            Post => post(room, ada, &hello(now)).map(written),
            Edit => edit(room, ada, &self.original, &words("hi"), ADA, now).map(written),
            Delete => delete(room, ada, &self.original, ADA, now).map(|deleted| deleted.is_some()),
            React => react(room, ada, &self.original, thumb, ADA, now).map(written),
            TakeBack => take_back(room, ada, &self.original, thumb, ADA, now).map(written),
            Judge => {
                let command = Moderate { verdict: Verdict::Hidden, reason: None, by: ADA, now };
                moderate(room, ada, &self.original, &command).map(written)
            }
            Clear => {
                let command = RemoveAll { room: HALL, user: self.whose, reason: None, by: ADA, now };
                remove_all(room, ada, self.bob.as_ref(), &command).map(written)
            }
            Report => report(room, ada, &self.original, None, ADA, now).map(|_: ReportEvent| true),
        }
    }

    /// That these are refused so, and every other one is not.
    fn refuses(&self, refused: &[Does], among: &[Does], rejection: Rejection) {
        for does in among {
            let expected = if refused.contains(does) { Err(rejection) } else { Ok(true) };
            assert_eq!(self.when(*does), expected, "{does:?} given {self:?}");
        }
    }

    fn allows(&self, does: &[Does]) {
        self.refuses(&[], does, Rejection::NotFound);
    }
}

fn after(events: &[MembershipEvent]) -> Option<Membership> {
    let mut state = None;
    events.iter().for_each(|event| Membership::evolve(&mut state, event));
    state
}

fn joined(user: UserId, role: Role) -> MembershipEvent {
    MemberJoined { room: HALL, user, role, at: NOW }.into()
}

fn muted() -> MembershipEvent {
    MemberMuted { room: HALL, user: ADA, until: None, reason: None }.into()
}

fn banned() -> MembershipEvent {
    MemberBanned { room: HALL, user: ADA, until: None, reason: None }.into()
}

fn words(text: &str) -> MessageText {
    MessageText::parse(text.to_owned()).expect("a text")
}

fn hello(now: Time) -> PostMessage {
    let (text, mentions) = (words("hello"), vec![BOB]);
    PostMessage { room: HALL, message: HELLO, text, reply_to: None, mentions, by: ADA, now }
}

const MEMBER: Role = Role::Member;
const MODERATOR: Role = Role::Moderator;

#[test]
fn members_do_what_needs_no_rank_and_moderators_all_of_it() {
    given(&[joined(ADA, MEMBER)]).refuses(&[Judge, Clear], &ALL, Rejection::NotModerator);
    given(&[joined(ADA, MODERATOR)]).allows(&ALL);
    given(&[joined(ADA, Role::Owner)]).allows(&ALL);
}

#[test]
fn who_is_not_in_the_room_does_nothing_there() {
    let left = MemberLeft { room: HALL, user: ADA }.into();
    let demoted = RoleChanged { room: HALL, user: ADA, role: MODERATOR }.into();
    given(&[]).refuses(&ALL, &ALL, Rejection::NotAMember);
    given(&[joined(ADA, Role::Owner), left, demoted]).refuses(&ALL, &ALL, Rejection::NotAMember);
    given(&[joined(ADA, MODERATOR), banned()]).refuses(&ALL, &ALL, Rejection::Banned { until: None });
}

#[test]
fn nobody_learns_of_a_room_that_he_is_not_in() {
    let private = |room: &mut Room| room.visibility = Visibility::Private;
    given(&[]).room(private).refuses(&ALL, &ALL, Rejection::NotFound);
    given(&[banned()]).room(private).refuses(&ALL, &ALL, Rejection::NotFound);
    let nowhere = Given { room: None, ..given(&[joined(ADA, MODERATOR)]) };
    nowhere.refuses(&ALL, &ALL, Rejection::NotFound);
}

#[test]
fn who_is_muted_says_nothing_and_takes_back_what_he_said() {
    let muted = given(&[joined(ADA, MODERATOR), muted()]);
    muted.refuses(&[Post, Edit, React], &ALL, Rejection::Muted { until: None });
}

#[test]
fn in_an_archived_room_nothing_is_said_and_everything_is_moderated() {
    let archived = given(&[joined(ADA, MODERATOR)]).room(|room| room.active = false);
    archived.refuses(&[Post, Edit, Delete, React, TakeBack], &ALL, Rejection::Archived);
}

#[test]
fn one_changes_ones_own_and_moderates_anybodys() {
    let mut bobs = given(&[joined(ADA, MODERATOR)]);
    bobs.original.author = BOB;
    bobs.refuses(&[Edit, Delete], &ALL, Rejection::NotAuthor);
}

#[test]
fn what_its_author_deleted_is_gone_for_everybody() {
    let deleted = given(&[joined(ADA, MODERATOR)]).message(MessageStatus::Deleted);
    deleted.refuses(&[Edit, React, TakeBack, Judge, Report], &[Edit, React, TakeBack, Judge, Report, Clear], GONE);
    assert_eq!(deleted.when(Delete), Ok(false), "it is deleted already");
}

const GONE: Rejection = Rejection::MessageGone;

#[test]
fn what_was_removed_is_gone_for_all_but_those_who_restore_it() {
    let removed = given(&[joined(ADA, MODERATOR)]).message(MessageStatus::Removed);
    removed.refuses(&[Edit, React, TakeBack, Report], &ALL, GONE);
}

#[test]
fn what_is_hidden_is_still_there() {
    given(&[joined(ADA, MODERATOR)]).message(MessageStatus::Hidden).allows(&ALL);
}

#[test]
fn a_day_after_only_the_text_is_fixed() {
    let day_after = Given { now: NOW + EDIT_WINDOW, ..given(&[joined(ADA, MEMBER)]) };
    day_after.refuses(&[Edit], &EVERYBODYS, Rejection::EditWindowOver);
    Given { now: NOW + EDIT_WINDOW - TimeDelta::milliseconds(1), ..day_after }.allows(&EVERYBODYS);
}

#[test]
fn all_of_somebodys_messages_go_by_the_hand_of_a_higher_rank_only() {
    let by = |role| given(&[joined(ADA, role)]);
    let no = Err(Rejection::NotOutranked);
    assert_eq!(by(MODERATOR).bob(&[joined(BOB, MODERATOR)]).when(Clear), no);
    assert_eq!(by(MODERATOR).bob(&[joined(BOB, Role::Owner)]).when(Clear), no);
    assert_eq!(by(Role::Owner).bob(&[joined(BOB, Role::Owner)]).when(Clear), no);
    assert_eq!(by(Role::Owner).bob(&[joined(BOB, MODERATOR)]).when(Clear), Ok(true));
    let herself = Given { whose: ADA, ..by(Role::Owner) };
    assert_eq!(herself.when(Clear), no);
    let left = MemberLeft { room: HALL, user: BOB }.into();
    assert_eq!(by(MODERATOR).bob(&[joined(BOB, Role::Owner), left]).when(Clear), Ok(true));
    assert_eq!(by(MODERATOR).bob(&[]).when(Clear), Err(Rejection::NotFound), "he never was there");
}

#[test]
fn a_posting_says_what_was_said() {
    let Given { room, ada, .. } = given(&[joined(ADA, MEMBER)]);
    let MessageEvent::Posted(posted) = post(room.as_ref(), ada.as_ref(), &hello(NOW)).expect("allowed") else {
        panic!("a posting")
    };
    assert_eq!((posted.author, posted.text.as_str(), posted.mentions), (ADA, "hello", vec![BOB]));
}

#[test]
fn a_reaction_is_the_callers_own() {
    let Given { room, ada, original, .. } = given(&[joined(ADA, MEMBER)]);
    let original = Original { author: BOB, ..original };
    let heart = Emoji::parse("❤").expect("an emoji");
    let reacted = react(room.as_ref(), ada.as_ref(), &original, heart, ADA, NOW).expect("allowed");
    assert_eq!(reacted, ReactionAdded { room: HALL, message: HELLO, user: ADA, emoji: "❤️".into() }.into());
}

#[test]
fn a_verdict_carries_its_reason_and_is_not_deletion() {
    let Given { room, ada, original, .. } = given(&[joined(ADA, MODERATOR)]);
    let reason = Reason::parse("rude".to_owned()).ok();
    let command = Moderate { verdict: Verdict::Removed, reason, by: ADA, now: NOW };
    let MessageEvent::Moderated(judged) = moderate(room.as_ref(), ada.as_ref(), &original, &command).expect("allowed")
    else {
        panic!("a verdict")
    };
    assert_eq!((judged.status, judged.reason.as_deref()), (MessageStatus::Removed, Some("rude")));
    assert_eq!(Verdict::parse(MessageStatus::Deleted).map_err(|fault| fault.code), Err("authors-alone"));
    for status in [MessageStatus::Visible, MessageStatus::Hidden, MessageStatus::Removed] {
        assert_eq!(Verdict::parse(status).map(MessageStatus::from), Ok(status));
    }
}
