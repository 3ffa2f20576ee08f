//! Does the program do what it says when it is run? In one program of tests, so that they wait side by side.

mod analyst;
mod cluster;
mod kills;
mod live;
mod replay;
mod shutdown;
mod sockets;
