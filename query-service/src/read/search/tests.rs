//! Is a search served by an index, whoever asks and however rare the word is?

use super::{AT_ONCE, AT_ONCE_MAX, HITS, find};
use crate::{cursor::List, search::Asked};
use anyhow::Result;
use events::UserId;
use platform::{Code, config::Secret, pool};
use servers::{Postgres, Role};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

/// So many messages in so many rooms, as if some of the rooms had been talked in much more than others.
const MESSAGES: u32 = 30_000;
const ROOMS: u32 = 300;

/// Somebody in every room, and somebody in one.
const EVERYWHERE: &str = "00000000-0000-0000-0000-000000000001";
const IN_ONE: &str = "00000000-0000-0000-0000-000000000002";

#[tokio::test]
async fn no_search_reads_all_messages() -> Result<()> {
    let postgres = Postgres::temporary().await?;
    let mut operator = PgConnection::connect(&postgres.url(Role::Operator)).await?;
    sqlx::migrate!("../migrations").run(&mut operator).await?;
    fill(&mut operator).await?;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let prepare = format!(
            "set plan_cache_mode = {mode}; deallocate all;
             prepare hits (uuid, uuid, bigint, text, text[], bigint) as {}",
            *HITS
        );
        operator.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await?;
        for caller in [EVERYWHERE, IN_ONE] {
            for query in ["'common'", "'rare29999'", "'rare2999':*", "('common' | ':en:common') & 'rare7'"] {
                let plan = plan(&mut operator, caller, query).await?;
                let how = format!("{mode}, {caller}, {query}:\n{plan}");
                // Red without the index, and with `search @@ $4::tsquery or false`.
                assert!(!plan.contains("Seq Scan on messages"), "{how}");
                assert!(plan.contains("messages_search") || plan.contains("messages_room_status"), "{how}");
            }
            // A word that is rare is read from the index of words, whatever the rooms.
            let rare = plan(&mut operator, caller, "'rare29999'").await?;
            assert!(caller != EVERYWHERE || rare.contains("Bitmap Index Scan on messages_search"), "{mode}:\n{rare}");
        }
    }
    operator.close().await?;
    postgres.stop().await;
    Ok(())
}

// Red without the timeout around `AT_ONCE.acquire()`: it never ends.
#[tokio::test(start_paused = true)]
async fn a_search_too_many_is_refused_and_not_kept_waiting() -> Result<()> {
    let nowhere = Secret::from("postgres://user:pw@127.0.0.1:1/chat");
    let pool = pool::direct(&nowhere, pool::Purpose::requests("test"), 1)?;
    let list = List::Search { caller: Uuid::nil(), room: None, q: [0; 6] };
    let asked = Asked { terms: Vec::new(), room: None, before: 1, limit: 1, list };
    let all = AT_ONCE.acquire_many(u32::try_from(AT_ONCE_MAX)?).await?;
    let refused = find(&pool, UserId(Uuid::nil()), &asked).await.expect_err("all are taken");
    assert_eq!((refused.code, &*refused.detail), (Code::Overloaded, "Too many searches at once."));
    drop(all);
    Ok(())
}

async fn fill(operator: &mut PgConnection) -> Result<()> {
    let rows = format!(
        "insert into rm.checkpoint (projection, part, generation, epoch, seq, event_id, chain, event_time)
         values ('chat', 0, 1, 7, 1, gen_random_uuid(), '', now());
         insert into rm.rooms (id, lounge_id, name, language, visibility, guests, active, owners, created_at, position)
         select md5('room ' || n)::uuid, '{IN_ONE}', 'room', 'en', 'public', true, true, '{{}}', now(), n
           from generate_series(1, {ROOMS}) n;
         insert into rm.members (room_id, user_id, role, joined_at, joined_seq, muted, banned, position)
         select md5('room ' || n)::uuid, '{EVERYWHERE}', 'member', now(), 1, false, false, n
           from generate_series(1, {ROOMS}) n;
         insert into rm.members (room_id, user_id, role, joined_at, joined_seq, muted, banned, position)
         values (md5('room 1')::uuid, '{IN_ONE}', 'member', now(), 1, false, false, 1);
         insert into rm.messages (id, room_id, room_seq, position, author_id, text, language, mentions, created_at, status)
         select gen_random_uuid(), md5('room ' || ((n * n) % {ROOMS} + 1))::uuid, n, n, '{EVERYWHERE}',
                'a common word and a rare' || n, 'en', '{{}}', now() + n * interval '1 second', 'visible'
           from generate_series(1, {MESSAGES}) n;"
    );
    operator.execute(sqlx::raw_sql(AssertSqlSafe(rows))).await?;
    operator.execute("vacuum analyze").await?;
    Ok(())
}

async fn plan(operator: &mut PgConnection, caller: &str, query: &str) -> Result<String> {
    let query = query.replace('\'', "''");
    let explain = format!(
        "explain (costs off) execute hits ('{caller}', null, 9223372036854775807, '{query}', array[]::text[], 51)"
    );
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).persistent(false).fetch_all(operator).await?;
    Ok(lines.join("\n"))
}
