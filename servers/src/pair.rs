//! Both servers, started and stopped together.

use crate::{
    directory::{Durability, Temporary},
    error::Error,
    nats::{Nats, NatsOptions},
    postgres::{Postgres, PostgresOptions},
};
use std::path::Path;

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub durability: Durability,
    /// Forget what is in the directory.
    pub fresh: bool,
}

pub struct Servers {
    pub nats: Nats,
    pub postgres: Postgres,
    _temporary: Option<Temporary>,
}

impl Servers {
    /// In a directory that keeps their data; a second start finds it again, on the same ports if they are
    /// free.
    pub async fn start(dir: &Path, options: Options) -> Result<Servers, Error> {
        Servers::start_in(dir, options, None).await
    }

    /// For a test: empty, and gone with the value.
    pub async fn temporary() -> Result<Servers, Error> {
        let (nats, postgres) = tokio::try_join!(Nats::temporary(), Postgres::temporary())?;
        Ok(Servers { nats, postgres, _temporary: None })
    }

    /// For a benchmark, which puts more there than memory may have room for: the same, and nothing of it in memory.
    pub async fn temporary_on_disk() -> Result<Servers, Error> {
        let temporary = Temporary::new()?;
        let options = Options { durability: Durability::Test, fresh: false };
        let dir = temporary.path.clone();
        Servers::start_in(&dir, options, Some(temporary)).await
    }

    async fn start_in(
        dir: &Path,
        Options { durability, fresh }: Options,
        temporary: Option<Temporary>,
    ) -> Result<Servers, Error> {
        let nats = NatsOptions { durability, fresh, ..NatsOptions::new(dir) };
        let postgres = PostgresOptions { durability, fresh, ..PostgresOptions::new(dir) };
        let (nats, postgres) = tokio::try_join!(Nats::start(&nats), Postgres::start(&postgres))?;
        Ok(Servers { nats, postgres, _temporary: temporary })
    }

    /// Both at once, each within its own grace of 10 s.
    pub async fn stop(&self) {
        tokio::join!(self.nats.stop(), self.postgres.stop());
    }
}
