//! Has the client this answer already? Its tag, and 304 for who comes with it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use platform::Problem;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Of the hash of what a tag stands for.
const TAG_BYTES: usize = 12;

/// An entity tag, as `ETag` has it. Weak: the same answer goes out with and without gzip.
pub(super) struct Tag(String);

impl Tag {
    /// Of everything that decides what an answer shows.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let hash = parts
            .iter()
            .fold(Sha256::new(), |hash, part| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
        Self(format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&hash.finalize()[..TAG_BYTES])))
    }

    /// The answer, or 304 where the client has it. It may be kept by the client alone, who asks each time.
    ///
    /// # Errors
    /// Those of `body`.
    pub(super) fn answer(
        self,
        asked: &HeaderMap,
        body: impl FnOnce() -> Result<Bytes, Problem>,
    ) -> Result<Response, Problem> {
        let mut response = match self.is_known(asked) {
            true => Response::builder().status(StatusCode::NOT_MODIFIED).body(Body::empty()),
            false => Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body()?)),
        }
        .map_err(|_| Problem::internal())?;
        let headers = response.headers_mut();
        let tag = HeaderValue::try_from(self.0).map_err(|_| Problem::internal())?;
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        // Who is asking is in the tag; how it is encoded is not.
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        Ok(response)
    }

    /// `If-None-Match`, compared as RFC 9110 §8.8.3.2 has it for reads: weak or not does not matter.
    fn is_known(&self, asked: &HeaderMap) -> bool {
        let lists = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = opaque(&self.0);
        lists.flat_map(|list| list.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == own)
    }
}

/// An answer's bytes.
pub(super) fn bytes(answer: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(answer).map(Bytes::from).map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, extract::Request, routing::get};
    use platform::shell::{ShellArgs, shell};
    use tower::ServiceExt;

    #[test]
    fn who_has_it_is_told_so_and_nothing_else() {
        let tag = || Tag::of(&[b"room", b"7"]);
        let own = tag().0;
        let asks = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().expect("a header"));
            tag().answer(&headers, || Ok(Bytes::from_static(b"{}"))).expect("an answer")
        };
        for known in [own.as_str(), own.trim_start_matches("W/"), "*", &format!("\"x\", {own}")] {
            let answer = asks(known);
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(!answer.headers().contains_key(header::CONTENT_TYPE));
            assert_eq!(answer.headers()[header::ETAG], own);
        }
        for other in ["\"x\"", "", "W/", &Tag::of(&[b"room", b"8"]).0, &Tag::of(&[b"room7", b""]).0] {
            assert_eq!(asks(other).status(), StatusCode::OK, "{other}");
        }
    }

    // Red with a strong tag, which would say that both are the same bytes.
    #[tokio::test]
    async fn a_tag_stands_for_the_answer_however_it_is_encoded() {
        let answer = |headers: HeaderMap| async move {
            Tag::of(&[b"room"]).answer(&headers, || Ok(Bytes::from(vec![b' '; 4_096])))
        };
        let router = shell(Router::new().route("/", get(answer)), &ShellArgs::default());
        let ask = async |names: &[(&str, &str)]| {
            let request = names.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
            router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer")
        };
        let (plain, small) = (ask(&[]).await, ask(&[("accept-encoding", "gzip")]).await);
        assert_eq!(small.headers()[header::CONTENT_ENCODING], "gzip");
        let tag = plain.headers()[header::ETAG].to_str().expect("ASCII");
        assert!(tag.starts_with("W/"));
        assert_eq!(small.headers()[header::ETAG], tag);
        for encoding in ["gzip", "identity"] {
            let known = ask(&[("accept-encoding", encoding), ("if-none-match", tag)]).await;
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{encoding}");
            assert!(!known.headers().contains_key(header::CONTENT_ENCODING));
            let varies = known.headers().get_all(header::VARY).iter().filter(|value| *value == "accept-encoding");
            assert_eq!(varies.count(), 1);
        }
    }
}
