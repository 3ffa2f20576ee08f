//! In which ways is somebody shut out, and how does his socket end then?

use anyhow::{Context, Result};
use events::{Position, RoomId};
use hyper::Method;
use serde_json::json;

use super::scene::Scene;
use crate::{
    chaos::person::{PASSWORD, Person},
    client::Answer,
};

/// What happens to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    SignOut,
    Password,
    Kick,
    Ban,
    Erasure,
    Suspension,
}

/// Who he is: on the sockets, and where he acts himself.
pub(super) struct Victim {
    pub(super) person: Person,
    acts: Person,
}

impl Way {
    pub(super) const ALL: [Self; 6] =
        [Self::SignOut, Self::Password, Self::Kick, Self::Ban, Self::Erasure, Self::Suspension];

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::SignOut => "sign-outs",
            Self::Password => "passwords changed",
            Self::Kick => "kicks",
            Self::Ban => "bans",
            Self::Erasure => "erasures",
            Self::Suspension => "suspensions",
        }
    }

    /// The code that a socket is closed with; none where only a room is lost.
    pub(super) fn closes_with(self) -> Option<u16> {
        match self {
            Self::SignOut | Self::Password => Some(4504),
            Self::Erasure | Self::Suspension => Some(4505),
            Self::Kick | Self::Ban => None,
        }
    }

    /// What the others in the room hear of it.
    pub(super) fn heard_as(self) -> Option<&'static str> {
        match self {
            Self::Kick => Some("member.kicked"),
            Self::Ban => Some("member.banned"),
            Self::SignOut | Self::Password | Self::Erasure | Self::Suspension => None,
        }
    }

    /// Somebody to whom it can happen, in these rooms; and where he had joined them.
    pub(super) async fn comes(self, scene: &Scene, number: u32, rooms: [RoomId; 2]) -> Result<(Victim, String)> {
        let (phone, commands) = (format!("+49151{number:08}"), &scene.commands);
        let person = match self {
            Self::SignOut | Self::Password => Person::registered(commands, &phone).await?,
            Self::Kick | Self::Ban | Self::Erasure | Self::Suspension => Person::guest(commands).await?,
        };
        let mut since = String::new();
        for room in rooms {
            let joined = commands.insist(person.joins(room)).await.applied().context("joining")?;
            since = joined.value()["position"].as_str().context("a position")?.to_owned();
        }
        let victim = match self {
            // The session in which the password is changed goes on: he listens in another one.
            Self::Password => Victim { person: Person::signs_in(commands, &phone).await?, acts: person },
            Self::SignOut | Self::Kick | Self::Ban | Self::Erasure | Self::Suspension => {
                Victim { acts: person.clone(), person }
            }
        };
        Ok((victim, since))
    }

    /// It happens; gives where in the log, where the answer says so.
    pub(super) async fn happens(self, scene: &Scene, victim: &Victim, room: RoomId) -> Result<Option<Position>> {
        let (user, acts) = (victim.person.id, &victim.acts);
        let ask = match self {
            Self::SignOut => acts.asks(Method::DELETE, "/v1/sessions/current"),
            Self::Password => {
                let wish = json!({ "current_password": PASSWORD, "new_password": format!("not {PASSWORD}") });
                acts.asks(Method::PUT, "/v1/users/me/password").json(&wish)
            }
            Self::Kick => scene.owner.kicks(room, user),
            Self::Ban => scene.owner.bans(room, user),
            Self::Erasure => acts.asks(Method::DELETE, "/v1/users/me"),
            Self::Suspension => {
                command_service::operator::suspend(&scene.log, user, None).await?;
                return Ok(None);
            }
        };
        let answer: Answer = scene.commands.insist(ask).await.applied().with_context(|| self.told())?;
        Ok(answer.value()["position"].as_str().map(str::parse).transpose()?)
    }
}
