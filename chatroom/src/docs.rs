//! Where is the API described? One OpenAPI document of both services, served with a page that works offline.

pub mod authorisation;
pub mod events;

use axum::{Router, response::Redirect, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The document of both services.
#[must_use]
pub fn openapi() -> OpenApi {
    // First the reads: where a resource has fewer fields in a command's answer, the whole one is described.
    let mut document = query_service::openapi();
    document.merge(command_service::openapi());
    document
}

/// The document as it is committed: pretty, with an end of line.
#[must_use]
pub fn openapi_json() -> String {
    openapi().to_pretty_json().expect("a document of strings") + "\n"
}

/// The live protocol as AsyncAPI 3, as it is committed.
#[must_use]
pub fn asyncapi_json() -> String {
    serde_json::to_string_pretty(&query_service::asyncapi()).expect("a document of strings") + "\n"
}

/// Who may do what, as tables.
///
/// # Panics
/// When `docs/authorisation.csv` cannot be read as a table.
#[must_use]
pub fn authorisation_md() -> String {
    let rows = authorisation::rows().unwrap_or_else(|why| panic!("docs/authorisation.csv: {why:#}"));
    authorisation::markdown(&rows, &openapi())
}

/// `/openapi.json`, `/asyncapi.json`, `/docs`, and the pages that a problem's `type` points to.
pub fn router() -> Router {
    let page = SwaggerUi::new("/docs/ui").url("/openapi.json", openapi()).config(Config::default().use_base_layout());
    let live = asyncapi_json();
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Router::new()
        .merge(page)
        .route("/asyncapi.json", get(async move || (json, live.clone())))
        .route("/docs", get(|| async { Redirect::permanent("/docs/ui/") }))
        .merge(platform::problem::pages::router())
}
