//! Which answers are kept ready? Latest pages of hot rooms, lists, and who stands where: each for as long as the log says that it is so.

mod lists;
mod pages;
mod ready;
mod shelf;
mod standings;

use clap::Args;
use events::{LoungeId, RoomId, UserId};

pub(crate) use lists::{Cards, List, Lounges, Stranger, rooms_list};
pub(crate) use pages::Latest;
pub(crate) use ready::Ready;
pub(crate) use standings::Known;

/// Lists of which there is one: the key of the lounges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct All;

/// Limits of what is kept in memory.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Caches")]
pub struct CacheArgs {
    /// Rooms whose latest page is kept ready; 0: none. A page has at most 256 KiB.
    #[arg(long, env = "CACHED_PAGES", value_name = "N", default_value_t = 512)]
    pub cached_pages: usize,

    /// Lounges whose list of rooms is kept ready, beside the list of lounges; 0: none.
    #[arg(long, env = "CACHED_LISTS", value_name = "N", default_value_t = 256)]
    pub cached_lists: usize,

    /// People in rooms, and in lounges, whose standing is kept; 0: none. Some 200 bytes each.
    #[arg(long, env = "CACHED_STANDINGS", value_name = "N", default_value_t = 20_000)]
    pub cached_standings: usize,
}

impl Default for CacheArgs {
    fn default() -> Self {
        Self { cached_pages: 512, cached_lists: 256, cached_standings: 20_000 }
    }
}

/// What this process keeps. Nothing in here is dropped by a timer, and nothing is trusted because it is in here: each
/// answer carries the checkpoint of its statement, and is kept and given out only while the hub, which follows the log,
/// has seen no change of it since and is itself as far as the read model ([`crate::app::App::still`]).
pub struct Caches {
    pub(crate) pages: Ready<RoomId, Latest>,
    pub(crate) lounges: Ready<All, Lounges>,
    pub(crate) rooms: Ready<LoungeId, Cards>,
    pub(crate) standings: Ready<(RoomId, UserId), Known>,
    pub(crate) strangers: Ready<(LoungeId, UserId), Stranger>,
}

impl Caches {
    /// With nothing in them.
    #[must_use]
    pub fn new(args: &CacheArgs) -> Self {
        Self {
            pages: Ready::of("pages", args.cached_pages),
            lounges: Ready::of("lounges", args.cached_lists.min(1)),
            rooms: Ready::of("rooms", args.cached_lists),
            standings: Ready::of("standings", args.cached_standings),
            strangers: Ready::of("strangers", args.cached_standings),
        }
    }
}
