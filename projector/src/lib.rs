//! Remembers: the log becomes read models in Postgres.
