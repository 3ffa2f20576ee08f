//! What would clients hear of a server that breaks a rule? Each way breaks one, and the play has to notice.

use clap::ValueEnum;

use crate::client::Frame;

/// Of so many frames one is spoiled, where it is about single ones.
const ONE_OF: u64 = 40;

/// A rule that the server breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spoiled {
    /// A frame is left out, as for somebody who lags.
    SkipOnLag,
    /// A frame comes twice.
    Repeat,
    /// What is caught up is read before the room is attached: what happens in between is in neither.
    ReadBeforeAttach,
    /// What is caught up has no deletions.
    ForgetDeletes,
    /// What is caught up is numbered by the rows there are: what a viewer may not see has none.
    NumbersFromRows,
}

/// What was heard so far: frames by a listener, all else of a connection. Those may be short, and one frame in so many is in
/// none of them then.
#[derive(Debug, Default)]
pub(super) struct Ears {
    frames: u64,
    is_caught_up: bool,
    since_caught_up: u64,
    left_out: u64,
}

impl Ears {
    /// Another connection of the same listener.
    pub(super) fn connects(&mut self) {
        *self = Self { frames: self.frames, ..Self::default() };
    }
}

impl Spoiled {
    /// The frame as it is heard: not at all, once, or twice.
    pub(super) fn spoil(self, mut frame: Frame, ears: &mut Ears) -> Vec<Frame> {
        ears.is_caught_up |= frame.t == "caught_up";
        let Some(seq) = frame.seq else { return vec![frame] };
        ears.frames += 1;
        ears.since_caught_up += u64::from(ears.is_caught_up);
        let is_one = ears.frames.is_multiple_of(ONE_OF);
        match self {
            Self::SkipOnLag if is_one => vec![],
            Self::Repeat if is_one => vec![frame.clone(), frame],
            Self::ReadBeforeAttach if ears.since_caught_up == 1 => vec![],
            Self::ForgetDeletes if !ears.is_caught_up && frame.t == "message.deleted" => {
                frame.t = "noop".to_owned();
                vec![frame]
            }
            Self::NumbersFromRows if !ears.is_caught_up => {
                ears.left_out += u64::from(frame.t == "noop" || frame.t.starts_with("member."));
                frame.seq = Some(seq.saturating_sub(ears.left_out));
                vec![frame]
            }
            Self::SkipOnLag | Self::Repeat | Self::ReadBeforeAttach | Self::ForgetDeletes | Self::NumbersFromRows => {
                vec![frame]
            }
        }
    }
}
