//! What is ready together is told together: is it what each would have heard one by one?

use super::*;

// Red without `remove` in `enter_or_leave`; that his socket is detached as well is a second guard. Of what is told in one
// go, red with memberships that `goes_on` lets wait with the rest.
#[test]
fn nothing_from_a_ban_on_reaches_the_banned() {
    let records = [says(101, "before"), bans_bob(102), says(103, "after")];
    for at_once in [1, 3] {
        let hub = hub();
        let (bobs, to_bob) = enters(&hub, BOB);
        let (adas, to_ada) = enters(&hub, ADA);
        for id in [bobs, adas] {
            assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
        }
        records.chunks(at_once).for_each(|ready| _ = hub.publish(EPOCH, ready));
        let kinds = |outbox| heard(outbox).into_iter().map(|(t, _)| t).collect::<Vec<_>>();
        assert_eq!(kinds(&to_bob), ["message.posted", "room_gone"]);
        assert_eq!(kinds(&to_ada), ["message.posted", "member.banned", "message.posted"]);
        assert_eq!(hub.attach(bobs, ROOM, 10, &HashMap::new()), Attached::NoMember);
        assert!(hub.right_after(ROOM, BOB, 101).expect("it was seen").banned.is_some());
        assert_eq!(hub.right_after(ROOM, BOB, 102), None);
    }
}

// Red with the room left out of `goes_on`.
#[test]
fn what_is_ready_together_is_told_to_whose_room_it_is() {
    let hub = hub();
    let elsewhere = RoomId(Uuid::from_u128(11));
    let (bobs, to_bob) = enters(&hub, BOB);
    assert_eq!(hub.attach(bobs, ROOM, 10, &HashMap::new()), Attached::Yes);
    let (adas, to_ada) = enters(&hub, ADA);
    let loaded = Loaded { checkpoint: 100, lounge: None, members: HashMap::from([(ADA, member("Ada"))]) };
    assert_eq!(hub.learn(adas, elsewhere, Some(loaded)), Learned::Yes);
    assert_eq!(hub.attach(adas, elsewhere, 0, &HashMap::new()), Attached::Yes);
    let there = |seq| Record { subject: Subject::RoomMessages(elsewhere).to_string(), ..says(seq, "there") };
    hub.publish(EPOCH, [&says(101, "one"), &there(102), &there(103), &says(104, "two"), &says(105, "three")]);
    assert_eq!(numbers(&to_bob.take(usize::MAX).0), [11, 12, 13]);
    assert_eq!(numbers(&to_ada.take(usize::MAX).0), [1, 2]);
    assert_eq!(hub.position(), Some(Position { epoch: EPOCH, seq: 105 }));
}
