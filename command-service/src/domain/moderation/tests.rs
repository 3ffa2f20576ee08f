//! Tests of shutting out and silencing.

use super::*;
use crate::domain::membership::given::{
    ADA, BOB, Decided, Given, HALL, NOW, a, banned, given, joined, joined_as, left, muted, person, room, soon, state,
};
use chrono::TimeDelta;
use events::user::Standing;
use events::{Evolve, Membership, Role, Room, User, UserKind, Visibility};

impl Given {
    fn when(self, measure: Measure) -> Decided<MembershipEvent> {
        Decided(moderate(&self.scene(), &Moderate { room: HALL, user: BOB, by: ADA, measure, now: NOW }))
    }
}

fn kick() -> Measure {
    Measure::Kick { reason: None }
}

fn until(end: Time) -> Terms {
    Terms { until: Some(Until::parse(&end.to_rfc3339()).expect("a time")), reason: None }
}

fn because(reason: &str) -> Terms {
    Terms { until: None, reason: Some(Reason::parse(reason.to_owned()).expect("a reason")) }
}

fn every_measure() -> [Measure; 5] {
    [kick(), Measure::Ban(Terms::default()), Measure::Unban, Measure::Mute(Terms::default()), Measure::Unmute]
}

fn kicked() -> MemberKicked {
    MemberKicked { room: HALL, user: BOB, reason: None }
}

const OUT: Option<Role> = None;
const RANKS: [Option<Role>; 4] = [OUT, Some(Role::Member), Some(Role::Moderator), Some(Role::Owner)];

// Red with `>` for `>=` in `moderate`, and without `moderates`.
#[test]
fn each_measure_reaches_lower_ranks_only() {
    /// For each rank of Ada's, whether she reaches Bob who is out, a member, a moderator, an owner.
    const REACHES: [(Option<Role>, [bool; 4]); 4] = [
        (OUT, [false, false, false, false]),
        (Some(Role::Member), [false, false, false, false]),
        (Some(Role::Moderator), [true, true, false, false]),
        (Some(Role::Owner), [true, true, true, false]),
    ];
    for (mine, reaches) in REACHES {
        for (theirs, reached) in RANKS.into_iter().zip(reaches) {
            for measure in every_measure() {
                let bob = theirs.map(joined_as);
                let decided = given(bob.as_slice()).by(mine).when(measure.clone()).0;
                let why = match mine {
                    _ if reached => None,
                    None => Some(Rejection::NotAMember),
                    Some(Role::Member) => Some(Rejection::NotModerator),
                    Some(Role::Moderator | Role::Owner) => Some(Rejection::NotOutranked),
                };
                assert_eq!(decided.err(), why, "{mine:?} {measure:?} {theirs:?}");
            }
        }
    }
}

// Red with `>` for `>=` in `moderate`.
#[test]
fn nobody_does_it_to_himself() {
    for role in [Role::Moderator, Role::Owner] {
        for measure in every_measure() {
            let myself = Given { theirs: Some(a(role)), ..given(&[]).by(Some(role)) };
            myself.when(measure).refused(Rejection::NotOutranked);
        }
    }
}

#[test]
fn who_is_not_in_a_private_room_does_not_learn_of_it() {
    let private = given(&[joined()]).in_room(room(Visibility::Private));
    let strangers = [None, state(&[joined(), left()]), state(&[banned(None)])];
    for measure in every_measure() {
        for mine in &strangers {
            Given { mine: mine.clone(), ..private.clone() }.when(measure.clone()).refused(Rejection::NotFound);
        }
        Given { room: None, ..private.clone() }.when(measure.clone()).refused(Rejection::NotFound);
        private.clone().by(Some(Role::Member)).when(measure).refused(Rejection::NotModerator);
    }
    private.when(kick()).then(kicked());
}

#[test]
fn who_is_banned_himself_does_nothing() {
    for measure in every_measure() {
        let shut_out = Given { mine: state(&[banned(None)]), ..given(&[joined()]) };
        shut_out.when(measure).refused(Rejection::Banned { until: None });
    }
}

#[test]
fn it_happens_to_people_who_are_there_or_were_and_are_not_erased() {
    for measure in every_measure() {
        given(&[]).about(None).when(measure.clone()).refused(Rejection::NoSuchPerson);
        let erased = User { standing: Standing::Erased, ..person(UserKind::Registered) };
        given(&[]).about(Some(erased)).when(measure).refused(Rejection::NoSuchPerson);
    }
    for standing in [Standing::Suspended, Standing::Expired] {
        let person = User { standing, ..person(UserKind::Guest) };
        given(&[joined()]).about(Some(person)).when(kick()).then(kicked());
    }
}

#[test]
fn an_archived_room_is_still_rid_of_people() {
    let archived = Room { active: false, ..room(Visibility::Public) };
    given(&[joined()]).in_room(archived.clone()).when(kick()).then(kicked());
    let ban = Measure::Ban(Terms::default());
    given(&[joined()]).in_room(archived).when(ban).then(banned(None));
}

#[test]
fn who_is_out_is_kicked_already() {
    given(&[]).when(kick()).then_nothing();
    given(&[joined(), left()]).when(kick()).then_nothing();
    given(&[joined(), kicked().into()]).when(kick()).then_nothing();
}

#[test]
fn a_kick_says_why() {
    let reason = Reason::parse("spam".to_owned()).ok();
    let why = MemberKicked { reason: Some("spam".to_owned()), ..kicked() };
    given(&[joined()]).when(Measure::Kick { reason }).then(why);
}

#[test]
fn a_ban_shuts_out_who_is_in_who_has_left_and_who_never_came() {
    for facts in [vec![joined()], vec![joined(), left()], vec![]] {
        given(&facts).when(Measure::Ban(Terms::default())).then(banned(None));
        given(&facts).when(Measure::Ban(until(soon()))).then(banned(Some(soon())));
    }
    let state = Membership::after(state(&[joined()]), &banned(None)).expect("a state");
    assert_eq!(state.role, None);
}

#[test]
fn a_mute_reaches_who_has_left_so_that_nobody_dodges_it() {
    for facts in [vec![joined()], vec![joined(), left()], vec![]] {
        given(&facts).when(Measure::Mute(Terms::default())).then(muted(None));
        given(&facts).when(Measure::Mute(until(soon()))).then(muted(Some(soon())));
    }
}

#[test]
fn the_same_again_changes_nothing_and_another_end_or_reason_does() {
    given(&[banned(None)]).when(Measure::Ban(Terms::default())).then_nothing();
    given(&[banned(Some(soon()))]).when(Measure::Ban(until(soon()))).then_nothing();
    given(&[banned(None)]).when(Measure::Ban(until(soon()))).then(banned(Some(soon())));
    given(&[banned(Some(soon()))]).when(Measure::Ban(Terms::default())).then(banned(None));
    let why = MemberBanned { room: HALL, user: BOB, until: None, reason: Some("spam".to_owned()) };
    given(&[banned(None)]).when(Measure::Ban(because("spam"))).then(why);

    given(&[muted(None)]).when(Measure::Mute(Terms::default())).then_nothing();
    given(&[muted(Some(soon()))]).when(Measure::Mute(until(soon()))).then_nothing();
    given(&[muted(None)]).when(Measure::Mute(until(soon()))).then(muted(Some(soon())));
    let why = MemberMuted { room: HALL, user: BOB, until: None, reason: Some("spam".to_owned()) };
    given(&[muted(None)]).when(Measure::Mute(because("spam"))).then(why);
}

#[test]
fn lifting_lifts_what_holds() {
    given(&[banned(None)]).when(Measure::Unban).then(MemberUnbanned { room: HALL, user: BOB });
    given(&[joined(), muted(Some(soon()))]).when(Measure::Unmute).then(MemberUnmuted { room: HALL, user: BOB });
    for measure in [Measure::Unban, Measure::Unmute] {
        given(&[]).when(measure.clone()).then_nothing();
        given(&[joined()]).when(measure).then_nothing();
    }
}

#[test]
fn what_has_run_out_is_none() {
    given(&[banned(Some(NOW))]).when(Measure::Unban).then_nothing();
    given(&[muted(Some(NOW))]).when(Measure::Unmute).then_nothing();
    given(&[banned(Some(NOW))]).when(Measure::Ban(until(soon()))).then(banned(Some(soon())));
    let over = muted(Some(NOW - TimeDelta::hours(1)));
    given(&[joined(), over]).when(Measure::Mute(Terms::default())).then(muted(None));
}

#[test]
fn what_would_be_over_before_it_began_is_refused_to_who_might_do_it() {
    for measure in [Measure::Ban(until(NOW)), Measure::Mute(until(NOW - TimeDelta::hours(1)))] {
        given(&[joined()]).when(measure.clone()).refused(Rejection::EndPassed);
        given(&[joined()]).by(Some(Role::Member)).when(measure).refused(Rejection::NotModerator);
    }
}
