//! What may an analyst's login do? Read `CHAT` and the views, and nothing else, whichever way it is tried.

use chatroom::{dev::Access, migrate};
use futures::{StreamExt, future::join_all};
use servers::{Role, Servers};
use std::time::Duration;
use tokio_postgres::NoTls;

/// A request that is refused has no answer at all.
const SILENCE: Duration = Duration::from_millis(700);
/// What may not be read, with a subject of each.
const PRIVATE: [(&str, &str); 5] = [
    ("IDENTITY", "idn.v1.sys.epoch"),
    ("PRESENCE", "prs.v1.sys.epoch"),
    ("MARKERS", "mrk.v1.sys.epoch"),
    ("CANARY", "canary.append"),
    ("KV_PRESENCE_LEASES", "$KV.PRESENCE_LEASES.u.q.1"),
];

async fn start() -> Servers {
    let servers = Servers::temporary().await.expect("real servers");
    let access = Access::to(Some(&servers.nats), Some(&servers.postgres));
    migrate::run(&access.of(Role::Operator).parse().expect("settings")).await.expect("streams and tables");
    servers
}

/// Every request of JetStream's by which somebody could read a private stream, or change any.
fn requests() -> Vec<(String, String)> {
    let mut asked = Vec::new();
    for (stream, subject) in PRIVATE {
        let consumer = format!(
            r#"{{"stream_name":"{stream}","config":{{"name":"c","deliver_subject":"_INBOX_analyst.c","ack_policy":"none"}}}}"#
        );
        let read = r#"{"seq":1}"#.to_owned();
        asked.extend([
            (format!("$JS.API.STREAM.INFO.{stream}"), String::new()),
            (format!("$JS.API.STREAM.MSG.GET.{stream}"), read.clone()),
            (format!("$JS.API.STREAM.MSG.GET.{stream}"), format!(r#"{{"last_by_subj":"{subject}"}}"#)),
            (format!("$JS.API.DIRECT.GET.{stream}"), read),
            (format!("$JS.API.DIRECT.GET.{stream}"), format!(r#"{{"multi_last":["{subject}"]}}"#)),
            (format!("$JS.API.DIRECT.GET.{stream}.{subject}"), String::new()),
            (format!("$JS.API.CONSUMER.CREATE.{stream}"), consumer.clone()),
            (format!("$JS.API.CONSUMER.CREATE.{stream}.c"), consumer.clone()),
            (format!("$JS.API.CONSUMER.CREATE.{stream}.c.{subject}"), consumer.clone()),
            (format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.c"), consumer),
            (format!("$JS.API.CONSUMER.LIST.{stream}"), String::new()),
            (format!("$JS.API.CONSUMER.NAMES.{stream}"), String::new()),
            (format!("$JS.API.CONSUMER.INFO.{stream}.c"), String::new()),
            (format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.c"), "1".to_owned()),
            (format!("$JS.API.STREAM.SNAPSHOT.{stream}"), r#"{"deliver_subject":"_INBOX_analyst.s"}"#.to_owned()),
        ]);
        let (mirror, source) =
            (format!(r#""mirror":{{"name":"{stream}"}}"#), format!(r#""sources":[{{"name":"{stream}"}}]"#));
        for copy in [mirror, source] {
            asked.push(("$JS.API.STREAM.CREATE.COPY".to_owned(), format!(r#"{{"name":"COPY",{copy}}}"#)));
        }
    }
    for (stream, _) in PRIVATE.into_iter().chain([("CHAT", "")]) {
        for request in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE", "RESTORE", "PEER.REMOVE", "LEADER.STEPDOWN"] {
            asked.push((format!("$JS.API.STREAM.{request}.{stream}"), r#"{"seq":1}"#.to_owned()));
        }
    }
    let widened = r#"{"name":"CHAT","subjects":["chat.v1.>","idn.v1.>"]}"#;
    asked.extend([
        ("$JS.API.STREAM.CREATE.CHAT".to_owned(), widened.to_owned()),
        ("$JS.API.STREAM.UPDATE.CHAT".to_owned(), widened.to_owned()),
        ("$JS.API.STREAM.CREATE.EVIL".to_owned(), r#"{"name":"EVIL","subjects":["evil.>"]}"#.to_owned()),
        (
            "$JS.API.CONSUMER.DURABLE.CREATE.CHAT.d".to_owned(),
            r#"{"stream_name":"CHAT","config":{"durable_name":"d"}}"#.to_owned(),
        ),
        ("$JS.API.ACCOUNT.PURGE.$G".to_owned(), String::new()),
        ("$SYS.REQ.SERVER.PING".to_owned(), String::new()),
    ]);
    asked
}

// Red when `Rights::of` lets the analyst read IDENTITY as well, or publish `idn.v1.>`.
#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_reads_chat_on_nats_and_whatever_else_is_tried_is_refused() {
    let servers = start().await;
    let operator = servers.nats.connect(Role::Operator).await.expect("the operator");
    let analyst = servers.nats.connect(Role::Analyst).await.expect("the analyst");
    let before = ends(&operator).await;

    let allowed = analyst.request("$JS.API.STREAM.MSG.GET.CHAT", r#"{"seq":1}"#.into()).await.expect("it is answered");
    assert!(String::from_utf8_lossy(&allowed.payload).contains("chat.v1.sys.epoch"));

    // What is refused has no answer, so all is asked at once.
    let mut heard = Vec::new();
    for subject in [
        ">",
        "idn.v1.>",
        "chat.v1.>",
        "prs.v1.>",
        "mrk.v1.>",
        "live.>",
        "$JS.>",
        "$SYS.>",
        "_INBOX.>",
        "_INBOX_command.>",
        "_INBOX_operator.>",
    ] {
        heard.push((subject, analyst.subscribe(subject).await.expect("the client asks")));
    }
    let tried = join_all(requests().into_iter().map(|(subject, body)| {
        let analyst = analyst.clone();
        async move {
            let answer = tokio::time::timeout(SILENCE, analyst.request(subject.clone(), body.clone().into())).await;
            (matches!(answer, Ok(Ok(_))), subject, body)
        }
    }));
    let answered: Vec<_> = tried.await.into_iter().filter(|(was_answered, ..)| *was_answered).collect();
    assert!(answered.is_empty(), "{answered:?}");

    // A subject of CHAT's that names another stream in its body, or asks for a subject that CHAT does not hold.
    let disguised = [
        r#"{"stream_name":"IDENTITY","config":{"name":"c","deliver_subject":"_INBOX_analyst.c"}}"#,
        r#"{"stream_name":"CHAT","config":{"name":"c","filter_subject":"idn.v1.>","deliver_subject":"_INBOX_analyst.c"}}"#,
    ];
    let mut delivered = analyst.subscribe("_INBOX_analyst.c").await.expect("its own inbox");
    for body in disguised {
        let answer = analyst.request("$JS.API.CONSUMER.CREATE.CHAT.c", body.into()).await;
        assert!(
            answer.is_err()
                || String::from_utf8_lossy(&answer.expect("checked").payload).contains("\"error\"")
                || tokio::time::timeout(SILENCE, delivered.next()).await.is_err(),
            "{body}"
        );
    }
    for (stream, subject) in PRIVATE.into_iter().chain([("CHAT", "chat.v1.sys.drop")]) {
        let published = tokio::time::timeout(SILENCE, analyst.request(subject, "{}".into())).await;
        assert!(!matches!(published, Ok(Ok(_))), "{stream} took {subject}");
    }
    operator.publish("idn.v1.user.secret", "secret".into()).await.expect("sent");
    operator.flush().await.expect("sent");
    for (subject, mut subscription) in heard {
        let nothing = tokio::time::timeout(SILENCE / 10, subscription.next()).await;
        assert!(!matches!(nothing, Ok(Some(_))), "the analyst hears {subject}");
    }
    let mut after = ends(&operator).await;
    // The operator's own.
    after[1] -= 1;
    assert_eq!(before, after, "nothing was written");
}

/// The last sequences of CHAT and of what is private.
async fn ends(operator: &async_nats::Client) -> Vec<u64> {
    let mut ends = Vec::new();
    for stream in ["CHAT", "IDENTITY", "PRESENCE", "MARKERS", "CANARY", "KV_PRESENCE_LEASES"] {
        let answer = operator.request(format!("$JS.API.STREAM.INFO.{stream}"), "".into()).await.expect("answered");
        let info: serde_json::Value = serde_json::from_slice(&answer.payload).expect("JSON");
        ends.push(info["state"]["last_seq"].as_u64().expect("a number"));
    }
    ends
}

// Red with a grant on any table, or `grant insert` on a view, in migrations/0008_analysts.sql; without `INSIDE` of the logins.
#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_reads_the_views_and_whatever_else_is_tried_is_refused() {
    let servers = start().await;
    let connect = async |role| {
        let (client, connection) = tokio_postgres::connect(&servers.postgres.url(role), NoTls).await.expect("a login");
        tokio::spawn(connection);
        client
    };
    let (operator, analyst) = (connect(Role::Operator).await, connect(Role::Analyst).await);
    let objects = operator
        .query(
            "select n.nspname || '.' || c.relname as name, c.relkind = 'v' as is_view
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname in ('rm', 'rm_live', 'public') and c.relkind in ('r', 'v')",
            &[],
        )
        .await
        .expect("the tables");
    assert!(objects.len() > 20);
    let refused = async |statement: &str| {
        let error = analyst.batch_execute(statement).await.expect_err(statement);
        // No right; or a view of two tables, which nobody can write to.
        let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
        assert!(code == "42501" || code == "55000", "{statement}: {error} ({code})");
    };
    for object in &objects {
        let (name, is_view): (String, bool) = (object.get("name"), object.get("is_view"));
        let read = analyst.query(&format!("select * from {name} limit 1"), &[]).await;
        assert_eq!(read.is_ok(), is_view, "{name}");
        refused(&format!("delete from {name}")).await;
        refused(&format!("insert into {name} default values")).await;
        if !is_view {
            refused(&format!("truncate {name}")).await;
        }
    }
    for statement in [
        "create table rm.mine (id integer)",
        "create view rm.mine as select 1",
        "create schema mine",
        "create temporary table mine (id integer)",
        "create table public.mine (id integer)",
        "select rm_live.drop_expired()",
        "set role chatroom_projector",
        "set session authorization chatroom_migrate",
        "select pg_read_file('/etc/hostname')",
        "copy (select 1) to program 'true'",
        "copy rm.analyst_users to '/tmp/mine'",
        "select lo_creat(-1)",
        "select lo_create(0)",
        "select lo_from_bytea(0, 'mine')",
        "select pg_logical_emit_message(true, 'mine', 'mine')",
        "create function pg_temp.mine() returns integer language sql as 'select 1'",
        "create publication mine",
        "alter view rm.analyst_users rename to mine",
        "create or replace view rm.analyst_users as select 1",
        "drop view rm.analyst_users",
        "comment on view rm.analyst_users is 'mine'",
    ] {
        refused(statement).await;
    }
}

// Red without `views` in projector/src/rebuild/schema.rs, and with 'v' left out of its rights.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_made_anew_has_the_views_and_their_rights() {
    let servers = start().await;
    let access = Access::to(Some(&servers.nats), Some(&servers.postgres)).of(Role::Operator);
    let rebuilt = tokio::process::Command::new(env!("CARGO_BIN_EXE_chatroom"))
        .args(["rebuild", "--as-of", "1", "--into", "rm_past"])
        .envs(access.pairs())
        .output()
        .await
        .expect("the binary runs");
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let (client, connection) =
        tokio_postgres::connect(&servers.postgres.url(Role::Operator), NoTls).await.expect("a login");
    tokio::spawn(connection);
    // What a view reads, and what is said of it and of its columns, but for the schema's name.
    let views = async |schema: &str| {
        let rows = client
            .query(
                "select c.relname::text, replace(pg_get_viewdef(c.oid), n.nspname || '.', 'rm.'), c.relacl::text,
                        array(select d.objsubid || ' ' || d.description from pg_description d where d.objoid = c.oid order by 1)
                   from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where n.nspname = $1 and c.relkind = 'v'
                  order by 1",
                &[&schema],
            )
            .await
            .expect("the views");
        let said = rows.iter().map(|row| {
            let words: Vec<String> = row.get(3);
            format!("{} {} {} {}", row.get::<_, &str>(0), row.get::<_, &str>(1), row.get::<_, &str>(2), words.join(" "))
        });
        said.collect::<Vec<_>>()
    };
    let live = views("rm").await;
    assert_eq!(live.len(), 8);
    assert_eq!(views("rm_past").await, live);
    let strangers = client
        .query(
            "select distinct v.relname::text, t.oid::regclass::text
               from pg_depend d
               join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
               join pg_class v on v.oid = w.ev_class
               join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
              where v.relnamespace = 'rm_past'::regnamespace and t.relnamespace <> v.relnamespace",
            &[],
        )
        .await
        .expect("what they read");
    assert!(strangers.is_empty(), "a view of the new read model reads the old one: {strangers:?}");
    let (analyst, connection) =
        tokio_postgres::connect(&servers.postgres.url(Role::Analyst), NoTls).await.expect("a login");
    tokio::spawn(connection);
    let row = analyst.query_one("select count(*) from rm_past.analyst_progress", &[]).await.expect("it may read it");
    assert!(row.get::<_, i64>(0) >= 1);
}
