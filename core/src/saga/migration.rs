use std::sync::Arc;

use smol_str::SmolStr;

use super::Record;

/// Migration of sagas from a version that is gone to another.
///
/// The target must allow the old log: whatever it says is done must be a step there, in an order that the target's
/// phases permit. A saga whose log does not fit becomes stuck. Operation ids keep the old names.
///
/// ```
/// use seaworthy_core::saga::Migration;
/// let migration = Migration::new("checkout", 1, 2).rename("charge", "authorize");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub(super) definition: SmolStr,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) renames: Vec<(SmolStr, SmolStr)>,
}

impl Migration {
    /// Sagas of version `from` go on under version `to`.
    pub fn new(definition: &str, from: u32, to: u32) -> Self {
        Self { definition: definition.into(), from, to, renames: Vec::new() }
    }

    /// A step has another name in the new version.
    pub fn rename(mut self, from: &str, to: &str) -> Self {
        self.renames.push((from.into(), to.into()));
        self
    }
}

/// Old and new names of the steps of a saga that was migrated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renames(Arc<Vec<(SmolStr, SmolStr)>>);

impl Renames {
    pub(super) fn new(from_to: Vec<(SmolStr, SmolStr)>) -> Self {
        Self(Arc::new(from_to))
    }

    /// Reads an entry of the old version as one of the new.
    pub(crate) fn apply(&self, record: &mut Record) {
        if let Some(step) = record.step_mut()
            && let Some((_, to)) = self.0.iter().find(|(from, _)| from == step)
        {
            *step = to.clone();
        }
    }

    /// The name that operation ids are derived from: participants know the step by its first name.
    pub(crate) fn operation<'a>(&'a self, path: &'a SmolStr) -> &'a SmolStr {
        self.0.iter().find(|(_, to)| to == path).map_or(path, |(from, _)| from)
    }
}
