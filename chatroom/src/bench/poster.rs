//! How does a poster post? Over one connection a turn, one post at a time, each with a key of its own.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use events::{MessageId, RoomId, UserId};
use futures::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;
use uuid::Uuid;

/// A sentence of usual length.
pub(super) const TEXT: &str = "Has anybody seen the programme for tonight? I think it begins at eight.";

/// Somebody who posts into one room.
pub(super) struct Poster {
    pub(super) room: RoomId,
    pub(super) user: UserId,
    pub(super) bearer: String,
    address: SocketAddr,
    path: String,
    body: Bytes,
}

/// What one turn of posting came to.
pub(super) struct Posted {
    pub(super) ids: Vec<MessageId>,
    /// Of each post, in no order.
    pub(super) took: Vec<Duration>,
    pub(super) elapsed: Duration,
}

impl Posted {
    pub(super) fn per_second(&self) -> f64 {
        self.ids.len() as f64 / self.elapsed.as_secs_f64()
    }
}

impl Poster {
    pub(super) fn new(address: SocketAddr, room: RoomId, user: UserId, token: &str) -> Self {
        let path = format!("/v1/rooms/{room}/messages");
        let body = serde_json::json!({ "text": TEXT }).to_string().into();
        Self { room, user, bearer: format!("Bearer {token}"), address, path, body }
    }

    /// For one turn: the service closes what is idle between them.
    pub(super) async fn connect(&self) -> Result<Connected<'_>> {
        let stream = TcpStream::connect(self.address).await.context("connecting a poster")?;
        stream.set_nodelay(true)?;
        let (send, connection) = handshake(TokioIo::new(stream)).await?;
        // Owned by the sender: it ends when that is dropped.
        tokio::spawn(connection);
        Ok(Connected { poster: self, send })
    }
}

/// A poster in a turn.
pub(super) struct Connected<'a> {
    poster: &'a Poster,
    send: SendRequest<Full<Bytes>>,
}

impl Connected<'_> {
    /// Posts once.
    ///
    /// # Errors
    /// When it is not accepted: with limits lifted, each is.
    pub(super) async fn post(&mut self) -> Result<MessageId> {
        #[derive(Deserialize)]
        struct Done {
            message: Made,
        }
        #[derive(Deserialize)]
        struct Made {
            id: MessageId,
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.poster.path)
            .header(HOST, self.poster.address.to_string())
            .header(AUTHORIZATION, &self.poster.bearer)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", Uuid::now_v7().to_string())
            .body(Full::new(self.poster.body.clone()))?;
        self.send.ready().await?;
        let answer = self.send.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status == StatusCode::CREATED, "{status}: {}", String::from_utf8_lossy(&body));
        let Done { message } = serde_json::from_slice(&body).context("a posted message")?;
        Ok(message.id)
    }
}

/// All posters together make so many posts, each as fast as he can.
pub(super) async fn post(posters: &[Poster], posts: u32) -> Result<Posted> {
    let connected = try_join_all(posters.iter().map(Poster::connect)).await?;
    let left = AtomicU32::new(posts);
    let began = Instant::now();
    let each = try_join_all(connected.into_iter().map(|poster| one(poster, &left))).await?;
    let elapsed = began.elapsed();
    let (ids, took) = each.into_iter().flatten().unzip();
    Ok(Posted { ids, took, elapsed })
}

async fn one(mut poster: Connected<'_>, left: &AtomicU32) -> Result<Vec<(MessageId, Duration)>> {
    let mut posted = Vec::new();
    while takes_one(left) {
        let began = Instant::now();
        let id = poster.post().await?;
        posted.push((id, began.elapsed()));
    }
    Ok(posted)
}

/// Whether there is something left to do: then one less is.
pub(super) fn takes_one(left: &AtomicU32) -> bool {
    left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
