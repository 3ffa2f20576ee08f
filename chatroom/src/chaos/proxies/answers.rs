//! How does an answer over HTTP get lost? Its request passes; the connection is cut as the answer begins.

use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::passing::{Fate, Lot};

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 16 << 10;

/// Carries requests and answers in turn, as HTTP/1.1 without pipelining has them.
pub(super) async fn carry(mut client: TcpStream, mut server: TcpStream, fate: &Fate) -> io::Result<()> {
    let (mut asked, mut answered) = ([0; PIECE_BYTES], [0; PIECE_BYTES]);
    let mut is_asked = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Some(piece) = asked.get(..read?).filter(|piece| !piece.is_empty()) else { return Ok(()) };
                server.write_all(piece).await?;
                is_asked = true;
            }
            read = server.read(&mut answered) => {
                let Some(piece) = answered.get(..read?).filter(|piece| !piece.is_empty()) else { return Ok(()) };
                // The first piece behind a request is the beginning of its answer: what was asked for was decided.
                if std::mem::take(&mut is_asked) && fate.draw() != Lot::Passed {
                    return Ok(());
                }
                client.write_all(piece).await?;
            }
        }
    }
}
