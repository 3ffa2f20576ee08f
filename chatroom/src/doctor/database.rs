//! Is the database fit: version, locale, migrations, rights, room for the pools?

use super::{Finding, Verdict};
use platform::config::PostgresArgs;
use tokio_postgres::Client;

/// What each role has to be able to read, so that it can do its work.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("chatroom_projector", "rm.messages", "insert"),
    ("chatroom_projector", "rm_live.sessions", "delete"),
    ("chatroom_query", "rm.messages", "select"),
    ("chatroom_command", "rm.messages", "select"),
];

pub(super) async fn examine(args: &PostgresArgs, pools_total: u32) -> Vec<Finding> {
    let client = match crate::migrate::database(args).await {
        Ok(client) => client,
        Err(why) => return vec![Finding::of("Postgres answers", Err(format!("{why:#}: is DATABASE_URL right?")))],
    };
    let fit = servers::check_postgres(&client).await.map(drop).map_err(|why| why.to_string());
    vec![
        Finding::of("Postgres answers", Ok(())),
        Finding::of("Postgres version and locale", fit),
        Finding::of("migrations are applied", migrations(&client).await),
        Finding::of("each role has its rights", rights(&client).await),
        pools(&client, pools_total).await,
    ]
}

async fn migrations(client: &Client) -> Result<(), String> {
    let query = "select version from _sqlx_migrations where success";
    let rows = client.query(query, &[]).await.map_err(|_| "none is: run `chatroom migrate`".to_owned())?;
    let applied: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let missing: Vec<String> = crate::migrate::MIGRATIONS
        .iter()
        .filter(|migration| !applied.contains(&migration.version))
        .map(|migration| format!("{} {}", migration.version, migration.description))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("run `chatroom migrate`: missing {}", missing.join(", "))) }
}

async fn rights(client: &Client) -> Result<(), String> {
    let query = "select has_table_privilege($1::text, $2::text, $3::text)
                 from pg_roles where rolname = $1::text";
    for (role, table, right) in RIGHTS {
        let row = client.query_opt(query, &[role, table, right]).await.map_err(|why| why.to_string())?;
        // A role that does not exist: one login serves all, and owns everything.
        if row.is_some_and(|row| !row.get::<_, bool>(0)) {
            return Err(format!("{role} may not {right} on {table}: run `chatroom migrate` as the owner"));
        }
    }
    Ok(())
}

async fn pools(client: &Client, pools_total: u32) -> Finding {
    let what = "Postgres has room for all pools";
    let query =
        "select current_setting('max_connections')::int4 - current_setting('superuser_reserved_connections')::int4";
    let verdict = match client.query_one(query, &[]).await {
        Err(why) => Verdict::Bad(why.to_string()),
        Ok(row) => {
            let allowed: i32 = row.get(0);
            if i64::from(allowed) >= i64::from(pools_total) {
                Verdict::Good
            } else {
                Verdict::Doubtful(format!(
                    "it allows {allowed}, the pools want {pools_total}: raise max_connections or lower DATABASE_POOL"
                ))
            }
        }
    };
    Finding { what, verdict }
}
