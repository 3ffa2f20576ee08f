//! Which ports are free.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

const CANDIDATES: u16 = 10_000;
const TRIES: u32 = 64;

/// A port of 127.0.0.1 that nobody listens on. Another process may take it before its user does, so the
/// user tries again with another one.
///
/// It lies below the range from which the kernel takes the local ports of outgoing connections. A port
/// out of that range could not be had again at a server's restart whenever some client's connection uses
/// it; a client that knocks while the server is away can even be connected to itself.
pub(crate) fn free() -> io::Result<u16> {
    let ceiling = ephemeral_start().unwrap_or(0);
    if ceiling < 2 * CANDIDATES {
        return bound(0);
    }
    let mut last = None;
    for _ in 0..TRIES {
        match bound(ceiling - 1 - rand::random::<u16>() % CANDIDATES) {
            Ok(port) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no port was tried")))
}

fn bound(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?.port())
}

fn ephemeral_start() -> Option<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    range.split_whitespace().next()?.parse().ok()
}
