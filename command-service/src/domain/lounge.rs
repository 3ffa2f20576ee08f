//! Who may make a lounge, and what becomes of it?

use super::Rejection;
use super::names::{About, LoungeName};
use events::lounge::{LoungeArchived, LoungeChanged, LoungeCreated, LoungeReopened};
use events::{Lounge, LoungeEvent, LoungeId, Time, UserId, UserKind};

/// Make a lounge.
#[derive(Debug, Clone)]
pub struct CreateLounge {
    pub lounge: LoungeId,
    pub name: LoungeName,
    pub description: Option<About>,
    pub by: UserId,
    pub kind: UserKind,
    pub now: Time,
}

/// Registered users make lounges and own what they make. One that is there already stays as it is.
pub fn create(state: Option<&Lounge>, command: &CreateLounge) -> Result<Option<LoungeEvent>, Rejection> {
    match (state, command.kind) {
        (_, UserKind::Guest) => Err(Rejection::NoGuests),
        (Some(_), UserKind::Registered) => Ok(None),
        (None, UserKind::Registered) => Ok(Some(
            LoungeCreated {
                lounge: command.lounge,
                name: command.name.clone().into(),
                description: command.description.clone().map(String::from),
                owner: command.by,
                at: command.now,
            }
            .into(),
        )),
    }
}

/// What its owner does with a lounge.
#[derive(Debug, Clone)]
pub enum ChangeLounge {
    /// What is absent stays.
    Edit {
        name: Option<LoungeName>,
        description: Option<About>,
    },
    Archive,
    Reopen,
}

/// Only its owner changes a lounge; what is archived is reopened before it is edited.
pub fn change(
    state: Option<&Lounge>,
    id: LoungeId,
    by: UserId,
    command: &ChangeLounge,
) -> Result<Option<LoungeEvent>, Rejection> {
    let lounge = state.ok_or(Rejection::NotFound)?;
    if lounge.owner != by {
        return Err(Rejection::NotLoungeOwner);
    }
    Ok(match command {
        ChangeLounge::Archive => lounge.active.then(|| LoungeArchived { lounge: id }.into()),
        ChangeLounge::Reopen => (!lounge.active).then(|| LoungeReopened { lounge: id }.into()),
        ChangeLounge::Edit { .. } if !lounge.active => return Err(Rejection::Archived),
        ChangeLounge::Edit { name, description } => {
            let name = name.clone().map(String::from).filter(|name| *name != lounge.name);
            let description = description.clone().map(String::from);
            let description = description.filter(|about| Some(about) != lounge.description.as_ref());
            let changes = name.is_some() || description.is_some();
            changes.then(|| LoungeChanged { lounge: id, name, description }.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Evolve;
    use uuid::Uuid;

    const TEA: LoungeId = LoungeId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));

    fn given(events: &[LoungeEvent]) -> Option<Lounge> {
        let mut state = None;
        events.iter().for_each(|event| Lounge::evolve(&mut state, event));
        state
    }

    fn create_by(kind: UserKind) -> CreateLounge {
        let name = LoungeName::parse("Tea").expect("a name");
        CreateLounge { lounge: TEA, name, description: None, by: ADA, kind, now: Time::UNIX_EPOCH }
    }

    fn created() -> LoungeEvent {
        create(None, &create_by(UserKind::Registered)).expect("allowed").expect("new")
    }

    fn renamed(name: &str) -> ChangeLounge {
        ChangeLounge::Edit { name: Some(LoungeName::parse(name).expect("a name")), description: None }
    }

    #[test]
    fn who_makes_a_lounge_owns_it() {
        assert_eq!(given(&[created()]).expect("it is there").owner, ADA);
    }

    #[test]
    fn guests_make_no_lounges() {
        assert_eq!(create(None, &create_by(UserKind::Guest)), Err(Rejection::NoGuests));
    }

    #[test]
    fn a_lounge_is_made_once() {
        let state = given(&[created()]);
        assert_eq!(create(state.as_ref(), &create_by(UserKind::Registered)), Ok(None));
    }

    // Red without the comparison of owners in `change`.
    #[test]
    fn only_its_owner_changes_a_lounge() {
        let state = given(&[created()]);
        for wish in [renamed("Coffee"), ChangeLounge::Archive, ChangeLounge::Reopen] {
            assert_eq!(change(state.as_ref(), TEA, BOB, &wish), Err(Rejection::NotLoungeOwner));
            assert_eq!(change(None, TEA, ADA, &wish), Err(Rejection::NotFound));
        }
        assert!(change(state.as_ref(), TEA, ADA, &renamed("Coffee")).expect("allowed").is_some());
    }

    #[test]
    fn the_same_name_or_a_second_archiving_changes_nothing() {
        let archived = LoungeArchived { lounge: TEA }.into();
        let open = given(&[created()]);
        assert_eq!(change(open.as_ref(), TEA, ADA, &renamed("Tea")), Ok(None));
        assert_eq!(change(open.as_ref(), TEA, ADA, &ChangeLounge::Reopen), Ok(None));
        let closed = given(&[created(), archived]);
        assert_eq!(change(closed.as_ref(), TEA, ADA, &ChangeLounge::Archive), Ok(None));
        assert_eq!(change(closed.as_ref(), TEA, ADA, &renamed("Coffee")), Err(Rejection::Archived));
    }
}
