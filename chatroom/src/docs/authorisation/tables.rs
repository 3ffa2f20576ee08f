//! How do people read who may do what? A table for each resource, with the requests as the API names them.

use super::{Caller, Cell, Row, SOCKET};
use std::{collections::BTreeMap, fmt::Write as _};
use utoipa::openapi::OpenApi;

const LEGEND: &str = "\
# Who may do what

Generated from [`authorisation.csv`](authorisation.csv), which a test plays cell by cell against a running system
(`cargo test -p e2e authorisation`). Change the csv, then `WRITE_DOCS=1 cargo test -p chatroom --test documents`.

**Callers.** *anonymous* has no session · *guest* and *user* (registered) are not in the room · *guest-in*, *member*,
*moderator* and *owner* are · *banned* and *muted* were members before, and are so in this room only · *suspended* is
refused by the operator everywhere.

**Outcomes.** ✓ done, or shown · `without` answered, but without what the row is about: the room in a list, a message's
text, a reason · – there is no such case · anything else is the `code` of the problem that is answered; on the socket,
the frame or the close code.

**Rooms.** *public* and *private* take guests; *no-guests* (public) and *private-no-guests* do not · *archived* (public) ·
*private-archived* · *missing*: there is none with this id. Where a row names none, the room does not matter.

**Targets.** *own* and *other* say whose it is; what somebody wrote stays his own after he has left. *self* is the caller
as a member; *member*, *moderator*, *owner*, *banned* and *muted* say who somebody else is in the room; an *outsider* is
registered and never was there, a *guest* neither where he is added. *new-owner* is a member who is made owner;
*with-another-owner*: the owner goes or steps down, and another one stays; *left* and *kicked*: the caller was in.
*hidden* and *removed* messages (`own-`: the caller's) were taken out by a moderator; a frame tells nobody what was taken
out since, moderators read it by REST, and a search finds it for nobody. A search without a target is one in the room,
with a target it is one in all the caller's rooms. *ban-reason*: somebody was banned with a reason. *own-archived* is one's own
lounge, archived. *missing* is what is not there.
";

/// The heading of what is said on a socket.
const ON_THE_SOCKET: &str = "socket";

/// The tables, in the order of the rows.
#[must_use]
pub fn markdown(rows: &[Row], api: &OpenApi) -> String {
    let requests = requests(api);
    let mut page = LEGEND.to_owned();
    let mut resource = "";
    for row in rows {
        let (of, request) = match (row.operation.strip_prefix(SOCKET), requests.get(&row.operation)) {
            (Some(frame), _) => (ON_THE_SOCKET, format!("`{frame}`")),
            (None, Some((tag, request))) => (tag.as_str(), request.clone()),
            // That there is none is for a test to say.
            (None, None) => ("unknown", format!("`{}`", row.operation)),
        };
        if of != resource {
            resource = of;
            page += &heading(resource);
        }
        let (room, target) = (word(&row.room), word(&row.target));
        writeln!(page, "| {request} | {room} | {target} | {} |", cells(row)).expect("writing to a string");
    }
    page
}

fn heading(resource: &str) -> String {
    let callers = Caller::ALL.map(Caller::as_str).join(" | ");
    let lines = "---|".repeat(3) + &":-:|".repeat(Caller::ALL.len());
    let (first, rest) = resource.split_at(1);
    format!("\n## {}{rest}\n\n| Request | Room | Target | {callers} |\n|{lines}\n", first.to_uppercase())
}

fn cells(row: &Row) -> String {
    let shown = row.cells.iter().map(|cell| match cell {
        Cell::Ok => "✓".to_owned(),
        Cell::None => "–".to_owned(),
        Cell::Without | Cell::Refused(_) | Cell::RoomGone | Cell::Closed(_) => cell.to_string(),
    });
    shown.collect::<Vec<_>>().join(" | ")
}

fn word(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

/// By `operationId`: the resource, and method and path.
fn requests(api: &OpenApi) -> BTreeMap<String, (String, String)> {
    let document = serde_json::to_value(api).expect("a document of strings");
    let mut requests = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let tag = operation["tags"][0].as_str().unwrap_or("unknown");
            requests.insert(id.to_owned(), (tag.to_owned(), format!("`{} {path}`", method.to_uppercase())));
        }
    }
    requests
}
