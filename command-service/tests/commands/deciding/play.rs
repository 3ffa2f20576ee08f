//! How is a script played? Step by step through both instances, each answer held against every model that fits so far.

use super::ask::{self, Wish};
use super::heard::Heard;
use super::instances::{Ask, Instances};
use super::model::Model;
use super::script::{Act, Again, Move, PEOPLE, Script, Step, Via, beginning};
use super::{fold, picture};
use event_log::fake::{FakeLog, Faults};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;
use uuid::Uuid;

/// How long a room's settings may be remembered, and a little more.
const A_WHILE: Duration = Duration::from_millis(1_100);
/// Until then both instances have heard what ended.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Plays the script; what is wrong comes with all that was said before.
pub(super) async fn play(script: &Script) -> Result<(), String> {
    let log = FakeLog::new();
    let instances = Instances::start(&log).await;
    let mut played =
        Played { instances, worlds: vec![Model::new(PEOPLE)], guests_in_vain: 0, transcript: String::new() };
    let begin = beginning().into_iter().zip(script.faults.seed..).map(|(step, luck)| Step { luck, ..step });
    for (n, step) in begin.chain(script.steps.iter().copied()).enumerate() {
        log.fail_by(Faults { seed: step.luck, ..script.faults });
        played.step(n, step).await.map_err(|why| format!("{why}\n\n{}", played.transcript))?;
    }
    log.fail_by(Faults::default());
    log.settle();
    let transcript = std::mem::take(&mut played.transcript);
    played.end(&log).await.map_err(|why| format!("{why}\n\n{transcript}"))
}

struct Played {
    instances: Instances,
    /// All that may be so, after what was heard. Of two commands at the same time nobody knows which came first.
    worlds: Vec<Model>,
    guests_in_vain: u32,
    transcript: String,
}

impl Played {
    async fn step(&mut self, n: usize, step: Step) -> Result<(), String> {
        if step.one.act == Act::Wait {
            self.wait().await;
            return Ok(());
        }
        let (name, model) = (2 * n, &self.worlds[0]);
        let made = |made: Move, name| ask::wish(model, made, name);
        let wishes: Vec<Wish> =
            made(step.one, name).into_iter().chain(step.beside.and_then(|beside| made(beside, name + 1))).collect();
        let heard = match wishes.as_slice() {
            [] => return Ok(()),
            [one] => vec![self.instances.hear(model, one).await?],
            [one, beside, ..] => {
                let (one, beside) = tokio::join!(self.instances.hear(model, one), self.instances.hear(model, beside));
                let doubtful = |heard: Heard| Heard { is_unresolved: heard.is_doubtful(), ..heard };
                vec![doubtful(one?), doubtful(beside?)]
            }
        };
        let told: Vec<(&Wish, &Heard)> = wishes.iter().zip(&heard).collect();
        self.note(&told);
        self.worlds = self.worlds_after(&told)?;
        if let [(wish, heard)] = told.as_slice() {
            self.again(step.again, wish, heard).await?;
        }
        Ok(())
    }

    /// In either order.
    fn worlds_after(&self, told: &[(&Wish, &Heard)]) -> Result<Vec<Model>, String> {
        let mut orders = vec![told.to_vec()];
        if told.len() > 1 {
            orders.push(told.iter().rev().copied().collect());
        }
        let (mut worlds, mut wrong) = (Vec::new(), BTreeSet::new());
        for (world, order) in self.worlds.iter().flat_map(|world| orders.iter().map(move |order| (world, order))) {
            let mut after = vec![world.clone()];
            for (wish, heard) in order {
                let next = after.iter().map(|world| world.after(wish, heard));
                let (fitting, not): (Vec<_>, Vec<_>) = next.partition(Result::is_ok);
                after = fitting.into_iter().flatten().flatten().collect();
                wrong.extend(not.into_iter().filter_map(Result::err));
            }
            for world in after {
                if !worlds.contains(&world) {
                    worlds.push(world);
                }
            }
        }
        if worlds.is_empty() { Err(format!("expected {}", Vec::from_iter(wrong).join(", or "))) } else { Ok(worlds) }
    }

    /// What made something is made once, however often it is asked for with its key.
    async fn again(&mut self, again: Again, wish: &Wish, heard: &Heard) -> Result<(), String> {
        let says_something = wish.made.act.says_something();
        let makes = says_something || matches!(wish.made.act, Act::MakeLounge | Act::MakeRoom { .. });
        if !makes || heard.answer.status != 201 || again == Again::No {
            return Ok(());
        }
        let mut repeat = wish.clone();
        repeat.made.via = heard.via.other();
        let field = if says_something { "text" } else { "name" };
        if again == Again::Another {
            repeat.ask.body[field] = json!("another");
        }
        let answer = self.instances.definite(&repeat, &repeat.ask).await?.answer;
        let _infallible =
            writeln!(self.transcript, "       again: {} {} {}", answer.status, answer.code(), answer.replayed);
        match again {
            Again::Another if (answer.status, answer.code()) == (422, "idempotency-mismatch") => Ok(()),
            Again::Same if answer.replayed && nameless(&answer.body) == nameless(&heard.answer.body) => Ok(()),
            // The other instance would have to ask the read model what it answers.
            _ if answer.code() == "overloaded" && matches!(wish.made.act, Act::Reply { .. }) => Ok(()),
            _ => Err(format!("its repeat was answered {} {}, after {}", answer.status, answer.body, heard.answer.body)),
        }
    }

    async fn wait(&mut self) {
        tokio::time::pause();
        tokio::time::advance(A_WHILE).await;
        tokio::time::resume();
        self.worlds.iter_mut().for_each(Model::wait);
        self.transcript.push_str("     a while passes\n");
    }

    fn note(&mut self, told: &[(&Wish, &Heard)]) {
        for (n, (wish, heard)) in told.iter().enumerate() {
            let beside = if n > 0 { "beside" } else { "" };
            let Heard { answer, via, doubts, .. } = heard;
            if wish.made.act == Act::ComeAsGuest {
                self.guests_in_vain += doubts;
            }
            let code = answer.code();
            let unresolved = if heard.is_unresolved { ", unresolved" } else { "" };
            let _infallible = writeln!(
                self.transcript,
                "{beside:>6} {:>3}. {}: {} {code} by {via:?} after {doubts} in vain{unresolved}",
                wish.name, wish.made, answer.status
            );
        }
    }

    async fn end(self, log: &FakeLog) -> Result<(), String> {
        let folded = fold::fold(log).await?;
        let differences: Vec<String> = self
            .worlds
            .iter()
            .filter_map(|world| picture::compare(world, &folded, self.guests_in_vain).err())
            .collect();
        if differences.len() == self.worlds.len() {
            return Err(format!("the log holds something else: {}", differences.join("\nor ")));
        }
        for token in &self.worlds[0].over {
            for via in [Via::One, Via::Two] {
                self.is_over(via, token).await?;
            }
        }
        self.instances.stop().await
    }

    /// A token that is over is good nowhere, once the instance has heard of it.
    async fn is_over(&self, via: Via, token: &str) -> Result<(), String> {
        let path = format!("/v1/sessions/{}", Uuid::now_v7());
        let ask = Ask { method: "DELETE", path, token: Some(token.to_owned()), key: None, body: Value::Null };
        let began = tokio::time::Instant::now();
        loop {
            let answer = self.instances.answer(via, &ask).await;
            if answer.status == 401 {
                return Ok(());
            }
            if began.elapsed() > HEARD_WITHIN {
                return Err(format!("a token that is over is still good: {} {}", answer.status, answer.body));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// But for the author's name, which is told as the instance knows it, from whichever replica.
fn nameless(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(name) = body.pointer_mut("/message/author/display_name") {
        *name = Value::Null;
    }
    body
}
