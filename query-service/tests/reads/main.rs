//! Does the API read what the read model says, to those who may read it? On a real Postgres.

mod caches;
mod feed;
mod golden;
mod history;
mod lists;
mod moderators;
mod parked;
mod presence;
mod read_model;
mod search;
mod tags;
mod whole;
