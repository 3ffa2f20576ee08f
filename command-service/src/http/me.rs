//! Who is the caller, as everybody knows him? His token, and his public state as the log has it.

use super::error::log_unavailable;
use super::resource::{Person, PublicUser};
use crate::app::App;
use crate::domain::Rejection;
use crate::tips::Age;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use events::user::Standing;
use events::{SessionId, Subject, Time, User, UserId, UserKind};
use platform::{Caller, Problem};

/// A caller whose account may act. As an extractor: 401 for anybody else.
#[derive(Debug, Clone)]
pub(super) struct Me {
    pub(super) id: UserId,
    pub(super) session: SessionId,
    pub(super) kind: UserKind,
    pub(super) display_name: String,
    created_at: Time,
}

impl FromRequestParts<App> for Me {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        let subject = Subject::User(caller.user);
        let tips = &app.handler.tips;
        let tip = tips.get(subject, Age::Any).await.map_err(log_unavailable)?;
        match Self::of(&caller, tip.state()) {
            Ok(me) if me.kind == caller.kind => return Ok(me),
            // Who has just appeared through another instance is somebody, and who was upgraded there is no guest.
            Ok(_) | Err(_) => {}
        }
        let tip = tips.latest(subject).await.map_err(log_unavailable)?;
        Ok(Self::of(&caller, tip.state())?)
    }
}

impl Me {
    fn of(caller: &Caller, user: Option<&User>) -> Result<Self, Rejection> {
        let user = user.filter(|user| user.standing == Standing::Active).ok_or(Rejection::NoAccount)?;
        if caller.credential < user.credential {
            return Err(Rejection::SessionOver);
        }
        Ok(Self {
            id: caller.user,
            session: caller.session,
            kind: user.kind,
            display_name: user.display_name.clone(),
            created_at: user.created_at,
        })
    }

    pub(super) fn person(&self) -> Person {
        Person { id: self.id, display_name: self.display_name.clone(), kind: self.kind }
    }

    pub(super) fn public(&self) -> PublicUser {
        let Self { id, kind, created_at, .. } = *self;
        PublicUser { id, display_name: self.display_name.clone(), kind, created_at }
    }
}
