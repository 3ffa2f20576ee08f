//! What is kept of a room's latest page? Its bytes, the same for all who may read it, and who reacted to what in it.

use bytes::Bytes;
use events::{MessageId, Position, Role, RoomId, UserId, Visibility, message::MessageStatus};
use platform::Problem;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::{
    history::Neighbours,
    read::messages::{Found, Reacted, Stored},
    resource::{Message, shows_text},
    rights::Shown,
    wait::AsOf,
};

/// A page that is larger is read each time: so many of such size are the most that the cache holds.
const PAGE_BYTES_MAX: usize = 256 << 10;
/// A page with more reactions is read each time.
const REACTIONS_MAX: usize = 2_000;

/// A room's latest page, or that it is not the same for all.
///
/// Two things on a page are a viewer's own. His reactions stand behind what is shared: who reacted to what is kept
/// beside the bytes, so that nobody's page needs a statement. And his role decides which texts he sees: those that are
/// removed are in bytes of their own for moderators; a hidden one is seen by its author as well, and such a page is
/// read for each.
pub(crate) struct Latest {
    pub(crate) as_of: AsOf,
    room: RoomId,
    authors: Vec<UserId>,
    /// `None`: it depends on who looks.
    pub(crate) shared: Option<Shared>,
}

/// What all who may read a room are shown of it.
pub(crate) struct Shared {
    pub(crate) visibility: Visibility,
    /// Where the room or the name of somebody on the page was last changed.
    pub(crate) changed: u64,
    members: Bytes,
    moderators: Option<Bytes>,
    /// By user, then by message.
    reactions: Vec<Reacted>,
}

impl Latest {
    /// Of what the statement found, cut to the page.
    pub(crate) fn of(room: RoomId, found: &Found, page: &Neighbours) -> Result<Self, Problem> {
        let mut authors: Vec<UserId> = found.messages.iter().map(|stored| stored.message.author.id).collect();
        authors.sort_unstable();
        authors.dedup();
        let shared = match (&found.reactors, found.visibility) {
            (Some(reactors), Some(visibility)) => shared(found, page, reactors, visibility)?,
            _ => None,
        };
        Ok(Self { as_of: found.as_of, room, authors, shared })
    }

    /// What a change of it would be.
    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown::Page { room: self.room, authors: &self.authors }
    }
}

impl Shared {
    /// The answer for one viewer, as the read model is at `position`.
    pub(crate) fn seen_by(&self, viewer: UserId, role: Role, position: Position) -> Result<Bytes, Problem> {
        let shared = self.moderators.as_ref().filter(|_| role >= Role::Moderator).unwrap_or(&self.members);
        let own = self.own_reactions(viewer);
        let tail = Tail { own_reactions: own, position };
        behind(shared, &tail)
    }

    fn own_reactions(&self, viewer: UserId) -> BTreeMap<MessageId, Vec<&str>> {
        let first = self.reactions.partition_point(|reacted| reacted.user < viewer);
        let own = self.reactions[first..].iter().take_while(|reacted| reacted.user == viewer);
        own.fold(BTreeMap::new(), |mut own: BTreeMap<_, Vec<&str>>, reacted| {
            own.entry(reacted.message).or_default().push(&reacted.emoji);
            own
        })
    }
}

/// What is the same for all of a page: its fields come first, as in `MessagePage`.
#[derive(Serialize)]
struct Head<'a> {
    items: &'a [&'a Message],
    page: &'a Neighbours,
    head: u64,
}

/// What is one viewer's, and the end.
#[derive(Serialize)]
struct Tail<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    own_reactions: BTreeMap<MessageId, Vec<&'a str>>,
    position: Position,
}

fn shared(
    found: &Found,
    page: &Neighbours,
    reactors: &[Reacted],
    visibility: Visibility,
) -> Result<Option<Shared>, Problem> {
    let is = |status: MessageStatus| found.messages.iter().any(|stored| stored.message.status == status);
    if is(MessageStatus::Hidden) || reactors.len() > REACTIONS_MAX {
        return Ok(None);
    }
    let rendered = |role: Role| {
        let seen = |stored: &Stored| match shows_text(stored.message.status, role, false) {
            true => stored.message.clone(),
            false => Message { text: None, ..stored.message.clone() },
        };
        let messages: Vec<Message> = found.messages.iter().map(seen).collect();
        let items: Vec<&Message> = messages.iter().collect();
        json(&Head { items: &items, page, head: found.head })
    };
    let members = rendered(Role::Member)?;
    let moderators = is(MessageStatus::Removed).then(|| rendered(Role::Moderator)).transpose()?;
    if members.len() + moderators.as_ref().map_or(0, Bytes::len) > PAGE_BYTES_MAX {
        return Ok(None);
    }
    // One was read beyond the page's end.
    let is_shown = |reacted: &&Reacted| found.messages.iter().any(|stored| stored.message.id == reacted.message);
    let mut reactions: Vec<Reacted> = reactors.iter().filter(is_shown).cloned().collect();
    reactions.sort_unstable();
    Ok(Some(Shared { visibility, changed: found.changed, members, moderators, reactions }))
}

/// An object's bytes, to be kept.
pub(super) fn json(object: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(object).map(Bytes::from).map_err(|_| Problem::internal())
}

/// One object of the fields of two: of what is kept and of what is a viewer's own.
pub(super) fn behind(kept: &Bytes, own: &impl Serialize) -> Result<Bytes, Problem> {
    let own = json(own)?;
    let mut whole = Vec::with_capacity(kept.len() + own.len());
    whole.extend_from_slice(kept.strip_suffix(b"}").unwrap_or(kept));
    whole.push(b',');
    whole.extend_from_slice(own.strip_prefix(b"{").unwrap_or(&own));
    Ok(whole.into())
}
