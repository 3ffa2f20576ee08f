//! How do two services look like one? By method: what reads goes to the query service, the rest to the command service.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, Version, header, uri::Authority},
    response::{IntoResponse, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use platform::{Code, Problem};
use std::{net::SocketAddr, time::Duration};

/// Whether a request is for the query service.
fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A role that died is back after about this long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where the services of other processes listen.
#[derive(Clone)]
struct Upstreams {
    commands: Authority,
    queries: Authority,
    client: Client<HttpConnector, Body>,
}

/// Both services in processes of their own, behind one router that passes requests and sockets on.
pub fn forwarding(commands: SocketAddr, queries: SocketAddr) -> Router {
    let authority =
        |address: SocketAddr| Authority::try_from(address.to_string()).expect("a socket address is an authority");
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let upstreams = Upstreams { commands: authority(commands), queries: authority(queries), client };
    Router::new().fallback(forward).with_state(upstreams)
}

async fn forward(State(upstreams): State<Upstreams>, mut request: Request) -> Response {
    let upstream = if reads(request.method()) { &upstreams.queries } else { &upstreams.commands };
    let Some(uri) = on(upstream, request.uri()) else {
        return Problem::new(Code::InvalidRequest, "A request for a path is expected.").into_response();
    };
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    let upgrade = request.headers().get(header::UPGRADE).cloned();
    let ours = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    if upgrade.is_none() {
        request.headers_mut().remove(header::CONNECTION);
    }
    let mut response = match upstreams.client.request(request).await {
        Ok(response) => response,
        // The role is starting again: whether it took the request, nobody knows.
        Err(why) => {
            tracing::warn!(%why, "the service does not answer");
            let detail = "The service behind this address does not answer; what was asked may have happened.";
            return Problem::new(Code::LogUnavailable, detail).after(RETRY_AFTER).into_response();
        }
    };
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(ours)) = (response.status(), ours) {
        let theirs = hyper::upgrade::on(&mut response);
        tokio::spawn(tunnel(ours, theirs));
        let keep = HeaderValue::from_static("upgrade");
        response.headers_mut().insert(header::CONNECTION, keep);
    }
    response.map(Body::new)
}

/// The same path on that service.
fn on(upstream: &Authority, uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query().cloned()?;
    Uri::builder().scheme("http").authority(upstream.clone()).path_and_query(path).build().ok()
}

/// Owned by its two ends: it lives as long as both sockets do, and its end is theirs.
async fn tunnel(ours: hyper::upgrade::OnUpgrade, theirs: hyper::upgrade::OnUpgrade) {
    if let Ok((ours, theirs)) = tokio::try_join!(ours, theirs) {
        let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
        // A cut on one side is the end of the other: the client resumes.
        if let Err(why) = tokio::io::copy_bidirectional(&mut ours, &mut theirs).await {
            tracing::debug!(%why, "a socket was cut");
        }
    }
}
