use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Summary;

/// A saga's passage from one version of its definition to another, as its log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Passage {
    /// Version that it ran until then.
    pub from: u32,
    /// Version that it runs from then on.
    pub to: u32,
    /// Steps that have other names in the new version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<Rename>,
}

/// Another name of a step in a new version of its definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rename {
    /// Path of the step in the old version.
    pub from: SmolStr,
    /// Path of the step in the new version.
    pub to: SmolStr,
    /// `true` for a name that stood between the first one and the new one: entries may carry it, participants know the
    /// first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub meanwhile: bool,
}

impl Passage {
    /// Reads an entry from before the passage as one from after it.
    pub(super) fn apply(&self, step: &mut SmolStr) {
        if let Some(rename) = self.renames.iter().find(|rename| rename.from == *step) {
            *step = rename.to.clone();
        }
    }
}

/// Names by which participants first heard of the steps that have others now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FirstNames(Arc<Vec<(SmolStr, SmolStr)>>);

impl FirstNames {
    /// Returns the names that a summary keeps.
    pub(super) fn of_summary(summary: &Summary) -> Self {
        let named = summary.steps.iter().filter_map(|step| Some((step.path.clone(), step.first_name.clone()?)));
        Self(Arc::new(named.collect()))
    }

    /// Goes through a passage.
    pub(super) fn pass(&mut self, passage: &Passage) {
        let lasting = passage.renames.iter().filter(|rename| !rename.meanwhile);
        let renamed: Vec<_> = lasting.map(|rename| (rename.to.clone(), self.of(&rename.from).clone())).collect();
        let kept = self
            .0
            .iter()
            .filter(|(now, _)| passage.renames.iter().all(|rename| rename.from != *now && rename.to != *now));
        let kept: Vec<_> = kept.cloned().chain(renamed).collect();
        self.0 = Arc::new(kept);
    }

    /// The name that operation ids are derived from: participants know the step by its first name.
    pub(crate) fn of<'a>(&'a self, path: &'a SmolStr) -> &'a SmolStr {
        self.0.iter().find(|(now, _)| now == path).map_or(path, |(_, first)| first)
    }
}
