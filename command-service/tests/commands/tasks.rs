//! What do instances do that nobody asks them for?

mod presence;
mod sweeps;
