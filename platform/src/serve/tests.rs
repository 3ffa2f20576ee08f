//! Does the accept loop hold clients to its limits? Played out on real sockets.

use super::*;
use axum::extract::ConnectInfo;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::routing::get;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    running: JoinHandle<io::Result<()>>,
}

/// What no test waits for, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);
/// What a test does wait for. Everything else of it has to fit in, so it is not too short.
const SHORT: Duration = Duration::from_millis(250);
/// By when something that takes `SHORT` is over, and `LONG` is not.
const SOON: Duration = Duration::from_secs(20);

fn limits() -> ServeLimits {
    ServeLimits {
        connections_max: 8,
        connections_max_address: 8,
        trusted: Vec::new(),
        header_read: LONG,
        keep_alive: LONG,
        drain: Duration::from_secs(5),
    }
}

async fn server(router: Router, limits: ServeLimits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
    Server { address, shutdown, running }
}

fn hello() -> Router {
    Router::new().route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it is open");
    let mut buffer = vec![0; 1_024];
    let read = stream.read(&mut buffer).await.expect("it answers");
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

async fn all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well: what was not read by the server makes one.
    let _end = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn headers_have_to_arrive_in_time() {
    let server = server(hello(), ServeLimits { header_read: SHORT, ..limits() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTT").await.expect("it is open");
    let closed = tokio::time::timeout(SOON, all(&mut slow)).await;
    assert_eq!(closed.expect("closed in time"), "");
}

#[tokio::test]
async fn dripping_headers_gain_no_time() {
    let server = server(hello(), ServeLimits { header_read: SHORT, ..limits() }).await;
    let (mut reads, mut writes) = server.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        let mut drop_by_drop = tokio::time::interval(SHORT / 8);
        while writes.write_all(b"G").await.is_ok() {
            drop_by_drop.tick().await;
        }
    });
    let mut bytes = Vec::new();
    let closed = tokio::time::timeout(SHORT * 6, reads.read_to_end(&mut bytes)).await;
    assert!(closed.is_ok(), "still open");
    dripping.abort();
}

#[tokio::test]
async fn between_requests_a_connection_has_longer_than_for_headers() {
    let limits = ServeLimits { header_read: SHORT, keep_alive: SHORT * 4, ..limits() };
    let server = server(hello(), limits).await;
    let mut kept = server.connect().await;
    assert!(ask(&mut kept).await.contains("127.0.0.1"));
    let began = tokio::time::Instant::now();
    assert_eq!(tokio::time::timeout(SOON, all(&mut kept)).await.expect("closed in time"), "");
    assert!(began.elapsed() >= SHORT * 3, "kept alive only {:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_may_take_longer_than_headers_while_its_body_comes() {
    let echo = axum::routing::post(|body: String| async move { body });
    let server = server(Router::new().route("/", echo), ServeLimits { header_read: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    let head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nt";
    stream.write_all(head).await.expect("it is open");
    let silence = tokio::time::timeout(SHORT * 3, stream.read_u8()).await;
    assert!(silence.is_err(), "cut while its body was on the way: {silence:?}");
    stream.write_all(b"ea").await.expect("it is open");
    let answer = all(&mut stream).await;
    assert!(answer.ends_with("tea"), "{answer}");
}

#[tokio::test]
async fn who_comes_over_the_cap_is_told_so() {
    let server = server(hello(), ServeLimits { connections_max_address: 1, ..limits() }).await;
    let mut first = server.connect().await;
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
    let refused = all(&mut server.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    let (head, body) = refused.split_once("\r\n\r\n").expect("head and body");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{} in {head}", body.len());
    let problem: serde_json::Value = serde_json::from_str(body).expect("a problem");
    assert_eq!(problem["code"], "overloaded");
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_shutdown_lets_the_request_in_flight_end() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (says, waits) = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = get(move || {
        let (says, waits) = (Arc::clone(&says), Arc::clone(&waits));
        async move {
            says.notify_one();
            waits.notified().await;
            "done"
        }
    });
    let server = server(Router::new().route("/", slow), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it is open");
    entered.notified().await;
    let mut idle = server.connect().await;
    server.shutdown.cancel();
    // The idle connection's end shows that the shutdown has reached the connections.
    assert_eq!(all(&mut idle).await, "");
    leave.notify_one();
    let answer = all(&mut stream).await;
    assert!(answer.ends_with("done"), "{answer}");
    server.running.await.expect("no panic").expect("no error");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let hang = get(std::future::pending::<()>);
    let server =
        server(Router::new().route("/", hang), ServeLimits { drain: Duration::from_millis(50), ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it is open");
    server.shutdown.cancel();
    server.running.await.expect("no panic").expect("no error");
    assert_eq!(all(&mut stream).await, "");
}

#[tokio::test]
async fn an_upgraded_socket_outlives_keep_alive_and_keeps_its_seat() {
    let (hang_up, waits) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let hears = Arc::clone(&hang_up);
    let (gone, says_gone) = (Arc::clone(&waits), waits);
    let chat = get(move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |socket: WebSocket| async move {
            hears.notified().await;
            drop(socket);
            says_gone.notify_one();
        })
    });
    let router =
        crate::shell::shell(Router::new().route("/ws", chat).merge(hello()), &crate::shell::ShellArgs::default());
    let limits = ServeLimits { connections_max_address: 1, header_read: SHORT, keep_alive: SHORT, ..limits() };
    let server = server(router, limits).await;
    let mut socket = server.connect().await;
    let handshake = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(handshake.as_bytes()).await.expect("it is open");
    let mut buffer = [0; 1_024];
    let read = socket.read(&mut buffer).await.expect("it answers");
    let head = String::from_utf8_lossy(&buffer[..read]);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let silence = tokio::time::timeout(SHORT * 3, socket.read(&mut buffer)).await;
    assert!(silence.is_err(), "the socket was cut or spoke: {silence:?}");

    let refused = all(&mut server.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    hang_up.notify_one();
    gone.notified().await;
    // The seat is free once the last of the socket is dropped, which the client sees as its end.
    let _closing = all(&mut socket).await;
    assert!(ask(&mut server.connect().await).await.starts_with("HTTP/1.1 200"));
}
