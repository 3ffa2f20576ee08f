//! Which paths can be read? The routes, their documentation, and the state of each.
#![expect(unused_qualifications, reason = "utoipa's macro repeats the extractors' types with our spans")]

mod feed;
mod keys;
mod lounges;
mod members;
mod messages;
mod moderation;
mod presence;
mod reader;
mod refused;
mod rooms;
mod search;
mod sessions;
mod tagged;
mod users;
mod written;

use axum::{Router, middleware};
use platform::problem::ProblemDocument;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, wait};

/// The document's frame; the paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Chatroom: reads", description = "Pages of lounges, rooms, members and messages."),
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
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(lounges::list))
        .routes(routes!(lounges::find))
        .routes(routes!(rooms::in_lounge))
        .routes(routes!(rooms::find))
        .routes(routes!(rooms::own))
        .routes(routes!(members::list))
        .routes(routes!(messages::page))
        .routes(routes!(messages::find))
        .routes(routes!(moderation::of_message))
        .routes(routes!(moderation::of_room))
        .routes(routes!(presence::list))
        .routes(routes!(written::list))
        .routes(routes!(feed::page))
        .routes(routes!(search::find))
        .routes(routes!(users::own))
        .routes(routes!(users::find))
        .routes(routes!(sessions::list))
        .routes(routes!(keys::list))
}

/// All routes of reads over HTTP, without the shell. Their paths name parameters as the commands' do, because one
/// router may hold both.
pub fn router(app: App) -> Router {
    Router::from(routes().with_state(app)).route_layer(middleware::from_fn(wait::verified))
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
    fn every_route_is_documented_with_its_problems() {
        let document = serde_json::to_value(openapi()).expect("a document");
        let paths = document["paths"].as_object().expect("paths");
        assert_eq!(paths.len(), 18);
        for (path, item) in paths {
            let get = &item["get"];
            assert!(get["operationId"].is_string(), "{path}");
            assert!(get["responses"]["200"].is_object(), "{path}");
            assert!(get["responses"]["429"].is_object(), "{path}");
        }
        assert!(document["components"]["schemas"]["Message"].is_object());
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }
}
