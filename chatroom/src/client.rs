//! How does one speak to the API as any client does? Requests over kept-alive HTTP/1.1, each with a deadline.

mod outcome;
mod session;
mod socket;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
    http::{
        HeaderName, HeaderValue,
        uri::{Authority, PathAndQuery, Scheme, Uri},
    },
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

pub use outcome::{Outcome, Refusal, Wait};
pub(crate) use session::page_path;
pub use session::{Account, Cursors, Made, Message, NewRoom, Page, PageOf, Session};
pub use socket::{Closed, Follow, Frame, Hello, SUBPROTOCOL, Socket, beats};

/// How long a request may take, its body included: the services answer within 5 s, or 4 s later
/// when they were asked to wait for the read model.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Below the services' keep-alive of 30 s, so that no request meets a connection that is being closed.
const IDLE_AT_MOST: Duration = Duration::from_secs(20);
/// The largest answer that is read: a page of 50 messages of 4,000 code points, escaped, is 2.4 MB.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// The public API at one origin. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client<HttpConnector, Full<Bytes>>,
    authority: Authority,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A request, as far as it differs from others. `Ask::new(Method::GET, "/v1/lounges")`.
#[derive(Debug, Clone)]
pub struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// Without a body. The path begins with `/` and is percent-encoded already.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With any body.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// With one more header. A value that no header can hold panics: it is the caller's own text.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value of visible characters");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// With an access token.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is ASCII");
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        self
    }
}

impl Ask {
    /// As a request to whom it is handed; it names no origin.
    ///
    /// # Errors
    /// When the path is none.
    pub(crate) fn into_request(self) -> Result<Request<Full<Bytes>>> {
        let path: PathAndQuery = self.path.parse().with_context(|| format!("{:?} is no path", self.path))?;
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = path.into();
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

impl Api {
    /// At an origin such as `http://127.0.0.1:8080`; a path behind it is not supported.
    ///
    /// # Errors
    /// When it is no plain `http` origin.
    pub fn at(url: &str) -> Result<Self> {
        let uri: Uri = url.trim_end_matches('/').parse().with_context(|| format!("{url:?} is no URL"))?;
        if uri.scheme() != Some(&Scheme::HTTP) || uri.path() != "/" || uri.query().is_some() {
            bail!("{url:?} is not of the form http://HOST:PORT, which is all that this client speaks");
        }
        let authority = uri.authority().cloned().with_context(|| format!("{url:?} names no host"))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_AT_MOST)
            .build(connector);
        Ok(Self { http, authority })
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Sends one request and reads its answer, whatever its status.
    ///
    /// # Errors
    /// Why there is no answer: then nobody knows what happened to the request.
    pub async fn send(&self, ask: Ask) -> Result<Answer> {
        let answer = async {
            let response = self.http.request(self.request(ask)?).await.map_err(said_in_full)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|why| anyhow::anyhow!(why))?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(answer) => answer,
            Err(_) => bail!("no answer within {ANSWER_WITHIN:?}"),
        }
    }

    fn request(&self, ask: Ask) -> Result<Request<Full<Bytes>>> {
        let mut request = ask.into_request()?;
        let path = request.uri().path_and_query().cloned().context("a path")?;
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build()?;
        *request.uri_mut() = uri;
        let host = HeaderValue::from_str(self.authority.as_str()).context("the host")?;
        request.headers_mut().insert(HOST, host);
        Ok(request)
    }
}

/// hyper says "client error (Connect)" and keeps the reason in its source.
fn said_in_full(why: hyper_util::client::legacy::Error) -> anyhow::Error {
    anyhow::Error::new(why)
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as what it should be.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).with_context(|| format!("an answer {} that cannot be read", self.status))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_origin_is_taken() {
        assert!(Api::at("http://127.0.0.1:8080").is_ok());
        assert!(Api::at("http://localhost/").is_ok());
        for bad in ["https://example.org", "127.0.0.1:8080", "http://127.0.0.1/chat", "ws://127.0.0.1", ""] {
            assert!(Api::at(bad).is_err(), "{bad}");
        }
    }
}
