//! One account per phone: many register one number at once, each two of them with a password of their own.

use anyhow::Result;
use events::{StreamName, UserId};
use std::collections::{BTreeSet, HashMap, HashSet};

use super::stage::Stage;
use crate::chaos::{
    pair::Side,
    person::{Person, applied, registering},
    reader::Entry,
    tally::Tally,
};

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let before = (stage.end(StreamName::Identity).await?, stage.end(StreamName::Chat).await?);
    let mut told = HashSet::new();
    while let Some(round) = stage.next_round() {
        told.extend(register(stage, round.number).await?);
    }
    let mut accounts = Accounts::default();
    stage.judge(StreamName::Identity, before.0, |entry, tally| accounts.see(entry, tally)).await?;
    stage.judge(StreamName::Chat, before.1, |entry, tally| accounts.appears(entry, tally)).await?;
    let rounds = stage.tally.rounds;
    accounts.end(&told, rounds, &mut stage.tally);
    Ok(())
}

/// One round: one number. Whoever is let in is the same person. Gives whom the answers named.
async fn register(stage: &mut Stage<'_>, round: u64) -> Result<BTreeSet<UserId>> {
    let phone = format!("+4915{round:09}");
    let passwords = (stage.parallel / 2).max(1);
    let asks = (0..stage.parallel).map(move |n| {
        // Those who share a password come through different instances.
        let side = if n < passwords { Side::of(n) } else { Side::of(n).other() };
        (side, registering(&phone, &format!("the pass phrase of {}", n % passwords)))
    });
    let answers = stage.burst(asks).await;
    let mut people = BTreeSet::new();
    for answer in applied(&answers) {
        people.insert(Person::of(answer)?.id);
    }
    stage.tally.holds(people.len() < 2, || format!("round {round}: {people:?} all have the number"));
    let made = applied(&answers).filter(|answer| answer.status == 201).count();
    stage.tally.holds(made < 2, || format!("round {round}: {made} were told that they opened the account"));
    Ok(people)
}

/// Accounts as the log has them.
#[derive(Default)]
struct Accounts {
    /// By the phone's subject.
    holders: HashMap<String, String>,
    /// By the number that the account itself names.
    registered: HashMap<String, String>,
    appeared: HashSet<String>,
}

impl Accounts {
    fn see(&mut self, entry: &Entry, tally: &mut Tally) {
        match entry.kind.as_str() {
            "phone.claimed" => {
                let before = self.holders.insert(entry.subject.clone(), entry.text("user").to_owned());
                tally.holds(before.is_none(), || format!("{} is claimed again at {}", entry.subject, entry.seq));
            }
            "phone.released" => {
                self.holders.remove(&entry.subject);
            }
            "account.registered" => {
                let before = self.registered.insert(entry.text("phone").to_owned(), entry.text("user").to_owned());
                tally.holds(before.is_none(), || format!("a second account of one number at {}", entry.seq));
            }
            _ => {}
        }
    }

    fn appears(&mut self, entry: &Entry, tally: &mut Tally) {
        if entry.kind == "user.appeared" {
            let new = self.appeared.insert(entry.text("user").to_owned());
            tally.holds(new, || format!("{} appears again at {}", entry.text("user"), entry.seq));
        }
    }

    fn end(self, told: &HashSet<UserId>, rounds: u64, tally: &mut Tally) {
        let holders: HashSet<&str> = self.holders.values().map(String::as_str).collect();
        for user in told.iter().map(UserId::to_string) {
            let is_there = holders.contains(user.as_str()) && self.appeared.contains(&user);
            tally.holds(is_there, || format!("{user} was told to have an account, and the log has none"));
        }
        let numbers = self.holders.len() as u64;
        tally.holds(numbers <= rounds, || format!("{numbers} numbers are held after {rounds} rounds"));
        let same = self.holders.len() == self.registered.len()
            && self.registered.values().all(|u| holders.contains(u.as_str()));
        tally.holds(same, || format!("{numbers} numbers are held, {} accounts have one", self.registered.len()));
    }
}
