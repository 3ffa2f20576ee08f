//! Does the whole system keep what it promises? Each story on servers of its own; in one program, so that they wait side by side.

mod accounts;
mod authorisation;
mod bad_input;
mod delay;
mod faults;
mod moderation;
mod plans;
mod races;
mod rebuild;
mod restarts;
mod resume;
mod story;
mod sweeps;
