//! As whom Postgres runs when we are root, since it refuses to be.

use crate::error::Error;

/// A user of this machine and its own group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// None when we are an ordinary user and may stay one.
pub(crate) fn unprivileged() -> Result<Option<Account>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    // Users of a directory service are not in this file; `postgres` and `nobody` always are.
    let users =
        std::fs::read_to_string("/etc/passwd").map_err(crate::error::while_(|| "reading /etc/passwd".into()))?;
    ["postgres", "nobody"].into_iter().find_map(|name| account(&users, name)).map(Some).ok_or(Error::NoAccount)
}

fn account(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
        Some(Account { uid, gid: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn an_account_is_read_from_the_users_file_and_is_never_root() {
        let users = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/sh\nroot2:x:0:1::/:\n";
        let found = account(users, "postgres").expect("it is there");
        assert_eq!((found.uid, found.gid), (101, 104));
        assert!(account(users, "root2").is_none());
        assert!(account(users, "nobody").is_none());
    }
}
