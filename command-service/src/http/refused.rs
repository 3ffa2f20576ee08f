//! How are refusals documented? Once for each kind of command, as problems.

use platform::problem::PROBLEM_JSON;
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::{Content, Ref, RefOr, Response};

type Kind = (u16, &'static str);

/// What any command may be refused with.
const ANY: [Kind; 9] = [
    (400, "`malformed-json` or `invalid-request`."),
    (408, "`request-timeout`: the body did not arrive in time. Nothing was done."),
    (413, "`payload-too-large`."),
    (415, "`unsupported-media-type`: a body is `application/json`, without a content encoding."),
    (
        422,
        "`validation`, with every field that is not valid; `idempotency-mismatch`: the key was used with another body.",
    ),
    (429, "`rate-limited`: come back after `Retry-After`, a repeat with its key."),
    (500, "`internal`: repeat it with the same key and report the `request_id`."),
    (503, "`overloaded`, `log-unavailable` or `read-model-behind`: repeat it with the same key after `Retry-After`."),
    (507, "`storage-full`. Nothing was done."),
];
const SIGNED_IN: [Kind; 3] = [
    (401, "`unauthenticated` or `token-expired`."),
    (403, "`forbidden`: the caller's role does not allow it; in a room also `banned` or `muted`."),
    (409, "`conflict`, `archived`, or `idempotency-in-flight`: the same command is still being carried out."),
];
const ONE: Kind = (404, "`not-found`: no such thing, or none that the caller may know of.");

const GONE: Kind = (410, "`gone`: it was deleted or removed.");

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $kinds:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                problems(&[ANY.as_slice(), $kinds].concat())
            }
        }
    )*};
}
refusals! {
    /// Of a command that needs no sign-in.
    Open = &[];
    /// Of a registration.
    Registering = &[(409, "`phone-taken`: the number has an account with another password.")];
    /// Of a sign-in.
    SigningIn = &[(401, "`wrong-credentials`: the answer does not say which of both.")];
    /// Of a refresh.
    Refreshing = &[(401, "`unauthenticated`: sign in; `token-reused`: somebody used the token before, sign in.")];
    /// Of a command on the caller's own account.
    Own = &SIGNED_IN;
    /// Of a change of the password.
    Password = &[
        SIGNED_IN[0],
        (403, "`wrong-password`: the current one; `forbidden`: guests have none."),
        SIGNED_IN[2],
    ];
    /// Of an erasure.
    Erasing = &[
        SIGNED_IN[0],
        (403, "`wrong-password`: the current one."),
        (409, "`last-owner`: hand the ownership over first; `conflict`; `idempotency-in-flight`."),
    ];
    /// Of an upgrade.
    Upgrading = &[
        SIGNED_IN[0],
        SIGNED_IN[1],
        (409, "`phone-taken`; `conflict`; `idempotency-in-flight`."),
    ];
    /// Of a command on one thing.
    One = &[SIGNED_IN[0], SIGNED_IN[1], SIGNED_IN[2], ONE];
    /// Of leaving.
    Leaving = &[
        SIGNED_IN[0],
        (403, "`forbidden`: the caller was never in the room; `banned`."),
        (409, "`last-owner`: hand the ownership over first; `conflict`; `idempotency-in-flight`."),
        ONE,
    ];
    /// Of bringing somebody into a room.
    Adding = &[
        SIGNED_IN[0],
        (403, "`forbidden`: moderators and owners of a private room only, and guests only if it has guests; `banned`."),
        (409, "`conflict`: the person is banned, or others changed it at the same time; `archived`; `idempotency-in-flight`."),
        (404, "`not-found`: no such room that the caller may know of, or nobody with this id whose account may act."),
    ];
    /// Of shutting somebody out or silencing him.
    Moderating = &[
        SIGNED_IN[0],
        (403, "`forbidden`: moderators and owners only, on people of a lower rank, never on oneself; `banned`."),
        (409, "`conflict`: others changed it at the same time; `idempotency-in-flight`."),
        (404, "`not-found`: no such room that the caller may know of, or nobody with this id."),
    ];
    /// Of a change of a role.
    Ranking = &[
        SIGNED_IN[0],
        (403, "`forbidden`: owners only; `banned`."),
        (
            409,
            "`last-owner`: hand the ownership over first; `conflict`: a guest is not raised, nor somebody muted to \
             owner, or others changed it at the same time; `idempotency-in-flight`.",
        ),
        (404, "`not-found`: no such room that the caller may know of, or the person is not in it or may not act."),
    ];
    /// Of what is done to a message that is there.
    OnMessage = &[SIGNED_IN[0], SIGNED_IN[1], SIGNED_IN[2], ONE, GONE];
    /// Of a change of a message.
    Message = &[
        SIGNED_IN[0],
        SIGNED_IN[1],
        (409, "`edit-window-over`, `archived`, `conflict` or `idempotency-in-flight`."),
        ONE,
        GONE,
    ];
}

fn problems(kinds: &[Kind]) -> BTreeMap<String, RefOr<Response>> {
    let problem = |description: &str| {
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
        let mut response = Response::new(description);
        response.content.insert(PROBLEM_JSON.to_owned(), content.into());
        RefOr::T(response)
    };
    kinds.iter().map(|(status, description)| (status.to_string(), problem(description))).collect()
}
