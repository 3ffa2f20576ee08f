//! What do the plays with faults share? A crowd that goes on through them, and a judge who counts what the log has of it.

mod book;
mod crowd;
mod deed;
mod ledger;
mod part;

pub(super) use book::Book;
pub(super) use crowd::{Crowd, Gather};
pub(super) use part::tell;
pub use part::{Output, Part};
