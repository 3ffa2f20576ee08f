//! What nats-server says of itself at its monitoring address: HTTP without TLS.

use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use url::Url;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What the server says at `path`, within 5 s; else why not.
pub(crate) async fn read<T: DeserializeOwned>(monitoring_url: &str, path: &str) -> Result<T, String> {
    let url: Url = monitoring_url.parse().map_err(|_| "not a URL".to_owned())?;
    if url.scheme() != "http" {
        return Err("only http:// can be read".into());
    }
    let host = url.host_str().ok_or("it has no host")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(80);
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    // HTTP/1.0: the body ends with the connection, in one piece, and no HTTP client is needed.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    let answer = async {
        let mut stream = TcpStream::connect((bare, port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(ANSWER_WITHIN, answer)
        .await
        .map_err(|_| format!("no answer within {ANSWER_WITHIN:?}"))?
        .map_err(|error| error.to_string())?;
    let answer = String::from_utf8(answer).map_err(|_| "not text".to_owned())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("not HTTP")?;
    if head.split_whitespace().nth(1) != Some("200") {
        return Err(format!("answered {:?}", head.lines().next().unwrap_or_default()));
    }
    serde_json::from_str(body).map_err(|error| format!("not what it should answer: {error}"))
}
