//! The command of reporting what was said.

use super::InRoom;
use super::moderate::Why;
use crate::app::App;
use crate::domain::message;
use crate::handle::{Command, Creates};
use crate::http::answer::{Done, Passed};
use crate::http::fields::Fields;
use crate::http::me::Me;
use crate::http::refused;
use crate::stamp::Stamp;
use axum::extract::State as Given;
use events::{MessageId, RoomId, Subject};
use platform::Problem;
use platform::extract::{Json, Path};

/// Report a message to the room's moderators
#[utoipa::path(
    post,
    path = "/v1/rooms/{id}/messages/{message}/report",
    operation_id = "report_message",
    tag = "messages",
    params(("id" = Uuid, Path), ("message" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<Why>,
    responses((status = 201, description = "Reported.", body = Passed), refused::OnMessage),
    security(("token" = [])),
)]
pub(in crate::http) async fn report(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, id)): Path<(RoomId, MessageId)>,
    request: Option<Json<Why>>,
) -> Result<Done<Passed>, Problem> {
    let request = request.map(|Json(why)| why).unwrap_or_default();
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let Some(reason) = fields.read_reason(request.reason) else { return Err(fields.into()) };
    app.limits.reports.check(&me.id.0)?;
    let place = InRoom::new(room, &me);
    let known = place.message(&app, &me, id, stamp.now).await?;
    let reports = Subject::RoomReports(room);
    let command = Command { creates: Creates::Entry(reports), ..place.command(&app, "report", &stamp) };
    let outcome = app.handler.handle(command, |basis| {
        let (room, member) = (basis.state(place.room), basis.state(place.member));
        let event = message::report(room, member, &known.original, reason.clone(), me.id, stamp.now)?;
        Ok(place.draft_on(reports, basis, event).into_iter().collect())
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    Ok(Done::created(position, outcome.repeat(), Passed { position }))
}
