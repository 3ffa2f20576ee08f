//! Where Postgres keeps its data, and how an empty place becomes a cluster.

use crate::{
    directory::{self, Durability},
    error::{Error, while_},
    find::PostgresPrograms,
    launch::Launch,
    orphan,
    privileges::Account,
    process::Process,
};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, MetadataExt as _, chown, symlink},
    },
    path::{Path, PathBuf},
};

pub(crate) const SUPERUSER: &str = "chatroom_superuser";

/// The directory that holds `data`. As root it lies outside `dir`, which the account of Postgres may not
/// be able to enter (`/root` is closed), and `dir/postgres` leads to it.
pub(crate) fn outside(dir: &Path, account: Option<Account>) -> Option<PathBuf> {
    account.filter(|_| !directory::is_temporary(dir))?;
    let name: String = Sha256::digest(dir.as_os_str().as_bytes())[..8].iter().map(|b| format!("{b:02x}")).collect();
    Some(directory::temporary_root().join(format!("chatroom-{name}-postgres")))
}

/// Makes the place, or finds it. `known` says whether `dir` has the passwords of what lies there.
pub(crate) async fn place(dir: &Path, account: Option<Account>, known: bool) -> Result<PathBuf, Error> {
    let here = dir.join("postgres");
    let Some(outside) = outside(dir, account) else {
        make_private(&here, account)?;
        return Ok(here);
    };
    if !known && fs::symlink_metadata(&outside).is_ok() {
        owned(&outside, account)?;
        // What led to it has been deleted with its passwords: whoever did that begins anew.
        tracing::warn!(data = %outside.display(), "removing the data of a directory that is gone");
        end_orphan(&outside).await;
        directory::remove(&outside)?;
    }
    make_private(&outside, account)?;
    if fs::read_link(&here).ok().as_ref() != Some(&outside) {
        directory::remove(&here)?;
        symlink(&outside, &here).map_err(while_(|| format!("linking {}", here.display())))?;
    }
    Ok(outside)
}

/// The mark is an argument of the server that runs in `place`.
pub(crate) async fn end_orphan(place: &Path) {
    let data = place.join("data");
    orphan::end(&data.join("postmaster.pid"), &data, Signal::INT).await;
}

fn make_private(path: &Path, account: Option<Account>) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_err() {
        DirBuilder::new()
            .mode(0o700)
            .create(path)
            .and_then(|()| match account {
                Some(Account { uid, gid }) => chown(path, Some(uid), Some(gid)),
                None => Ok(()),
            })
            .map_err(while_(|| format!("making {}", path.display())))?;
    }
    owned(path, account)
}

/// The place may be one where anybody may put a directory of this name first.
fn owned(path: &Path, account: Option<Account>) -> Result<(), Error> {
    let doing = || format!("using {}", path.display());
    let found = fs::symlink_metadata(path).map_err(while_(doing))?;
    let owner = account.map_or(rustix::process::geteuid().as_raw(), |account| account.uid);
    if found.is_dir() && found.uid() == owner {
        return Ok(());
    }
    let why = std::io::Error::other(format!("it is not a directory of user {owner}: remove it"));
    Err(while_(doing)(why))
}

/// The major version that has written the data, if there is any.
pub(crate) fn major(place: &Path) -> Option<u32> {
    fs::read_to_string(place.join("data/PG_VERSION")).ok()?.trim().parse().ok()
}

/// Makes `place/data`: complete, or not at all.
pub(crate) async fn initdb(
    programs: &PostgresPrograms,
    place: &Path,
    account: Option<Account>,
    password: &str,
    durability: Durability,
    log: &Path,
) -> Result<(), Error> {
    let partial = place.join("data.partial");
    let password_file = place.join("password");
    directory::remove(&partial)?;
    directory::write_private(&password_file, password)?;
    if let Some(Account { uid, gid }) = account {
        chown(&password_file, Some(uid), Some(gid)).map_err(while_(|| "handing initdb its password".into()))?;
    }
    let mut args: Vec<OsString> = vec![
        "--pgdata".into(),
        partial.clone().into(),
        format!("--username={SUPERUSER}").into(),
        // `C` would keep searching from finding any text that is not ASCII.
        "--locale=C.UTF-8".into(),
        "--encoding=UTF8".into(),
        "--auth-local=scram-sha-256".into(),
        "--auth-host=scram-sha-256".into(),
        "--pwfile".into(),
        password_file.clone().into(),
    ];
    if durability == Durability::Test {
        args.push("--no-sync".into());
    }
    let launch =
        Launch { program: programs.bin.join("initdb"), args, account, dir: place.into(), death_signal: "TERM" };
    let process = Process::spawn("initdb", &launch, log, Signal::KILL).await?;
    let status = process.wait_exit().await;
    directory::remove(&password_file)?;
    if !status.success() {
        return Err(process.failed(format!("ended with {status}")));
    }
    let data = place.join("data");
    fs::rename(&partial, &data).map_err(while_(|| format!("moving the data to {}", data.display())))
}
