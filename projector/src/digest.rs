//! What do the tables of a schema hold? Sums over their rows that no order changes, table by table.

use deadpool_postgres::GenericClient;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt, fmt::Write as _};
use tokio_postgres::Error;

/// Groups of a table's rows by key, so that a difference is found without looking at all of them.
const BUCKETS: i32 = 256;
/// Rows of a table that are named as different.
const NAMED_MAX: i64 = 10;
/// What no digest covers: where a model is, and what waits.
const OUTSIDE: [&str; 2] = ["checkpoint", "parked"];

/// Of a schema's tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest(pub BTreeMap<String, Table>);

/// Of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<String>,
    key: Vec<String>,
    /// Bucket to rows, and the sums of both halves of their hashes.
    buckets: BTreeMap<i32, (i64, String, String)>,
}

/// How a table differs from the one that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    /// Rows here and there.
    pub rows: (u64, u64),
    /// Keys of some rows that are not the same, or that one side has alone.
    pub keys: Vec<String>,
}

impl Table {
    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.buckets.values().map(|(rows, ..)| u64::try_from(*rows).unwrap_or_default()).sum()
    }

    fn hash(&self, into: &mut Sha256) {
        for (bucket, (rows, high, low)) in &self.buckets {
            into.update(format!("{bucket} {rows} {high} {low}\n"));
        }
    }
}

impl Digest {
    /// How many rows all tables have.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.0.values().map(Table::rows).sum()
    }
}

/// Sixteen hex digits: enough to compare by eye; two that are equal are compared by their sums.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hash = Sha256::new();
        for (name, table) in &self.0 {
            hash.update(name);
            table.hash(&mut hash);
        }
        hash.finalize().iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads the digest of these tables, or of all that the schema has.
pub(crate) async fn of(client: &impl GenericClient, schema: &str, only: Option<&[&str]>) -> Result<Digest, Error> {
    // The text of a moment hangs on it.
    client.batch_execute("set local timezone = 'UTC'").await?;
    let mut digest = Digest::default();
    for (name, table) in shape(client, schema).await? {
        if only.is_none_or(|only| only.contains(&name.as_str())) {
            let table = sums(client, schema, &name, table).await?;
            digest.0.insert(name, table);
        }
    }
    Ok(digest)
}

/// The tables with their columns, but for those that Postgres computes from others, and their keys.
async fn shape(client: &impl GenericClient, schema: &str) -> Result<BTreeMap<String, Table>, Error> {
    let rows = client
        .query(
            "select c.relname::text as table, a.attname::text as column, coalesce(a.attnum = any(k.conkey), false) as key
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
              where n.nspname = $1 and c.relkind = 'r' and a.attgenerated = '' and c.relname::text <> all($2)
              order by c.relname, a.attname",
            &[&schema, &OUTSIDE.as_slice()],
        )
        .await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in rows {
        let table = tables.entry(row.get("table")).or_default();
        table.columns.push(row.get("column"));
        if row.get("key") {
            table.key.push(row.get("column"));
        }
    }
    Ok(tables)
}

async fn sums(client: &impl GenericClient, schema: &str, name: &str, table: Table) -> Result<Table, Error> {
    let rows = client
        .query(
            &format!(
                "select bucket, count(*) as rows, sum(('x' || left(hash, 16))::bit(64)::bigint)::text as high,
                        sum(('x' || right(hash, 16))::bit(64)::bigint)::text as low
                   from (select {} as bucket, md5({}) as hash from {schema}.{name}) hashed
                  group by bucket",
                bucket(&table),
                text(&table.columns),
            ),
            &[],
        )
        .await?;
    let buckets = rows.iter().map(|row| (row.get("bucket"), (row.get("rows"), row.get("high"), row.get("low"))));
    Ok(Table { buckets: buckets.collect(), ..table })
}

fn text(columns: &[String]) -> String {
    format!("row({})::text", columns.join(", "))
}

fn bucket(table: &Table) -> String {
    let key = if table.key.is_empty() { &table.columns } else { &table.key };
    format!("(hashtextextended({}, 0) & {})::integer", text(key), BUCKETS - 1)
}

/// How `there` differs from `here`, whose digests are these.
pub(crate) async fn differences(
    client: &impl GenericClient,
    (here, ours): (&str, &Digest),
    (there, theirs): (&str, &Digest),
) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    let nothing = Table::default();
    let names: std::collections::BTreeSet<_> = ours.0.keys().chain(theirs.0.keys()).collect();
    for name in names {
        let (one, other) = (ours.0.get(name).unwrap_or(&nothing), theirs.0.get(name).unwrap_or(&nothing));
        if one == other {
            continue;
        }
        let keys = match one.columns == other.columns {
            true => named(client, (here, one), (there, other), name).await?,
            false => vec![format!("columns {} here, {} there", one.columns.join(", "), other.columns.join(", "))],
        };
        found.push(Difference { table: name.clone(), rows: (one.rows(), other.rows()), keys });
    }
    Ok(found)
}

async fn named(
    client: &impl GenericClient,
    (here, one): (&str, &Table),
    (there, other): (&str, &Table),
    name: &str,
) -> Result<Vec<String>, Error> {
    let differing: Vec<i32> =
        (0..BUCKETS).filter(|bucket| one.buckets.get(bucket) != other.buckets.get(bucket)).collect();
    let rows_of = |schema: &str| {
        let (key, columns, bucket) = (text(&one.key), text(&one.columns), bucket(one));
        format!("select {key} as key, md5({columns}) as hash from {schema}.{name} where {bucket} = any($1)")
    };
    let rows = client
        .query(
            &format!(
                "select key, one.hash is null as new, other.hash is null as gone
                   from ({}) one
                   full join ({}) other using (key)
                  where one.hash is distinct from other.hash
                  order by key
                  limit {NAMED_MAX}",
                rows_of(here),
                rows_of(there),
            ),
            &[&differing],
        )
        .await?;
    let mut keys = Vec::new();
    for row in rows {
        let mut key: String = row.get("key");
        let side = match (row.get("new"), row.get("gone")) {
            (true, _) => " there alone",
            (_, true) => " here alone",
            (false, false) => "",
        };
        let _ = write!(key, "{side}");
        keys.push(key);
    }
    Ok(keys)
}
