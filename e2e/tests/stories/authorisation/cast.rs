//! Who plays? One person for each column, and others for what is done to somebody else.

use super::{
    person::{Account, Person},
    stage::Stage,
};
use chatroom::{
    client::{Api, Socket},
    docs::authorisation::{Caller, Row},
};
use command_service::operator;
use hyper::Method;
use serde_json::json;
use servers::Role;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use testkit::System;
use tokio::time::timeout;

/// How long a suspension may take on a machine that is busy with other tests.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);

/// Everybody, for all cells whose operation leaves him as he is.
pub(crate) struct Cast {
    pub(crate) api: Api,
    /// A person for each column, so that nobody has more sockets than one may have.
    callers: BTreeMap<Caller, Arc<Person>>,
    /// The owner's, in which the rooms of most cells are.
    pub(crate) lounge: String,
    /// From where on reads see everybody.
    pub(crate) position: Option<String>,
    /// The other one: the author, the member, the moderator whom it is about.
    pub(crate) tim: Arc<Person>,
    /// The other one, where he is a guest.
    pub(crate) gus: Arc<Person>,
    phones: AtomicU32,
}

impl Cast {
    pub(crate) async fn arrives(system: &System) -> Self {
        let (api, phones) = (system.api.clone(), AtomicU32::new(0));
        let tim = Arc::new(Person::registers(&api, account(&phones)).await);
        let gus = Arc::new(Person::comes_as_guest(&api).await);
        let mut cast = Self { api, callers: BTreeMap::new(), lounge: String::new(), position: None, tim, gus, phones };
        for caller in Caller::ALL {
            if let Some(person) = cast.new_caller(caller).await {
                cast.callers.insert(caller, person);
            }
        }
        let (path, lounge) = ("/v1/lounges".to_owned(), json!({ "name": "The lounge" }));
        let made = cast.owner().does(&cast.api, Method::POST, path, Some(lounge)).await;
        cast.lounge = made["lounge"]["id"].as_str().expect("what was made has an id").to_owned();
        // For the rows that name no room: everybody is in one what his column says.
        let row = Row { operation: String::new(), room: "public".into(), target: "-".into(), cells: Vec::new() };
        for caller in Caller::ALL {
            cast.position = Stage::set(&cast, &row, caller).await.position;
        }
        is_suspended(system, &cast.callers[&Caller::Suspended]).await;
        cast
    }

    /// Who calls; `None` without a session.
    pub(crate) fn caller(&self, caller: Caller) -> Option<Arc<Person>> {
        self.callers.get(&caller).cloned()
    }

    /// Who makes the rooms that the caller does not make.
    pub(crate) fn owner(&self) -> Arc<Person> {
        Arc::clone(&self.callers[&Caller::Owner])
    }

    /// Such a person, of a cell's own: for what changes the account, or ends it.
    pub(crate) async fn new_caller(&self, caller: Caller) -> Option<Arc<Person>> {
        let person = match caller {
            Caller::Anonymous => return None,
            Caller::Guest | Caller::GuestIn => Person::comes_as_guest(&self.api).await,
            Caller::User
            | Caller::Member
            | Caller::Moderator
            | Caller::Owner
            | Caller::Banned
            | Caller::Muted
            | Caller::Suspended => Person::registers(&self.api, self.account()).await,
        };
        Some(Arc::new(person))
    }

    /// A number that nobody has.
    pub(crate) fn account(&self) -> Account {
        account(&self.phones)
    }
}

/// His socket is closed where his suspension is known, and from then on he is refused.
async fn is_suspended(system: &System, person: &Person) {
    let (mut socket, _) = Socket::open(&system.api).await.expect("a socket");
    socket.identify(&person.token, &[], None).await.expect("it is open");
    let log = system.log(Role::Operator).await;
    operator::suspend(&log, person.id, None).await.expect("there is one");
    while timeout(CLOSED_WITHIN, socket.frame()).await.expect("an end in time").is_ok() {}
}

fn account(phones: &AtomicU32) -> Account {
    let phone = format!("+4916{:09}", phones.fetch_add(1, Ordering::Relaxed));
    Account { password: format!("the pass phrase of {phone}"), phone }
}
