//! Which commands can be sent? The routes, their documentation, and what stands before all of them.

pub(crate) mod error;

mod answer;
mod erasure;
mod fields;
mod guests;
mod lounges;
mod markers;
mod me;
mod members;
mod messages;
mod presence;
mod refused;
mod resource;
mod rooms;
mod sessions;
mod users;

use crate::app::App;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use platform::Problem;
use platform::limits::{Admission, admit};
use platform::problem::ProblemDocument;
use platform::shell::AUTH_BODY_BYTES_MAX;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The document's frame; the paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Chatroom", description = "Commands: accounts, sessions, lounges, rooms, members, messages and presence."),
    components(schemas(ProblemDocument)),
    modifiers(&Token)
)]
struct Frame;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

fn routes() -> OpenApiRouter<App> {
    let accounts = OpenApiRouter::new()
        .routes(routes!(users::register))
        .routes(routes!(users::rename, erasure::erase))
        .routes(routes!(users::change_password))
        .routes(routes!(guests::start))
        .routes(routes!(guests::upgrade))
        .routes(routes!(sessions::sign_in))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::end_current))
        .routes(routes!(sessions::end))
        .route_layer(DefaultBodyLimit::max(AUTH_BODY_BYTES_MAX));
    OpenApiRouter::with_openapi(Frame::openapi())
        .merge(accounts)
        .routes(routes!(lounges::create))
        .routes(routes!(lounges::change))
        .routes(routes!(lounges::archive))
        .routes(routes!(lounges::reopen))
        .routes(routes!(rooms::create))
        .routes(routes!(rooms::change))
        .routes(routes!(rooms::archive))
        .routes(routes!(rooms::reopen))
        .routes(routes!(members::join, members::leave))
        .routes(routes!(members::add::add, members::moderation::kick))
        .routes(routes!(members::moderation::ban, members::moderation::unban))
        .routes(routes!(members::moderation::mute, members::moderation::unmute))
        .routes(routes!(members::role::change))
        .routes(routes!(messages::post::post))
        .routes(routes!(messages::edit, messages::delete))
        .routes(routes!(messages::react::react, messages::react::take_back))
        .routes(routes!(messages::moderate::judge))
        .routes(routes!(messages::moderate::remove_all))
        .routes(routes!(messages::report::report))
        .routes(routes!(markers::read))
        .routes(routes!(presence::heartbeat))
}

/// All routes of commands, behind the gate of commands in flight, without the shell. Their paths name parameters as
/// the reads' do, because one router may hold both.
pub(crate) fn router(app: App, admission: Admission) -> Router {
    Router::from(routes().with_state(app.clone()))
        .route_layer(middleware::from_fn_with_state(admission, admit))
        .route_layer(middleware::from_fn_with_state(app, hears))
}

/// Before anything is read for a command: who is deaf would keep everybody waiting for answers that do not come.
async fn hears(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    app.handler.hears()?;
    Ok(next.run(request).await)
}

/// Their documentation.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_documented_with_its_problems() {
        let document = serde_json::to_value(openapi()).expect("a document");
        let paths = document["paths"].as_object().expect("paths");
        let mut commands = 0;
        for (path, item) in paths {
            for (method, command) in item.as_object().expect("methods") {
                commands += 1;
                assert!(command["operationId"].is_string(), "{method} {path}");
                let answers = command["responses"].as_object().expect("responses");
                assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
                for status in ["429", "503", "507"] {
                    assert!(answers.contains_key(status), "{method} {path}: {status}");
                }
            }
        }
        assert_eq!(commands, 37);
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }
}
