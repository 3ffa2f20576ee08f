//! What do commands come to, on instances of the service that share one real log?

mod deciding;
mod house;
mod messages;
mod tasks;
mod two_instances;
