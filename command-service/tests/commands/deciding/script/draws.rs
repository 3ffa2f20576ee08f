//! How is a script drawn?

use super::act::{Act, Rank, Secret, Setting, Status, Words};
use super::{Again, Move, PEOPLE, Script, Step, Via, Who};
use event_log::fake::Faults;
use proptest::prelude::*;

/// Steps of a script beside its beginning.
const STEPS_MAX: usize = 60;

pub(crate) fn scripts() -> impl Strategy<Value = Script> {
    (faults(), prop::collection::vec(steps(), 1..STEPS_MAX)).prop_map(|(faults, steps)| Script { faults, steps })
}

/// Each fault never, now and then, or often; and towards never when a failure is made small.
fn faults() -> impl Strategy<Value = Faults> {
    let chance = |often: f64| prop_oneof![Just(0.0), Just(often / 4.0), Just(often)];
    let appends = (chance(0.15), chance(0.1), chance(0.15), chance(0.1), chance(0.1), chance(0.1), chance(0.03));
    let others = (chance(0.05), chance(0.8), chance(0.5));
    ((0..u64::MAX / 2).no_shrink(), appends, others).prop_map(|(seed, appends, others)| {
        let (conflicts, in_flight_refusals, lost_acks_stored, unknown_stored, unknown_not_stored, late, freezes) =
            appends;
        let (failed_reads, stale_reads, late_answers) = others;
        Faults {
            seed,
            conflicts,
            in_flight_refusals,
            lost_acks_stored,
            unknown_stored,
            unknown_not_stored,
            unknown_stored_late: late,
            freezes,
            failed_reads,
            stale_reads,
            late_answers,
            ..Faults::default()
        }
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let again = prop_oneof![4 => Just(Again::No), 1 => Just(Again::Same), 1 => Just(Again::Another)];
    let beside = prop_oneof![3 => Just(None), 1 => moves().prop_map(Some)];
    (moves(), beside, again, any::<u64>().no_shrink()).prop_map(|(one, beside, again, luck)| {
        // At the same time means through the other instance, by somebody else.
        let beside = beside.filter(|beside| beside.who != one.who);
        Step { one, beside: beside.map(|beside| Move { via: one.via.other(), ..beside }), again, luck }
    })
}

fn moves() -> impl Strategy<Value = Move> {
    let via = prop_oneof![Just(Via::One), Just(Via::Two)];
    (people(), via, acts()).prop_map(|(who, via, act)| Move { who, via, act })
}

/// Those who own or moderate have more to do.
fn people() -> impl Strategy<Value = Who> {
    prop_oneof![5 => Just(0_usize), 4 => Just(1), 3 => Just(2), 2 => Just(3), 2 => Just(4)]
}

fn acts() -> impl Strategy<Value = Act> {
    // Mostly where all are.
    let pick = || prop_oneof![3 => Just(0_usize), 2 => 0..6_usize];
    let who = || 0..PEOPLE;
    let secret = || prop_oneof![4 => Just(Secret::Right), 1 => Just(Secret::Wrong)];
    let setting = || {
        prop_oneof![
            1 => Just(Setting::Name),
            2 => Just(Setting::Public),
            1 => Just(Setting::Private),
            2 => Just(Setting::Guests),
            1 => Just(Setting::NoGuests),
        ]
    };
    let words = prop_oneof![15 => Just(Words::Some), 1 => Just(Words::Blank)];
    let rank = prop_oneof![1 => Just(Rank::Member), 2 => Just(Rank::Moderator), 2 => Just(Rank::Owner)];
    let status = prop_oneof![Just(Status::Visible), Just(Status::Hidden), Just(Status::Removed)];
    let accounts = prop_oneof![
        1 => secret().prop_map(|password| Act::Register { password }),
        1 => Just(Act::ComeAsGuest),
        2 => who().prop_map(|phone| Act::Upgrade { phone }),
        2 => secret().prop_map(|password| Act::SignIn { password }),
        2 => (0..3_usize).prop_map(|back| Act::Refresh { back }),
        1 => Just(Act::SignOut),
        1 => Just(Act::SignOutElsewhere),
        1 => Just(Act::Rename),
        1 => secret().prop_map(|current| Act::ChangePassword { current }),
    ];
    let places = prop_oneof![
        1 => Just(Act::MakeLounge),
        1 => pick().prop_map(|lounge| Act::RenameLounge { lounge }),
        1 => pick().prop_map(|lounge| Act::ArchiveLounge { lounge }),
        1 => pick().prop_map(|lounge| Act::ReopenLounge { lounge }),
        1 => (pick(), setting()).prop_map(|(lounge, setting)| Act::MakeRoom { lounge, setting }),
        3 => (pick(), setting()).prop_map(|(room, setting)| Act::ChangeRoom { room, setting }),
        2 => pick().prop_map(|room| Act::ArchiveRoom { room }),
        3 => pick().prop_map(|room| Act::ReopenRoom { room }),
        1 => Just(Act::Wait),
    ];
    let people = prop_oneof![
        8 => pick().prop_map(|room| Act::Join { room }),
        4 => pick().prop_map(|room| Act::Leave { room }),
        4 => (pick(), who()).prop_map(|(room, whom)| Act::Add { room, whom }),
        3 => (pick(), who()).prop_map(|(room, whom)| Act::Kick { room, whom }),
        4 => (pick(), who()).prop_map(|(room, whom)| Act::Ban { room, whom }),
        3 => (pick(), who()).prop_map(|(room, whom)| Act::Unban { room, whom }),
        3 => (pick(), who()).prop_map(|(room, whom)| Act::Mute { room, whom }),
        2 => (pick(), who()).prop_map(|(room, whom)| Act::Unmute { room, whom }),
        6 => (pick(), who(), rank).prop_map(|(room, whom, to)| Act::Raise { room, whom, to }),
    ];
    let messages = prop_oneof![
        16 => (pick(), words).prop_map(|(room, words)| Act::Post { room, words }),
        1 => (pick(), who()).prop_map(|(room, whom)| Act::Mention { room, whom }),
        3 => (pick(), pick()).prop_map(|(room, message)| Act::Reply { room, message }),
        5 => pick().prop_map(|message| Act::Edit { message }),
        4 => pick().prop_map(|message| Act::Delete { message }),
        4 => pick().prop_map(|message| Act::React { message }),
        2 => pick().prop_map(|message| Act::TakeBack { message }),
        4 => (pick(), status).prop_map(|(message, to)| Act::Judge { message, to }),
        2 => (pick(), who()).prop_map(|(room, whom)| Act::RemoveAll { room, whom }),
        1 => pick().prop_map(|message| Act::Report { message }),
    ];
    // On the heap: unboxed they are too much for a test's stack.
    prop_oneof![11 => accounts.boxed(), 14 => places.boxed(), 37 => people.boxed(), 38 => messages.boxed()]
}
