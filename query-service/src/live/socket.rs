//! How does a WebSocket hear, and how does it end? Its layer reads; what that has to say waits in the outbox, as all else.

use super::{
    form::{Encoding, Form},
    outbox::Outbox,
    protocol::INBOUND_BYTES_MAX,
};
use axum::body::Bytes;
use futures::{SinkExt, StreamExt};
use platform::serve::Raw;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

/// What is read of a frame at all. Between the protocol's limit and this, the close code reaches the client for certain;
/// beyond it nothing more is read, and the connection may be cut before the code is.
const READ_BYTES_MAX: usize = 4 * INBOUND_BYTES_MAX;
/// A socket's read buffer: most of what an idle socket costs. Clients say little.
const READ_BUFFER_BYTES: usize = 1 << 10;

/// A client's connection. Only the socket's own task has it; others write what waits in its outbox.
pub(super) struct Socket {
    layer: WebSocketStream<Line>,
    outbox: Arc<Outbox>,
    pub(super) encoding: Encoding,
}

impl Socket {
    /// Of a connection that was upgraded, and what was read of it already.
    pub(super) async fn new(line: Raw, read: Bytes, encoding: Encoding) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(READ_BYTES_MAX))
            .max_frame_size(Some(READ_BYTES_MAX));
        let outbox = Arc::new(Outbox::of(line, Form { encoding, deflates: false }));
        let line = Line(Arc::clone(&outbox));
        // A copy of what was read, mostly nothing: the layer would keep HTTP's whole buffer for its own.
        let read = read.to_vec();
        let layer = WebSocketStream::from_partially_read(line, read, Role::Server, Some(config)).await;
        Self { layer, outbox, encoding }
    }

    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// The next thing of the client's; `None` when it is gone.
    pub(super) async fn hear(&mut self) -> Option<tungstenite::Result<Message>> {
        self.layer.next().await
    }

    /// Resolves when the connection takes something again, after [`Outbox::write_out`] could not go on.
    ///
    /// # Errors
    /// When the connection is cut.
    pub(super) async fn writable(&self) -> io::Result<()> {
        stream(&self.outbox)?.writable().await
    }

    /// Says why it ends, behind what has begun to go out.
    ///
    /// # Errors
    /// When the connection is cut.
    pub(super) async fn close(&mut self, frame: CloseFrame) -> tungstenite::Result<()> {
        self.outbox.drop_what_waits();
        self.layer.send(Message::Close(Some(frame))).await
    }
}

/// What the WebSocket layer takes for its connection.
struct Line(Arc<Outbox>);

fn stream(outbox: &Outbox) -> io::Result<&TcpStream> {
    outbox.line().map(Raw::stream).ok_or_else(|| io::ErrorKind::NotConnected.into())
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = stream(&self.0)?;
        loop {
            ready!(stream.poll_read_ready(context))?;
            match stream.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                Err(why) => return Poll::Ready(Err(why)),
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        while !self.0.push_protocol(bytes) {
            ready!(self.poll_out(context))?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_out(context)
    }

    /// Who drops the last of it closes it.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_out(context)
    }
}

impl Line {
    /// Until all that waits is out.
    fn poll_out(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = stream(&self.0)?;
        while !self.0.write_out()? {
            ready!(stream.poll_write_ready(context))?;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{close::Close, form::Frame, outbox::write_soon};
    use events::RoomId;
    use std::time::Duration;
    use tokio::{net::TcpListener, task, time::timeout};
    use uuid::Uuid;

    /// More than a connection takes at once, with half of the outbox.
    const LONG: usize = 400 << 10;
    /// On a machine that is busy with other tests.
    const WOKEN_WITHIN: Duration = Duration::from_secs(20);

    type Client = WebSocketStream<TcpStream>;

    async fn pair() -> (Socket, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
        let client = WebSocketStream::from_raw_socket(theirs.expect("a connection"), Role::Client, None).await;
        let line = Raw::from(ours.expect("a connection").0);
        (Socket::new(line, Bytes::new(), Encoding::Json).await, client)
    }

    fn long(n: usize) -> Frame {
        Frame::new(format!("{n}{}", " ".repeat(LONG)), None)
    }

    /// Tells it frames until the connection takes no more, and one more: how many.
    fn filled(socket: &Socket) -> usize {
        let mut count = 0;
        loop {
            socket.outbox.push(long(count), None);
            count += 1;
            if !socket.outbox.write_out().expect("a connection") {
                socket.outbox.push(long(count), None);
                return count + 1;
            }
        }
    }

    /// Writes all that waits.
    fn written(socket: Socket) -> task::JoinHandle<Socket> {
        task::spawn(async move {
            while !socket.outbox.write_out().expect("a connection") {
                socket.writable().await.expect("a connection");
            }
            socket
        })
    }

    async fn heard(client: &mut Client) -> Message {
        client.next().await.expect("it is not cut").expect("a WebSocket frame")
    }

    async fn numbers(client: &mut Client, count: usize) -> Vec<String> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(heard(client).await.into_text().expect("a frame").trim().to_owned());
        }
        numbers
    }

    fn up_to(count: usize) -> Vec<String> {
        (0..count).map(|n| n.to_string()).collect()
    }

    // Red with `truncate(0)` in `drop_what_waits` (live/outbox/queue), and without `drop_what_waits` in `close`.
    #[tokio::test]
    async fn the_end_comes_behind_the_frame_that_was_begun_and_before_those_that_wait() {
        let (mut socket, mut client) = pair().await;
        let count = filled(&socket);
        let closing = task::spawn(async move {
            let frame = CloseFrame { code: Close::SlowConsumer.code().into(), reason: "slow".into() };
            socket.close(frame).await
        });
        assert_eq!(numbers(&mut client, count - 1).await, up_to(count - 1));
        let Message::Close(Some(why)) = heard(&mut client).await else { panic!("no end") };
        assert_eq!(u16::from(why.code), 4011);
        closing.await.expect("no panic").expect("it was said");
    }

    // Red with what the layer says put first (`push_protocol` in live/outbox/queue).
    #[tokio::test]
    async fn a_ping_is_answered_between_whole_frames() {
        let (mut socket, mut client) = pair().await;
        let count = filled(&socket);
        client.send(Message::Ping("are you there".into())).await.expect("it was said");
        assert!(matches!(socket.hear().await, Some(Ok(Message::Ping(_)))));
        let answering = task::spawn(async move { socket.hear().await.is_none() });
        assert_eq!(numbers(&mut client, count).await, up_to(count));
        assert_eq!(heard(&mut client).await, Message::Pong("are you there".into()));
        answering.abort();
    }

    // Red with frames of one piece pushed behind (`push_ahead` in live/outbox/queue).
    #[tokio::test]
    async fn what_goes_ahead_is_before_what_waits_and_behind_what_was_begun() {
        let (socket, mut client) = pair().await;
        let count = filled(&socket);
        socket.outbox.push_ahead(vec![Frame::new("ahead".into(), None), Frame::new("then".into(), None)]);
        let writing = written(socket);
        let mut expected = up_to(count);
        expected.splice(count - 1..count - 1, ["ahead".into(), "then".into()]);
        assert_eq!(numbers(&mut client, count + 2).await, expected);
        writing.await.expect("no panic");
    }

    // Red without the waking in `write_soon` (live/outbox).
    #[tokio::test]
    async fn what_a_connection_does_not_take_is_left_to_its_own_task() {
        let (socket, mut client) = pair().await;
        let outbox = Arc::clone(socket.outbox());
        let own = task::spawn(async move {
            socket.outbox.ready(false).await;
            socket
        });
        // It waits before there is anything, as it does between two writes.
        task::yield_now().await;
        let telling = async {
            let mut count = 0;
            while !own.is_finished() {
                if outbox.is_empty() {
                    assert!(outbox.push_quietly([(long(count), (RoomId(Uuid::nil()), count as u64))]));
                    write_soon(vec![Arc::clone(&outbox)]);
                    count += 1;
                }
                task::yield_now().await;
            }
            count
        };
        let count = timeout(WOKEN_WITHIN, telling).await.expect("it is woken");
        let socket = own.await.expect("no panic");
        let writing = written(socket);
        assert_eq!(numbers(&mut client, count).await, up_to(count));
        writing.await.expect("no panic");
    }

    // Red without the waking in `queued` (live/outbox).
    #[tokio::test]
    async fn who_is_told_more_than_waits_is_let_go_whoever_was_to_write() {
        let (socket, _client) = pair().await;
        let outbox = Arc::clone(socket.outbox());
        let own = task::spawn(async move { socket.outbox.ready(false).await });
        task::yield_now().await;
        // All of it before anything is written.
        let of = (RoomId(Uuid::nil()), 1);
        assert!(outbox.push_quietly([(long(0), of)]));
        assert!(!outbox.push_quietly([(long(1), of), (long(2), of)]));
        write_soon(vec![Arc::clone(&outbox)]);
        timeout(WOKEN_WITHIN, own).await.expect("it is woken").expect("no panic");
        assert_eq!(outbox.ends(), Some(Close::SlowConsumer));
    }
}
