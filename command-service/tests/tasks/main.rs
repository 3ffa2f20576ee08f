//! What do instances do that nobody asks them for? On a real log, with instances that share nothing else.

mod instance;
mod presence;
mod sweeps;
