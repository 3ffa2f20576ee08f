//! What is behind a problem's `type`? A small page about its code.

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;

use super::{Code, Problem};

/// `GET /problems` lists the codes, `GET /problems/{code}` explains one.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/problems", get(list)).route("/problems/{code}", get(page))
}

async fn list() -> Html<String> {
    let rows: String = Code::ALL
        .into_iter()
        .map(|code| format!("<li><a href=\"/problems/{code}\">{code}</a> {}</li>\n", code.status().as_u16()))
        .collect();
    Html(document("Problems", &format!("<ul>\n{rows}</ul>")))
}

async fn page(Path(text): Path<String>) -> Result<Html<String>, Problem> {
    let code = Code::find(&text).ok_or_else(Problem::not_found)?;
    let retry = if code.retryable() { "A repeat may help." } else { "A repeat of the same request does not help." };
    // The sentences are ours and hold no markup but backticks, which stay as they are.
    let body =
        format!("<p>HTTP {}, <code>{code}</code></p>\n<p>{}</p>\n<p>{retry}</p>", code.status(), code.sentence());
    Ok(Html(document(code.title(), &body)))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n<h1>{title}</h1>\n{body}\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    #[tokio::test]
    async fn each_code_has_its_page_and_no_other() {
        let app: Router = router();
        for code in Code::ALL {
            let request = Request::get(format!("/problems/{code}")).body(Body::empty()).expect("a valid request");
            assert_eq!(app.clone().oneshot(request).await.expect("infallible").status(), 200);
        }
        let request = Request::get("/problems/nonsense").body(Body::empty()).expect("a valid request");
        assert_eq!(app.oneshot(request).await.expect("infallible").status(), 404);
    }
}
