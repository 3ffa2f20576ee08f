//! Is a replay what the log says: the same bytes each time, whole after a cut, numbered alike however it is asked for?

mod stage;

use serde_json::{Value, json};
use stage::{ADA, BOB, EARLY, Stage, files, lounge, room};
use std::{path::Path, time::Duration};
use tokio::io::{AsyncBufReadExt, BufReader};

const FORMATS: [&str; 3] = ["ndjson", "csv", "parquet"];
const WITHIN: Duration = Duration::from_secs(30);

fn text(path: &Path) -> &str {
    path.to_str().expect("a printable path")
}

fn manifest(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("manifest.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

// Red with `Utc::now()` in a file; with `measure` that gives the manifest's own hash; without the manifest's seal.
#[tokio::test(flavor = "multi_thread")]
async fn twice_is_the_same_bytes_and_a_flipped_bit_is_noticed() {
    let mut stage = Stage::start().await;
    stage.says(200).await;
    for format in FORMATS {
        let folders = [stage.dir(&format!("{format}-1")), stage.dir(&format!("{format}-2"))];
        for folder in &folders {
            let done = stage.replays(&["-o", format, "--out", text(folder), "--part-events", "70"]).await;
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        assert_eq!(files(&folders[0]), files(&folders[1]), "{format}");
        let counts = manifest(&folders[0])["counts"].clone();
        assert_eq!(counts, json!({ "epoch.started": 1, "member.joined": 6, "message.posted": 200, "room.created": 3 }));

        let said = folders[0].join("manifest.json");
        assert_eq!(stage.replays(&["--verify", text(&said)]).await.status.code(), Some(0));
        let is_data = |(name, _): &(String, Vec<u8>)| name != "manifest.json";
        let (name, mut bytes) = files(&folders[0]).into_iter().find(is_data).expect("a file of events");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(folders[0].join(name), bytes).expect("writable");
        assert_eq!(stage.replays(&["--verify", text(&said)]).await.status.code(), Some(65), "{format}");
        assert_eq!(stage.replays(&["--out", text(&folders[0])]).await.status.code(), Some(73), "it is not empty");
    }
    // Nor may what names the hashes be another: whichever byte it is.
    let said = stage.dir("csv-1").join("manifest.json");
    let written = std::fs::read(&said).expect("a manifest");
    std::fs::remove_dir_all(stage.dir("csv-1")).expect("ours");
    let folder = stage.dir("csv-2");
    for place in (0..written.len()).step_by(written.len() / 12) {
        let mut bytes = written.clone();
        bytes[place] ^= 1;
        std::fs::write(folder.join("manifest.json"), bytes).expect("writable");
        let code = stage.replays(&["--verify", text(&folder.join("manifest.json"))]).await.status.code();
        assert_eq!(code, Some(65), "byte {place}");
    }
    std::fs::write(folder.join("manifest.json"), written).expect("writable");
    assert_eq!(stage.replays(&["--verify", text(&folder.join("manifest.json"))]).await.status.code(), Some(0));
    // One file too many is as wrong: whoever reads the folder would count it.
    std::fs::write(stage.dir("csv-2").join("more.csv"), "").expect("writable");
    assert_eq!(
        stage.replays(&["--verify", text(&stage.dir("csv-2").join("manifest.json"))]).await.status.code(),
        Some(65)
    );
}

// Red with `next: plan.from` in what is resumed (the first part comes twice), and with `from <= 1` left out of
// `Rooms::new` (numbers begin anew).
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_and_resumed_is_as_if_it_had_not_been() {
    let mut stage = Stage::start().await;
    stage.says(EARLY + 100).await;
    for format in FORMATS {
        let (whole, cut) = (stage.dir(&format!("{format}-whole")), stage.dir(&format!("{format}-cut")));
        let options = ["-o", format, "--part-events", "50", "--out"];
        let done = stage.replays(&[options.as_slice(), &[text(&whole)]].concat()).await;
        assert!(done.status.success());
        // At the pace at which it happened it stands still for an hour, in the midst of the third part.
        let mut process = stage.begins(&[options.as_slice(), &[text(&cut), "--pace", "1x"]].concat());
        comes_to(&cut, 100).await;
        process.kill().await.expect("it runs");
        let said = cut.join("manifest.json");
        assert_eq!(stage.replays(&["--verify", text(&said)]).await.status.code(), Some(65), "it is not whole");
        assert!(stage.replays(&["--resume", text(&said)]).await.status.success());
        assert_eq!(files(&whole), files(&cut), "{format}");
        assert!(stage.replays(&["--verify", text(&said)]).await.status.success());
    }
    let (whole, stopped) = (stage.dir("ndjson-whole"), stage.dir("stopped"));
    let mut process = stage.begins(&["--out", text(&stopped), "--pace", "1x", "--part-events", "50"]);
    comes_to(&stopped, 100).await;
    interrupt(&process);
    assert_eq!(process.wait().await.expect("it ends").code(), Some(75));
    assert!(stage.replays(&["--resume", text(&stopped.join("manifest.json"))]).await.status.success());
    assert_eq!(files(&whole), files(&stopped));
}

// Red with a `finish` that takes the end with which the following began for the end of the files.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_followed_and_killed_is_whole_when_it_is_gone_on_with_as_a_slice() {
    let mut stage = Stage::start().await;
    stage.says(3).await;
    let (followed, whole) = (stage.dir("followed"), stage.dir("whole"));
    let mut process = stage.begins(&["--follow", "--out", text(&followed), "--part-events", "5"]);
    comes_to(&followed, 10).await;
    for n in 3..10 {
        stage.says_one(n).await;
    }
    comes_to(&followed, 20).await;
    process.kill().await.expect("it runs");
    let said = followed.join("manifest.json");
    assert!(stage.replays(&["--resume", text(&said)]).await.status.success());
    assert!(stage.replays(&["--verify", text(&said)]).await.status.success());
    assert!(stage.replays(&["--out", text(&whole), "--part-events", "5"]).await.status.success());
    assert_eq!(files(&followed), files(&whole));
}

/// Waits until so many events are in whole files.
async fn comes_to(folder: &Path, events: u64) {
    tokio::time::timeout(WITHIN, async {
        while manifest(folder)["events"] != json!(events) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("its parts become whole");
}

// Red with `Rooms::Inline` always, and with a `takes` that lets everything through.
#[tokio::test(flavor = "multi_thread")]
async fn a_slice_is_what_the_whole_has_there_with_the_same_numbers() {
    let mut stage = Stage::start().await;
    stage.says(60).await;
    let whole = stage.events(&[]).await;
    let seqs: Vec<u64> = whole.iter().map(|event| event["seq"].as_u64().expect("a number")).collect();
    assert_eq!(seqs, (1..=70).collect::<Vec<u64>>());
    let of_room = |event: &Value, n| event["subject"].as_str().is_some_and(|it| it.contains(&room(n).to_string()));
    let numbers = whole.iter().filter(|event| of_room(event, 1)).map(|event| event["roomseq"].as_u64());
    assert!(numbers.eq((1..=23).map(Some)), "each of a room has a number, without holes");

    let (first, user, place) = (room(1).to_string(), BOB.to_string(), lounge(0).to_string());
    type Asked<'a> = (&'a [&'a str], &'a dyn Fn(&Value) -> bool);
    let asked: [Asked; 6] = [
        (&["--from", "31"], &|event| event["seq"].as_u64() >= Some(31)),
        (&["--to", "31", "--type", "message.posted,member.joined"], &|event| {
            let named = event["type"] == "chatroom.message.posted.v1" || event["type"] == "chatroom.member.joined.v1";
            named && event["seq"].as_u64() <= Some(31)
        }),
        (&["--room", &first], &|event| of_room(event, 1)),
        (&["--room", &first, "--type", "message.posted", "--from", "20"], &|event| {
            of_room(event, 1) && event["type"] == "chatroom.message.posted.v1" && event["seq"].as_u64() >= Some(20)
        }),
        (&["--user", &user], &|event| {
            event["actorid"] == json!(BOB) || event["subject"].as_str().is_some_and(|it| it.ends_with(&user))
        }),
        (&["--lounge", &place], &|event| of_room(event, 0) || of_room(event, 1)),
    ];
    for (args, is_meant) in asked {
        let expected: Vec<&Value> = whole.iter().filter(|event| is_meant(event)).collect();
        let found = stage.events(args).await;
        assert!(!expected.is_empty() && expected.len() < whole.len(), "{args:?} chooses");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{args:?}");
    }
    assert!(stage.events(&["--until", "2001-01-01T00:00:00Z"]).await.is_empty());
    assert_eq!(stage.events(&["--since", "2001-01-01T00:00:00Z"]).await, whole);
    assert_eq!(stage.events(&["--until", "2101-01-01T00:00:00Z"]).await, whole);
    assert!(stage.events(&["--since", "2101-01-01T00:00:00Z"]).await.is_empty());
    assert_eq!(stage.replays(&["--type", "message.sung"]).await.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_a_cloud_event_and_leaves_out_what_was_not_asked_for() {
    let mut stage = Stage::start().await;
    stage.says(4).await;
    let event = stage.events(&["--from", "11", "--to", "11"]).await.remove(0);
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "chatroom.message.posted.v1");
    assert_eq!(event["dataschema"], "urn:chatroom:schema:message.posted:1");
    assert_eq!(event["actorid"], json!(ADA));
    assert_eq!((&event["seq"], &event["roomseq"]), (&json!(11), &json!(4)));
    assert_eq!(event["data"]["text"], "Nachricht 0, \"gesagt\"\nin zwei Zeilen 你好");
    let headers = stage.events(&["--from", "11", "--to", "11", "--headers-only", "--no-derived"]).await.remove(0);
    let mut expected = event.clone();
    expected.as_object_mut().expect("an object").retain(|name, _| name != "data" && name != "roomseq");
    assert_eq!(headers, expected);
    assert_eq!(stage.events(&["--from", "11", "--to", "11", "--raw"]).await, [event]);
}

// Red with a `_ =>` that passes over what cannot be decoded.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_never_left_out_in_silence() {
    let mut stage = Stage::start().await;
    stage.says(1).await;
    stage.publishes("chatroom.message.posted.v1", "{\"text\":\n7}").await;
    let events = stage.events(&[]).await;
    let broken = events.last().expect("the last one");
    assert_eq!((&broken["data"], &broken["roomseq"]), (&json!({ "text": 7 }), &json!(5)));
    let lines = stage.replays(&["--from", "12"]).await.stdout;
    let line = String::from_utf8_lossy(&lines);
    for name in ["seq", "roomseq", "data", "id", "mood"] {
        assert_eq!(line.matches(&format!(",\"{name}\":")).count(), 1, "{name} of {line}");
    }
    let done = stage.replays(&["--out", text(&stage.dir("out"))]).await;
    assert!(String::from_utf8_lossy(&done.stderr).contains("1 of them cannot be understood"));
    stage.publishes("chatroom.message.posted.v9", "no JSON").await;
    let refused = stage.replays(&[]).await;
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("event at 13"));
    let raw = stage.events(&["--raw"]).await;
    assert_eq!(raw.last().expect("the last one")["data_base64"], "bm8gSlNPTg==");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_hears_what_comes_and_ends_well_when_interrupted() {
    let mut stage = Stage::start().await;
    stage.says(3).await;
    let mut process = stage.begins(&["--follow", "--from", "14", "--type", "message.posted"]);
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    for n in 3..6 {
        // The first of them is written before or after the follower has begun.
        stage.says_one(n).await;
        let line =
            tokio::time::timeout(WITHIN, lines.next_line()).await.expect("in time").expect("read").expect("a line");
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&event["seq"], &event["roomseq"]), (&json!(14 + n - 3), &json!(5)));
    }
    interrupt(&process);
    assert!(process.wait().await.expect("it ends").success());
}

// Red with `Content::Headers` for lounges that are followed: the room that is made meanwhile stays unknown.
#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_lounge_hears_of_its_new_rooms_also_without_bodies() {
    let mut stage = Stage::start().await;
    stage.says(0).await;
    let place = lounge(1).to_string();
    let mut process = stage.begins(&["--follow", "--from", "11", "--lounge", &place, "--headers-only"]);
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    stage.opens(7, lounge(0)).await;
    stage.opens(8, lounge(1)).await;
    let line = tokio::time::timeout(WITHIN, lines.next_line()).await.expect("in time").expect("read").expect("a line");
    let event: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&event["seq"], &event["roomseq"], &event["data"]), (&json!(12), &json!(1), &Value::Null));
    interrupt(&process);
    assert!(process.wait().await.expect("it ends").success());
}

fn interrupt(process: &tokio::process::Child) {
    let pid = process.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("it runs"), rustix::process::Signal::INT).expect("it is ours");
}
