//! The read model in a real Postgres: migrated, compared, emptied.

use platform::config::Secret;
use servers::{Postgres, Role};
use sqlx::{Connection, PgConnection};

const TABLES: [&str; 16] = [
    "rm.checkpoint",
    "rm.users",
    "rm.lounges",
    "rm.rooms",
    "rm.room_head",
    "rm.members",
    "rm.messages",
    "rm.message_versions",
    "rm.reactions",
    "rm.moderation",
    "rm.feed",
    "rm_live.checkpoint",
    "rm_live.accounts",
    "rm_live.sessions",
    "rm_live.presence",
    "rm_live.markers",
];
const GUEST_SESSIONS: &str = "rm_live.guest_sessions";

pub(crate) struct Tables {
    pub(crate) postgres: Postgres,
}

impl Tables {
    pub(crate) async fn new() -> Self {
        let postgres = Postgres::temporary().await.expect("a Postgres");
        let tables = Self { postgres };
        sqlx::migrate!("../migrations").run(&mut tables.operator().await).await.expect("the migrations apply");
        tables
    }

    pub(crate) fn url(&self) -> Secret {
        Secret::from(self.postgres.url(Role::Projector).as_str())
    }

    pub(crate) async fn operator(&self) -> PgConnection {
        PgConnection::connect(&self.postgres.url(Role::Operator)).await.expect("the operator may connect")
    }

    /// Every row of every table as text, in order.
    pub(crate) async fn contents(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut connection = self.operator().await;
        let mut contents = Vec::new();
        for table in TABLES.into_iter().chain([GUEST_SESSIONS]) {
            let query = sqlx::AssertSqlSafe(format!("select t::text from {table} t order by t::text"));
            let rows = sqlx::query_scalar(query).fetch_all(&mut connection).await.expect("readable");
            contents.push((table, rows));
        }
        contents
    }

    pub(crate) async fn one<T>(&self, query: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(query).fetch_one(&mut self.operator().await).await.expect("one value")
    }

    /// No other model is there afterwards, begun, kept or still.
    pub(crate) async fn forget_all_but_the_live_model(&self) {
        let mut operator = self.operator().await;
        let others = "delete from rm_live.generations where state <> 'live' returning schema_name";
        let schemas: Vec<String> = sqlx::query_scalar(others).fetch_all(&mut operator).await.expect("allowed");
        for schema in schemas {
            let drop = sqlx::AssertSqlSafe(format!("drop schema if exists {schema} cascade"));
            sqlx::query(drop).execute(&mut operator).await.expect("the operator may");
        }
    }

    pub(crate) async fn empty(&self) {
        let all = [&TABLES[..], &[GUEST_SESSIONS]].concat().join(", ");
        let truncate = sqlx::AssertSqlSafe(format!("truncate {all}, rm.parked"));
        sqlx::query(truncate).execute(&mut self.operator().await).await.expect("the operator may");
    }
}

/// Says where two contents differ first.
pub(crate) fn assert_same(found: &[(&str, Vec<String>)], wanted: &[(&str, Vec<String>)], what: &str) {
    for ((table, found), (_, wanted)) in found.iter().zip(wanted) {
        let differs = found.iter().zip(wanted).find(|(found, wanted)| found != wanted);
        assert_eq!(differs, None, "{what}: {table}");
        assert_eq!(found.len(), wanted.len(), "{what}: {table}");
    }
}
