//! How are refusals documented? Once for each kind of route, as problems.

use platform::problem::PROBLEM_JSON;
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response},
};

/// What any read may be refused with.
pub(super) struct Read;

/// What a read of one thing may be refused with.
pub(super) struct One;

/// What a read that needs a right in a room may be refused with.
pub(super) struct InRoom;

/// What an open read may be refused with.
pub(super) struct Open;

const READ: [(u16, &str); 5] = [
    (400, "`invalid-request`: a part of the path, the query or a header cannot be read."),
    (401, "`unauthenticated` or `token-expired`."),
    (410, "`gone`: the position is of a history that was replaced."),
    (429, "`rate-limited`."),
    (503, "`read-model-behind` or `overloaded`: come back after `Retry-After`."),
];
const ONE: (u16, &str) = (404, "`not-found`: no such thing, or none that the caller may know of.");
const IN_ROOM: (u16, &str) = (403, "`forbidden` or `banned`: for members of the room.");

fn problems(kinds: &[(u16, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let problem = |description: &str| {
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
        let mut response = Response::new(description);
        response.content.insert(PROBLEM_JSON.to_owned(), content.into());
        RefOr::T(response)
    };
    kinds.iter().map(|(status, description)| (status.to_string(), problem(description))).collect()
}

impl IntoResponses for Read {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&READ)
    }
}

impl IntoResponses for One {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[READ.as_slice(), &[ONE]].concat())
    }
}

impl IntoResponses for InRoom {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[READ.as_slice(), &[ONE, IN_ROOM]].concat())
    }
}

impl IntoResponses for Open {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&READ[3..4])
    }
}
