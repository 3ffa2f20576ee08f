//! Who posts, and where? Guests in a few rooms, each for himself.

use anyhow::Result;
use events::{LoungeId, RoomId};
use uuid::Uuid;

use super::{bed::Bed, poster::Poster};
use crate::client::{Account, NewRoom, Session};

/// Rooms that the posters share.
const ROOMS: usize = 16;
/// Who owns them. Also the one whose sign-ins storm.
pub(super) const PHONE: &str = "+4915112345678";
pub(super) const PASSWORD: &str = "a long pass phrase";

/// So many rooms of one owner.
pub(super) async fn rooms(bed: &Bed, count: usize) -> Result<Vec<RoomId>> {
    let account = Account { phone: PHONE.into(), password: PASSWORD.into(), display_name: "Ada".into() };
    let ada = Session::register(&bed.api, &account).await.applied()?;
    let lounge = ada.create_lounge(&key(), "Bench").await.applied()?.id;
    let mut rooms = Vec::new();
    for _ in 0..count {
        rooms.push(room(&ada, lounge).await?);
    }
    Ok(rooms)
}

/// So many posters, each a member of one of the rooms.
pub(super) async fn posters(bed: &Bed, count: usize) -> Result<Vec<Poster>> {
    let rooms = rooms(bed, ROOMS).await?;
    let mut posters = Vec::new();
    for n in 0..count {
        let room = rooms[n % rooms.len()];
        let guest = Session::guest(&bed.api, "Bob").await.applied()?;
        guest.join(room).await.applied()?;
        let token = guest.access_token().await.applied()?;
        posters.push(Poster::new(bed.listen, room, guest.user(), &token));
    }
    Ok(posters)
}

async fn room(ada: &Session, lounge: LoungeId) -> Result<RoomId> {
    let room = NewRoom { name: "Bench".into(), language: "en".into(), visibility: "public".into(), guests: true };
    Ok(ada.create_room(&key(), lounge, &room).await.applied()?.id)
}

fn key() -> String {
    Uuid::now_v7().to_string()
}
