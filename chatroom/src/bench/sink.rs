//! What is possible? Frames that are bytes already, written with one vectored write to each plain connection.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use std::{
    io::{IoSlice, Write},
    net::TcpStream,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use super::cpu;

/// Batches that may wait; one more, and whoever sends waits.
const WAITING_MAX: usize = 64;
/// A connection that is not read for so long is an error.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// A thread of its own, whose time can be told from all others'.
pub(super) struct Sink {
    batches: SyncSender<Vec<Bytes>>,
    thread: cpu::Thread,
    writing: JoinHandle<Result<()>>,
}

impl Sink {
    pub(super) fn start(connections: Vec<TcpStream>) -> Result<Self> {
        for connection in &connections {
            connection.set_write_timeout(Some(WRITE_WITHIN))?;
        }
        let (batches, waiting) = sync_channel(WAITING_MAX);
        let (tell, told) = sync_channel(1);
        let writing = std::thread::spawn(move || {
            tell.send(cpu::Thread::current())?;
            write_all(connections, &waiting)
        });
        let thread = told.recv().context("the thread that writes")?;
        Ok(Self { batches, thread, writing })
    }

    /// Hands over a batch, which is one write to each connection.
    pub(super) fn write(&self, batch: Vec<Bytes>) -> Result<()> {
        ensure!(!self.writing.is_finished(), "a plain connection could not be written to");
        self.batches.send(batch).context("the thread that writes has ended")
    }

    /// Time that it has had so far.
    pub(super) fn used(&self) -> Result<Duration> {
        self.thread.used()
    }
}

/// Until nobody hands anything over any more.
fn write_all(mut connections: Vec<TcpStream>, batches: &Receiver<Vec<Bytes>>) -> Result<()> {
    while let Ok(batch) = batches.recv() {
        for connection in &mut connections {
            let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|frame| IoSlice::new(frame)).collect();
            let mut left = slices.as_mut_slice();
            while !left.is_empty() {
                let written = connection.write_vectored(left)?;
                ensure!(written > 0, "a plain connection takes nothing");
                IoSlice::advance_slices(&mut left, written);
            }
        }
    }
    Ok(())
}
