//! How does a request become a socket? RFC 6455's handshake, and the protocol that both sides speak.

use super::{SUBPROTOCOL, SUBPROTOCOL_CBOR, form::Encoding, socket::Socket};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header, request::Parts},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use platform::{Code, Problem, serve::Raw};
use tokio_tungstenite::tungstenite::handshake::server::create_response;

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

/// The socket, once the answer is out; `None` when the client is gone by then.
pub(super) async fn upgraded(connection: OnUpgrade, encoding: Encoding) -> Option<Socket> {
    let (line, read) = Raw::of(connection.await.ok()?)?;
    Some(Socket::new(line, read, encoding).await)
}

fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|offered| offered.trim() == protocol)
}

fn no_socket() -> Problem {
    Problem::new(Code::InvalidRequest, "This address speaks WebSocket only: send an upgrade.")
}
