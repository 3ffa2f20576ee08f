//! The database and its logins: one role a service. Rights on tables are the migrations' matter.

use crate::role::Role;
use std::collections::HashSet;

pub(crate) const DATABASE: &str = "chatroom";

/// The statements that are still missing, given the roles and databases that exist. `password` gives a
/// value as it stands in SQL: quoted, or a variable of psql.
pub(crate) fn statements(existing: &HashSet<String>, password: impl Fn(Role) -> String) -> Vec<String> {
    let mut statements = Vec::new();
    for role in Role::ALL {
        let name = role.postgres_user();
        // An existing one gets the password that is on record, so that a changed record is no lock-out.
        let verb = if existing.contains(name) { "alter" } else { "create" };
        statements.push(format!("{verb} role {name} login password {}", password(role)));
    }
    if !existing.contains(DATABASE) {
        let owner = Role::Operator.postgres_user();
        statements.push(format!("create database {DATABASE} owner {owner}"));
    }
    let services: Vec<_> =
        Role::ALL.into_iter().filter(|role| *role != Role::Operator).map(Role::postgres_user).collect();
    // By default everybody may connect to every database, and keep tables of his own there while he does.
    statements.push(format!("revoke connect, temporary on database {DATABASE}, postgres, template1 from public"));
    statements.push(format!("grant connect on database {DATABASE} to {}", services.join(", ")));
    statements
}

/// What is said inside the database, by who may do everything. By default everybody may write large objects, and into the
/// server's own log of changes, whatever rights he has on tables.
pub(crate) const INSIDE: &str = "\
do $$
declare
    writes regprocedure;
begin
    for writes in
        select oid from pg_proc
         where pronamespace = 'pg_catalog'::regnamespace
           and proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message')
    loop
        execute format('revoke execute on function %s from public', writes);
    end loop;
end
$$";

/// The file that `docker-compose.yml` runs in a new Postgres, with passwords from its environment
/// (`POSTGRES_COMMAND_PASSWORD`, …).
pub fn compose_init_sql() -> String {
    let mut sql = "-- Written from servers/src/logins.rs; a test compares them.\n".to_owned();
    let variable = |role: Role| format!("{}_password", role.nats_user());
    for role in Role::ALL {
        let name = role.nats_user().to_uppercase();
        sql += &format!("\\getenv {} POSTGRES_{name}_PASSWORD\n", variable(role));
    }
    for statement in statements(&HashSet::new(), |role| format!(":'{}'", variable(role))) {
        sql += &statement;
        sql += ";\n";
    }
    sql + &format!("\\connect {DATABASE}\n{INSIDE};\n")
}

#[cfg(test)]
mod tests {
    use super::compose_init_sql;
    use std::{env, fs, path::Path};

    /// `WRITE_DEPLOY=1 cargo test -p servers` writes the file instead.
    #[test]
    fn the_committed_logins_are_what_the_code_writes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/postgres-init.sql");
        if env::var_os("WRITE_DEPLOY").is_some() {
            fs::write(&path, compose_init_sql()).expect("deploy/ is there");
        }
        let committed = fs::read_to_string(&path).expect("deploy/postgres-init.sql is there");
        assert_eq!(committed, compose_init_sql(), "write it anew: WRITE_DEPLOY=1 cargo test -p servers");
    }
}
