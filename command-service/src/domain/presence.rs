//! What do others see of somebody, and when is it a fact?

use events::presence::PresenceChanged;
use events::{Presence, PresenceState, Time, UserId};

/// What is shown of somebody with these leases: the best of them. Without any he is offline.
pub fn shown(leases: impl IntoIterator<Item = PresenceState>) -> PresenceState {
    leases.into_iter().max().unwrap_or(PresenceState::Offline)
}

/// What the log says of somebody: of whom it never said anything, he is offline.
pub fn logged(presence: Option<&Presence>) -> PresenceState {
    presence.map_or(PresenceState::Offline, |presence| presence.state)
}

/// What is shown becomes a fact where the log says otherwise.
pub fn change(user: UserId, presence: Option<&Presence>, shown: PresenceState, now: Time) -> Option<PresenceChanged> {
    (shown != logged(presence)).then_some(PresenceChanged { user, state: shown, at: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use PresenceState::{Away, Dnd, Offline, Online};
    use events::{Evolve, PresenceEvent};
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const NOW: Time = Time::UNIX_EPOCH;

    fn given(facts: &[PresenceState]) -> Option<Presence> {
        let fact = |state: &PresenceState| PresenceEvent::from(PresenceChanged { user: ADA, state: *state, at: NOW });
        facts.iter().map(fact).fold(None, |presence, fact| Presence::after(presence, &fact))
    }

    fn becomes(facts: &[PresenceState], shown: PresenceState) -> Option<PresenceState> {
        change(ADA, given(facts).as_ref(), shown, NOW).map(|changed| changed.state)
    }

    #[test]
    fn the_best_lease_is_shown() {
        assert_eq!(shown([]), Offline);
        // A phone in the pocket takes nobody from his desk.
        assert_eq!(shown([Away, Online, Away]), Online);
        // Who asked not to be disturbed is not, whatever else of his is on.
        assert_eq!(shown([Online, Dnd, Away]), Dnd);
    }

    #[test]
    fn who_comes_and_goes_is_told_of_and_nothing_twice() {
        assert_eq!(becomes(&[], Online), Some(Online));
        assert_eq!(becomes(&[Online], Online), None);
        assert_eq!(becomes(&[Online], Offline), Some(Offline));
        assert_eq!(becomes(&[Online, Offline], Offline), None);
    }

    #[test]
    fn of_whom_nothing_was_ever_told_he_is_offline() {
        assert_eq!(becomes(&[], Offline), None);
    }
}
