//! A line to Postgres that is cut before a statement, or after it with the answer withheld, wherever a test says.

use bytes::{Buf, BytesMut};
use platform::config::Secret;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A place at which the line can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    /// The schema that the connection is in; empty: none of its own.
    pub(crate) schema: String,
    /// What is sent, in lower case, with one blank between words.
    pub(crate) statement: String,
    pub(crate) side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The server never hears of it.
    Before,
    /// The server has done it, and nobody is told.
    Withheld,
}

/// Asked at each point, in the order in which connections come to theirs: whether to cut there.
pub(crate) type Plan = Box<dyn FnMut(&Point) -> bool + Send>;

pub(crate) struct Line {
    url: String,
    plan: Arc<Mutex<Plan>>,
    /// Each connection holds a receiver.
    open: watch::Sender<()>,
    listening: JoinHandle<()>,
}

impl Line {
    /// A line to the server of this URL, which is never cut yet.
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (before, after) = url.rsplit_once('/').expect("a database");
        let (login, server) = before.rsplit_once('@').expect("a login");
        let (ours, server) = (format!("{login}@127.0.0.1:{port}/{after}"), server.to_owned());
        let plan: Arc<Mutex<Plan>> = Arc::new(Mutex::new(Box::new(|_| false)));
        let open = watch::Sender::new(());
        let (asked, opened) = (Arc::clone(&plan), open.clone());
        let listening = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("it listens");
                let (server, asked, open) = (server.clone(), Arc::clone(&asked), opened.subscribe());
                tokio::spawn(async move {
                    carry(client, server, asked).await;
                    drop(open);
                });
            }
        });
        Self { url: ours, plan, open, listening }
    }

    pub(crate) fn url(&self) -> Secret {
        Secret::from(self.url.as_str())
    }

    /// The same line, with another's login.
    pub(crate) fn url_of(&self, login: &Secret) -> Secret {
        let login = login.expose().rsplit_once('@').expect("a login").0;
        let line = self.url.rsplit_once('@').expect("a login").1;
        Secret::from(format!("{login}@{line}").as_str())
    }

    /// From here on it is cut where this says.
    pub(crate) fn cuts(&self, plan: impl FnMut(&Point) -> bool + Send + 'static) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(plan);
    }

    /// Waits until it carries nothing: what somebody who has gone had still sent would be cut by the next plan.
    pub(crate) async fn is_quiet(&self) {
        self.open.closed().await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Carries one connection to its end. Dropping both sockets is the cut.
async fn carry(mut client: TcpStream, server: String, plan: Arc<Mutex<Plan>>) {
    // A server that is away refuses, and so does the line.
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // A message waits for no other.
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    let Some(mut talk) = begin(&mut client, &mut server, &mut up).await else { return };
    loop {
        // Once an answer is withheld, nothing more is carried either.
        while let Some(frame) = frame(&mut up).filter(|_| !talk.withheld) {
            if talk.hears(&frame) && asked(&plan, &talk.point(Side::Before)) {
                return;
            }
            talk.withheld = talk.ends(&frame) && asked(&plan, &talk.point(Side::Withheld));
            if server.write_all(&frame).await.is_err() || (talk.withheld && talk.awaited == 0) {
                return;
            }
        }
        let gone = tokio::select! {
            read = client.read_buf(&mut up) => !matches!(read, Ok(1..)),
            read = server.read_buf(&mut down) => {
                !matches!(read, Ok(1..)) || answer(&mut talk, &mut down, &mut client).await.is_none()
            }
        };
        if gone {
            return;
        }
    }
}

fn asked(plan: &Mutex<Plan>, point: &Point) -> bool {
    plan.lock().unwrap_or_else(PoisonError::into_inner)(point)
}

/// Hands answers on, or lets them vanish; `None` at the end.
async fn answer(talk: &mut Talk, down: &mut BytesMut, client: &mut TcpStream) -> Option<()> {
    while let Some(frame) = frame(down) {
        // Ready for the next one; or ready for the rows of a COPY, which takes the place of that once.
        if matches!(frame[0], b'Z' | b'G') {
            talk.awaited = talk.awaited.saturating_sub(1);
        }
        if !talk.withheld {
            client.write_all(&frame).await.ok()?;
        } else if talk.awaited == 0 {
            return None;
        }
    }
    Some(())
}

/// What is known of a connection.
struct Talk {
    schema: String,
    prepared: BTreeMap<String, String>,
    statement: String,
    /// Whether the next frame begins a statement.
    at_rest: bool,
    /// Statements that the server has not answered yet.
    awaited: usize,
    withheld: bool,
}

/// The first message has no kind, and says the schema.
async fn begin(client: &mut TcpStream, server: &mut TcpStream, up: &mut BytesMut) -> Option<Talk> {
    let length = loop {
        if let Some(length) = up.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize)
            && up.len() >= length
        {
            break length;
        }
        client.read_buf(up).await.ok().filter(|read| *read > 0)?;
    };
    let hello = up.split_to(length);
    server.write_all(&hello).await.ok()?;
    let text = String::from_utf8_lossy(&hello).into_owned();
    let schema = text.split_once("search_path=").map_or("", |(_, rest)| rest);
    let schema = schema.split(['\0', ' ']).next().unwrap_or_default().to_owned();
    let prepared = BTreeMap::new();
    Some(Talk { schema, prepared, statement: String::new(), at_rest: true, awaited: 1, withheld: false })
}

impl Talk {
    fn point(&self, side: Side) -> Point {
        Point { schema: self.schema.clone(), statement: self.statement.clone(), side }
    }

    /// Takes up what a frame says; whether it begins a statement.
    fn hears(&mut self, frame: &[u8]) -> bool {
        let mut texts = frame[5..].split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let mut text = || texts.next().unwrap_or_default().into_owned();
        match frame[0] {
            b'Q' => self.statement = words(&text()),
            b'P' => {
                let name = text();
                let sql = words(&text());
                self.statement = format!("prepare {sql}");
                self.prepared.insert(name, sql);
            }
            b'B' => {
                text();
                self.statement = self.prepared.get(&text()).cloned().unwrap_or_default();
            }
            b'd' => self.statement = "rows of a copy".to_owned(),
            b'c' => self.statement = "end of a copy".to_owned(),
            // Passwords and goodbyes are no statements.
            b'p' | b'X' => return false,
            _ => {}
        }
        std::mem::take(&mut self.at_rest)
    }

    /// Whether a frame ends a statement.
    fn ends(&mut self, frame: &[u8]) -> bool {
        let awaits = matches!(frame[0], b'Q' | b'S');
        self.awaited += usize::from(awaits);
        self.at_rest |= awaits || frame[0] == b'd';
        self.at_rest && !matches!(frame[0], b'p' | b'X')
    }
}

fn words(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The next whole message: its kind, its length, and what it says.
fn frame(bytes: &mut BytesMut) -> Option<BytesMut> {
    let length = 1 + (&mut bytes.get(1..5)?).get_u32() as usize;
    (bytes.len() >= length).then(|| bytes.split_to(length))
}
