//! Does every form say the same? JSON and CBOR, deflated or not, over a WebSocket or as server-sent events.

use crate::{
    house::House,
    socket::{Frame, Socket, numbers},
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

const HEARS_WITHIN: Duration = Duration::from_secs(20);

// Red with the subprotocol's choice ignored, and with `deflate` left out of `identify`.
#[tokio::test]
async fn every_encoding_tells_the_same_and_long_frames_come_deflated_where_wanted() -> Result<()> {
    let house = House::start(&[]).await?;
    let ada = house.welcomes("Ada").await?;
    let room = house.opens_room(&[ada]).await?;
    house.posts(ada, room, "short").await?;
    let last = house.posts(ada, room, &"long ".repeat(1_000)).await?;
    let mut told = Vec::new();
    for protocol in ["chatroom.v1", "chatroom.v1.cbor"] {
        for compress in [false, true] {
            let mut socket = Socket::open(house.roof.address, Some(protocol)).await?;
            assert_eq!(socket.hears().await?.t, "hello");
            let rooms = json!([{ "room": room, "seq": 2 }]);
            let identify = json!({
                "token": house.token(ada)?, "rooms": rooms, "resume": house.position(last), "compress": compress,
            });
            socket.says("identify", identify).await?;
            let (heard, _) = socket.hears_until("caught_up").await?;
            assert_eq!((numbers(&heard, room), socket.deflated), (vec![3, 4], usize::from(compress)), "{protocol}");
            told.push(heard.into_iter().filter(|frame| frame.room.is_some()).map(|frame| frame.d).collect::<Vec<_>>());
        }
    }
    assert!(told.iter().all(|other| *other == told[0]));
    // What is none of the subprotocol ends the socket.
    let mut socket = Socket::open(house.roof.address, Some("chatroom.v1")).await?;
    socket.hears().await?;
    socket.says_binary(b"{}").await?;
    assert_eq!(socket.is_closed().await?.0, 4502);
    house.stop().await
}

/// A stream of events over a connection of its own.
struct Events(BufReader<TcpStream>);

impl Events {
    async fn open(house: &House, token: &str, query: &str, last: Option<&str>) -> Result<Self> {
        let mut stream = TcpStream::connect(house.roof.address).await?;
        let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
        let request = format!(
            "GET /v1/events{query} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n{last}\r\n",
            house.roof.address
        );
        stream.write_all(request.as_bytes()).await?;
        let mut events = Self(BufReader::new(stream));
        let status = events.line().await?;
        ensure!(status.contains(" 200 "), "{status}");
        while !events.line().await?.is_empty() {}
        Ok(events)
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        timeout(HEARS_WITHIN, self.0.read_line(&mut line)).await.context("nothing is heard")??;
        ensure!(!line.is_empty(), "it was cut");
        Ok(line.trim_end().to_owned())
    }

    /// The next event's id, and its frame.
    async fn hears(&mut self) -> Result<(Option<String>, Frame)> {
        let (mut id, mut data) = (None, None);
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value)?),
                Some(("event", value)) => bail!("{value}"),
                // An event ends with an empty line, a chunk of the answer with more of them; its length stands alone.
                _ if line.is_empty() && data.is_some() => return Ok((id, data.expect("it is some"))),
                _ => {}
            }
        }
    }

    async fn hears_until(&mut self, t: &str) -> Result<(Vec<Frame>, Option<String>)> {
        let mut heard = Vec::new();
        loop {
            let (id, frame) = self.hears().await?;
            if frame.t == t {
                return Ok((heard, id));
            }
            ensure!(id.is_none(), "while rooms are caught up nobody may resume: {frame:?}");
            heard.push(frame);
        }
    }
}

// Red with an `id` on every frame, and with `Last-Event-ID` not read.
#[tokio::test]
async fn server_sent_events_go_on_where_they_were_cut() -> Result<()> {
    let house = House::start(&[]).await?;
    let ada = house.welcomes("Ada").await?;
    let (room, other) = (house.opens_room(&[ada]).await?, house.opens_room(&[ada]).await?);
    let last = house.posts(ada, room, "before").await?;
    house.is_projected(ada, last).await?;
    let token = house.token(ada)?;
    // Without names: all of one's rooms.
    let mut events = Events::open(&house, &token, "", None).await?;
    let (heard, id) = events.hears_until("caught_up").await?;
    assert_eq!((heard[0].t.as_str(), heard[0].d["rooms"].as_array().map(Vec::len)), ("ready", Some(2)));
    ensure!(id.is_some(), "from here on somebody may resume");
    house.posts(ada, room, "heard").await?;
    let (id, frame) = events.hears().await?;
    assert_eq!((frame.room, frame.seq), (Some(room), Some(4)));
    let last = id.context("a live frame says where it is")?;
    drop(events);
    for n in 0..3 {
        house.posts(ada, other, &n.to_string()).await?;
        house.posts(ada, room, &n.to_string()).await?;
    }
    let query = format!("?rooms={other},{room}");
    let mut events = Events::open(&house, &token, &query, Some(&last)).await?;
    let (mut heard, _) = events.hears_until("caught_up").await?;
    while numbers(&heard, room).last() != Some(&7) || numbers(&heard, other).last() != Some(&5) {
        heard.push(events.hears().await?.1);
    }
    assert_eq!((numbers(&heard, room), numbers(&heard, other)), (vec![5, 6, 7], vec![3, 4, 5]));
    house.stop().await
}
