//! What does a command on another person in a room stand on, and how is it answered?

use super::MemberDone;
use crate::app::App;
use crate::domain::membership::Scene;
use crate::handle::{Basis, Command, Creates, Draft, Outcome};
use crate::http::answer::Done;
use crate::http::error::log_unavailable;
use crate::http::me::Me;
use crate::http::resource::{Member, PublicUser};
use crate::stamp::Stamp;
use crate::tips::Age;
use events::user::Standing;
use events::{Membership, MembershipEvent, Room, RoomId, Subject, User, UserId, UserKind};
use platform::Problem;

/// A person in a room, whom a command of somebody else's is about; or of his own, where he names himself.
pub(super) struct Another {
    user: UserId,
    person: Option<User>,
    pub(super) room: Subject,
    mine: Subject,
    theirs: Subject,
}

impl Another {
    pub(super) async fn find(app: &App, me: &Me, room: RoomId, user: UserId) -> Result<Self, Problem> {
        Ok(Self {
            user,
            person: known(app, user).await?,
            room: Subject::Room(room),
            mine: Subject::Member(room, me.id),
            theirs: Subject::Member(room, user),
        })
    }

    pub(super) fn command<'a>(&self, name: &'static str, stamp: &'a Stamp, room: Age) -> Command<'a> {
        // One's own comes first: of two readings of one subject the first is decided on, and authority is read fresh.
        let needs = vec![(self.mine, Age::Fresh), (self.theirs, Age::Any), (self.room, room)];
        Command { name, stamp, needs, creates: Creates::Nothing }
    }

    pub(super) fn scene<'s>(&'s self, basis: &'s Basis) -> Scene<'s> {
        Scene {
            room: basis.state(self.room),
            mine: basis.state(self.mine),
            theirs: basis.state(self.theirs),
            person: self.person.as_ref(),
        }
    }

    /// The person's fact, under his own tip.
    pub(super) fn draft(&self, basis: &Basis, event: impl Into<MembershipEvent>) -> Option<Draft> {
        let room = basis.state::<Room>(self.room)?;
        Some(basis.change::<Membership>(self.theirs, event).of_lounge(room.lounge))
    }

    pub(super) fn answered(&self, app: &App, stamp: &Stamp, outcome: &Outcome) -> Result<Done<MemberDone>, Problem> {
        let user = PublicUser::of(self.user, self.person.as_ref().ok_or_else(Problem::internal)?);
        let member = Member::of(user, outcome.state(self.theirs), stamp.now);
        let position = app.position(outcome.chat_seq());
        Ok(Done::ok(position, outcome.repeat(), MemberDone { member, position }))
    }
}

/// The person as everybody may know him. Where he would be refused for what he is, the leader is asked: he may have
/// appeared, or become a registered user, a moment ago.
async fn known(app: &App, user: UserId) -> Result<Option<User>, Problem> {
    let subject = Subject::User(user);
    let tip = app.handler.tips.get(subject, Age::AtMost(app.room_age_max)).await.map_err(log_unavailable)?;
    let welcome = |user: &&User| user.standing == Standing::Active && user.kind == UserKind::Registered;
    match tip.state().filter(welcome) {
        Some(user) => Ok(Some(user.clone())),
        None => app.latest_state(subject).await,
    }
}
