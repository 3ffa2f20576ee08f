//! What lies in a folder of files? Which part of which log, chosen how, how many of what, and the hash of each file.

use anyhow::{Context, Result, ensure};
use events::{Epoch, Position};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    attribute::Attribute,
    error::Unfaithful,
    exported::Exported,
    files::{self, Written},
    plan::Plan,
};

/// The manifest of a folder.
pub(super) const NAME: &str = "manifest.json";
/// Of this shape.
const FORM: u32 = 1;

/// Where an event stands, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) seq: u64,
    /// As clients know it.
    position: Position,
    /// Its id in the log; none of what is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
}

/// It has no time of its own: the same plan on the same log gives the same manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    form: u32,
    pub(super) epoch: Epoch,
    pub(super) plan: Plan,
    /// Whether all of the plan is there.
    pub(super) complete: bool,
    /// Where to go on.
    pub(super) next: u64,
    pub(super) events: u64,
    /// Written as they are stored, because they are no facts that can be understood.
    pub(super) malformed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Mark>,
    /// Events of each type.
    pub(super) counts: BTreeMap<String, u64>,
    /// Which schemas they follow.
    schemas: BTreeSet<String>,
    pub(super) files: Vec<Written>,
    /// The hash of all that stands above, in hex: what names the others' hashes has one as well.
    seal: String,
}

impl Manifest {
    pub(super) fn new(epoch: Epoch, plan: Plan) -> Self {
        Self {
            form: FORM,
            epoch,
            next: plan.from,
            plan,
            complete: false,
            events: 0,
            malformed: 0,
            first: None,
            last: None,
            counts: BTreeMap::new(),
            schemas: BTreeSet::new(),
            files: Vec::new(),
            seal: String::new(),
        }
    }

    /// Counts an event that was written; `id` is the log's.
    pub(super) fn count(&mut self, event: &Exported, id: Option<String>) {
        let mark = Mark { seq: event.seq, position: Position { epoch: self.epoch, seq: event.seq }, id };
        self.first.get_or_insert_with(|| mark.clone());
        self.last = Some(mark);
        self.next = event.seq + 1;
        self.events += 1;
        self.malformed += u64::from(event.is_malformed);
        let (name, _) = event.type_name();
        match self.counts.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(name.to_owned(), 1);
            }
        }
        if let Some(schema) = event.get(Attribute::Schema)
            && !self.schemas.contains(schema)
        {
            self.schemas.insert(schema.to_owned());
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Unfaithful`] where a byte of it is not as it was written; a form of another release; a file that cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let wrong = |why: String| Unfaithful(vec![format!("{} {why}", path.display())]);
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|why| wrong(format!("is no manifest of a replay: {why}")))?;
        ensure!(
            manifest.form == FORM,
            "{} is of form {}, which this release does not know",
            path.display(),
            manifest.form
        );
        if manifest.text()?.as_bytes() != text {
            return Err(wrong("is not as it was written".to_owned()).into());
        }
        Ok(manifest)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        files::replace(&folder.join(NAME), &self.text()?)
    }

    /// As it is written, sealed.
    fn text(&self) -> Result<String> {
        let mut sealed = Self { seal: String::new(), ..self.clone() };
        sealed.seal = files::hex(&Sha256::digest(serde_json::to_vec(&sealed)?));
        Ok(serde_json::to_string_pretty(&sealed)? + "\n")
    }
}
