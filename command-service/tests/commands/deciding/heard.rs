//! What was heard of a command in the end? Whatever is unknown is asked again with its key until it is definite.

use super::ask::{self, Wish};
use super::instances::{Answer, Ask, Instances};
use super::model::Model;
use super::script::{Act, Via, Who};
use serde_json::{Value, json};
use std::time::Duration;

/// A command that gets no definite answer in so many tries never will.
const TRIES_MAX: u32 = 200;
/// After so many tries the client waits between two: an instance that is deaf hears again after a while.
const TRIES_AT_ONCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The definite answer to a command.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) answer: Answer,
    /// Who gave it.
    pub(super) via: Via,
    /// Given at once, of what this instance itself did: it knows what it left.
    pub(super) is_sure: bool,
    /// Something else was done at the same time, and it was refused after a doubt: whether before or after, or at all.
    pub(super) is_unresolved: bool,
    /// How often it was asked in vain. A guest who is asked for again is another one.
    pub(super) doubts: u32,
}

impl Heard {
    /// Whether this instance may have decided: the one that answered, or any where one did not.
    pub(super) fn may_be_of(&self, via: Via) -> bool {
        self.doubts > 0 || self.via == via
    }

    /// Refused, after it was asked in vain: what was on its way then may still be stored, where no condition guards what
    /// it was refused for.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubts > 0 && self.answer.status >= 400
    }

    pub(super) fn text(&self, pointer: &str) -> Result<String, String> {
        let found = self.answer.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| format!("no {pointer} in {}", self.answer.body))
    }

    pub(super) fn says(&self, pointer: &str, expected: &str) -> Result<(), String> {
        if self.is_doubtful() {
            return Ok(());
        }
        let found = self.text(pointer)?;
        if found == expected { Ok(()) } else { Err(format!("{pointer} is {found}, not {expected}")) }
    }
}

impl Instances {
    /// Asks until the answer is definite.
    pub(super) async fn hear(&self, model: &Model, wish: &Wish) -> Result<Heard, String> {
        let mut heard = self.definite(wish, &wish.ask).await?;
        let code = heard.answer.code().to_owned();
        if heard.doubts > 0 {
            match (wish.made.act, code.as_str()) {
                // Nobody can ask twice to be signed out.
                (Act::SignOut, "unauthenticated") => heard.answer = said(200, json!({})),
                // The old tokens and the old password are over: the new ones are good.
                (Act::Upgrade { phone }, "unauthenticated" | "forbidden" | "phone-taken")
                    if model.is_guest(wish.made.who) =>
                {
                    self.sign_in_instead(model, &mut heard, wish, phone, 0).await?;
                }
                (Act::ChangePassword { .. }, "unauthenticated" | "wrong-password") => {
                    if let Some(phone) = model.phone_of(wish.made.who) {
                        let next = model.phones[&phone].next_password();
                        self.sign_in_instead(model, &mut heard, wish, phone, next).await?;
                    }
                }
                // Nobody can tell whether it was there before, or is from the time before.
                (Act::Register { .. }, "") if !model.phones.contains_key(&wish.made.who) => heard.answer.status = 201,
                _ => {}
            }
        }
        Ok(heard)
    }

    /// Was it applied? Then one signs in with what it made; else its refusal stands.
    async fn sign_in_instead(
        &self,
        model: &Model,
        heard: &mut Heard,
        wish: &Wish,
        phone: Who,
        n: usize,
    ) -> Result<(), String> {
        let body = json!({ "phone": ask::phone(phone), "password": ask::password(phone, n) });
        let ask = Ask { method: "POST", path: "/v1/sessions".into(), token: None, key: None, body };
        let signed_in = self.definite(wish, &ask).await?;
        // The number may be somebody else's.
        if signed_in.answer.status == 201 && signed_in.text("/user/id").ok() == model.people[wish.made.who].user {
            heard.answer = Answer { status: 200, ..signed_in.answer };
        }
        Ok(())
    }

    pub(super) async fn definite(&self, wish: &Wish, ask: &Ask) -> Result<Heard, String> {
        let mut via = wish.made.via;
        let mut doubts = 0;
        for tries in 0..TRIES_MAX {
            let answer = self.answer(via, ask).await;
            match (answer.status, answer.code()) {
                (503, "log-unavailable") => doubts += 1,
                // Said to be repeated, and nothing was done.
                (409, "idempotency-in-flight") => {}
                (409, "conflict") if answer.says_others_are_busy() => {}
                _ => {
                    let is_sure = doubts == 0 && !answer.replayed;
                    in_order(&answer)?;
                    return Ok(Heard { answer, via, is_sure, is_unresolved: false, doubts });
                }
            }
            // Another instance is as good, but for what only this one remembers.
            if !wish.made.act.is_about_a_message() {
                via = via.other();
            }
            if tries >= TRIES_AT_ONCE {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(format!("no definite answer to {} {} in {TRIES_MAX} tries", ask.method, ask.path))
    }
}

/// The position stands in header and body alike.
fn in_order(answer: &Answer) -> Result<(), String> {
    let in_body = answer.body["position"].as_str();
    if in_body == answer.position.as_deref() {
        Ok(())
    } else {
        Err(format!("position {in_body:?} in the body, {:?} in the header", answer.position))
    }
}

fn said(status: u16, body: Value) -> Answer {
    Answer { status, body, position: None, replayed: false }
}
