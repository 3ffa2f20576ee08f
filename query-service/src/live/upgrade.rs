//! How does a request become a socket? RFC 6455's handshake, and the protocol that both sides speak.

use super::{SUBPROTOCOL, SUBPROTOCOL_CBOR, form::Encoding, protocol::INBOUND_BYTES_MAX, socket::Stream};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header, request::Parts},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use platform::{Code, Problem};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response,
        protocol::{Role, WebSocketConfig},
    },
};

/// What is read of a frame at all. Between the protocol's limit and this, the close code reaches the client for certain;
/// beyond it nothing more is read, and the connection may be cut before the code is.
const READ_BYTES_MAX: usize = 4 * INBOUND_BYTES_MAX;
/// A socket's read buffer: most of what an idle socket costs. Clients say little.
const READ_BUFFER_BYTES: usize = 1 << 10;
/// What may wait inside the WebSocket layer itself, which only answers pings; frames wait in the outbox.
const WRITE_BUFFER_BYTES_MAX: usize = 64 << 10;

/// Takes a request for a socket: the answer to it, how frames are encoded, and the connection to come.
///
/// # Errors
/// 400 `invalid-request` when it is none.
pub(super) fn shake_hands(parts: Parts) -> Result<(Response, Encoding, OnUpgrade), Problem> {
    let mut request = Request::from_parts(parts, ());
    let connection = hyper::upgrade::on(&mut request);
    let mut response = create_response(&request).map_err(|_| no_socket())?.map(|()| Body::empty());
    let protocol = [SUBPROTOCOL, SUBPROTOCOL_CBOR].into_iter().find(|known| offers(request.headers(), known));
    if let Some(protocol) = protocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    let encoding = if protocol == Some(SUBPROTOCOL_CBOR) { Encoding::Cbor } else { Encoding::Json };
    Ok((response, encoding, connection))
}

/// The connection, once the answer is out; `None` when the client is gone by then.
pub(super) async fn upgraded(connection: OnUpgrade) -> Option<Stream> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(READ_BYTES_MAX))
        .max_frame_size(Some(READ_BYTES_MAX));
    let connection = TokioIo::new(connection.await.ok()?);
    Some(WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await)
}

fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|offered| offered.trim() == protocol)
}

fn no_socket() -> Problem {
    Problem::new(Code::InvalidRequest, "This address speaks WebSocket only: send an upgrade.")
}
