//! Which tables does a new read model have? Those of the live one, which the migrations made: nothing says them twice.

use deadpool_postgres::GenericClient;
use tokio_postgres::{Error, Row};

/// Where the fold looks rows up or may meet one that is there already. All other indexes of messages are for readers,
/// and cost less when they are made at the end.
const MESSAGES_WHILE_FILLED: [&str; 2] = ["messages_id", "messages_author"];

/// The tables of a schema, as constants of SQL would name them.
pub(super) async fn tables(client: &impl GenericClient, schema: &str) -> Result<Vec<String>, Error> {
    let rows = client
        .query(
            "select c.relname::text as name
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = $1 and c.relkind = 'r'
              order by c.relname",
            &[&schema],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}

/// Makes `schema` like `model`, with the rights on it and what the fold needs of its constraints and indexes.
pub(super) async fn create(client: &impl GenericClient, model: &str, schema: &str) -> Result<(), Error> {
    client.batch_execute(&format!("drop schema if exists {schema} cascade; create schema {schema}")).await?;
    for table in tables(client, model).await? {
        let like = "including comments including constraints including defaults including generated including storage";
        client.batch_execute(&format!("create table {schema}.{table} (like {model}.{table} {like})")).await?;
    }
    run(client, &views(client, model, schema).await?).await?;
    run(client, &rights(client, model, schema).await?).await?;
    let needed = indexes(client, model, schema).await?.into_iter().filter(Index::is_needed_by_the_fold);
    run(client, &needed.map(|index| index.statement).collect::<Vec<_>>()).await
}

/// An index of the model, or a constraint that stands on one.
pub(super) struct Index {
    pub(super) name: String,
    table: String,
    /// Whether it is a constraint.
    constrains: bool,
    /// What makes it in the new schema.
    statement: String,
}

impl Index {
    fn is_needed_by_the_fold(&self) -> bool {
        match self.table.as_str() {
            "messages" => MESSAGES_WHILE_FILLED.contains(&self.name.as_str()),
            _ => self.constrains,
        }
    }
}

/// The indexes that are still missing, in the order in which they are made.
pub(super) async fn missing(client: &impl GenericClient, model: &str, schema: &str) -> Result<Vec<Index>, Error> {
    let there = indexes(client, schema, schema).await?;
    let wanted = indexes(client, model, schema).await?;
    Ok(wanted.into_iter().filter(|index| !there.iter().any(|other| other.name == index.name)).collect())
}

/// Makes one.
pub(super) async fn make(client: &impl GenericClient, index: &Index) -> Result<(), Error> {
    client.batch_execute(&index.statement).await
}

async fn indexes(client: &impl GenericClient, model: &str, schema: &str) -> Result<Vec<Index>, Error> {
    let rows = client
        .query(
            "select i.relname::text as name, t.relname::text as table, k.oid is not null as constrains,
                    pg_get_constraintdef(k.oid) as constraint, pg_get_indexdef(i.oid) as definition
               from pg_index x
               join pg_class i on i.oid = x.indexrelid
               join pg_class t on t.oid = x.indrelid
               join pg_namespace n on n.oid = t.relnamespace
               left join pg_constraint k on k.conindid = i.oid and k.contype in ('p', 'u')
              where n.nspname = $1 and t.relkind = 'r'
              order by t.relname, i.relname",
            &[&model],
        )
        .await?;
    Ok(rows.iter().map(|row| index(row, model, schema)).collect())
}

fn index(row: &Row, model: &str, schema: &str) -> Index {
    let (name, table): (String, String) = (row.get("name"), row.get("table"));
    let statement = match row.get::<_, Option<&str>>("constraint") {
        Some(constraint) => format!("alter table {schema}.{table} add constraint {name} {constraint}"),
        None => {
            let definition: &str = row.get("definition");
            definition.replacen(&format!(" ON {model}.{table} "), &format!(" ON {schema}.{table} "), 1)
        }
    };
    Index { name, table, constrains: row.get("constrains"), statement }
}

/// The statements that make the same views on the tables of `schema`, and say the same of them.
async fn views(client: &impl GenericClient, model: &str, schema: &str) -> Result<Vec<String>, Error> {
    // A view names each table with its schema, unless the connection's path makes that needless.
    let rows = client
        .query(
            "select format('create view %I.%I as %s', $2::text, c.relname,
                           regexp_replace(rtrim(pg_get_viewdef(c.oid), ';'), '\\m' || $1::text || '\\.', $2::text || '.', 'g'))
                    as statement
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = $1 and c.relkind = 'v'
             union all
             select format(case when d.objsubid = 0 then 'comment on view %I.%I is %L' else 'comment on column %I.%I.%I is %L' end,
                           variadic array_remove(array[$2::text, c.relname::text, a.attname::text, d.description], null))
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
               join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass
               left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
              where n.nspname = $1 and c.relkind = 'v'",
            &[&model, &schema],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get("statement")).collect())
}

/// The statements that give the same rights on `schema` as there are on `model`.
async fn rights(client: &impl GenericClient, model: &str, schema: &str) -> Result<Vec<String>, Error> {
    let rows = client
        .query(
            "select format('grant %s on schema %I to %I', a.privilege_type, $2::text, a.grantee::regrole::text) as grant
               from pg_namespace n, aclexplode(n.nspacl) a
              where n.nspname = $1 and a.grantee <> n.nspowner and a.grantee <> 0
             union all
             select format('grant %s on %I.%I to %I', a.privilege_type, $2::text, c.relname, a.grantee::regrole::text)
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
              where n.nspname = $1 and c.relkind in ('r', 'v') and a.grantee <> c.relowner and a.grantee <> 0
             union all
             select format('comment on schema %I is %L', $2::text, obj_description(n.oid))
               from pg_namespace n
              where n.nspname = $1",
            &[&model, &schema],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get("grant")).collect())
}

async fn run(client: &impl GenericClient, statements: &[String]) -> Result<(), Error> {
    client.batch_execute(&statements.join(";\n")).await
}
