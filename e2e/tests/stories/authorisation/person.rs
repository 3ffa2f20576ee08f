//! Somebody with tokens in the hand: tests of sessions need the refresh token and the session's id.

use chatroom::client::{Answer, Api, Ask};
use events::UserId;
use hyper::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// On a machine that is busy with other tests the log may be out of sight for a second or two.
const TRIES_MAX: u32 = 10;

/// Number and password of an account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) phone: String,
    pub(crate) password: String,
}

/// Who is signed in. His access token outlives every test.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    pub(crate) session: String,
    /// Guests have none.
    pub(crate) account: Option<Account>,
}

impl Person {
    pub(crate) async fn registers(api: &Api, account: Account) -> Self {
        let Account { phone, password } = &account;
        let body = json!({ "phone": phone, "password": password, "display_name": "Somebody" });
        Self::of(api, "/v1/users", &body, Some(account.clone())).await
    }

    pub(crate) async fn comes_as_guest(api: &Api) -> Self {
        Self::of(api, "/v1/guests", &json!({ "display_name": "A guest" }), None).await
    }

    async fn of(api: &Api, path: &str, body: &Value, account: Option<Account>) -> Self {
        let answer = api.send(Ask::new(Method::POST, path).json(body)).await.expect("an answer");
        let tokens = answer.value();
        let text = |value: &Value| value.as_str().expect("tokens, and whose").to_owned();
        Self {
            id: text(&tokens["user"]["id"]).parse().expect("an id"),
            token: text(&tokens["access_token"]),
            refresh_token: text(&tokens["refresh_token"]),
            session: text(&tokens["session"]["id"]),
            account,
        }
    }

    pub(crate) async fn asks(&self, api: &Api, ask: Ask) -> Answer {
        api.send(ask.bearer(&self.token)).await.expect("an answer")
    }

    /// Does what has to succeed: as any client does, again where the answer says that nothing was done, and when to come
    /// back.
    pub(crate) async fn does(&self, api: &Api, method: Method, path: String, body: Option<Value>) -> Value {
        for _ in 0..TRIES_MAX {
            let ask = Ask::new(method.clone(), path.clone());
            let answer = self.asks(api, body.iter().fold(ask, |ask, body| ask.json(body))).await;
            let said = answer.value();
            if answer.status.is_success() {
                return said;
            }
            let again = said["retry_after_ms"].as_u64().filter(|_| said["code"] == "log-unavailable");
            let Some(after) = again else {
                panic!("to set the stage, {method} {path} was answered {} {said}", answer.status);
            };
            tokio::time::sleep(Duration::from_millis(after)).await;
        }
        panic!("to set the stage, {method} {path} was refused {TRIES_MAX} times")
    }
}
