use std::sync::Arc;

use smol_str::SmolStr;

use crate::invariants::{groups::Groups, practice::Practice};

/// Habits of groups with events of each type: from runs without a fault as far as these have shown them, and from the run
/// itself.
#[derive(Debug, Default)]
pub(super) struct Habits {
    practice: Arc<Practice>,
    all: Vec<Habit>,
}

/// Habit of a group with events of one type.
#[derive(Debug)]
pub(super) struct Habit {
    group: usize,
    kind: SmolStr,
    /// `true` if it handles them in an inbox.
    handles: bool,
    /// `true` if it is known to acknowledge some without handling them.
    ignores: bool,
    /// Number of events that it has acknowledged without that.
    only_acked: u32,
}

/// A group that acknowledged this many events of a type and never handled one ignores the type, or has no inbox: its
/// acknowledgements close the entry.
const ONLY_ACKED_MAX: u32 = 256;

impl Habits {
    pub(super) fn learn(&mut self, practice: &Arc<Practice>) {
        self.practice = practice.clone();
    }

    pub(super) fn of(&mut self, groups: &Groups, group: usize, kind: &SmolStr) -> &mut Habit {
        let known = self.all.iter().position(|habit| habit.group == group && habit.kind == *kind);
        let index = known.unwrap_or_else(|| {
            let handles = self.practice.handles(groups.name(group), kind);
            let (handles, ignores) = (handles == Some(true), handles == Some(false));
            self.all.push(Habit { group, kind: kind.clone(), handles, ignores, only_acked: 0 });
            self.all.len() - 1
        });
        &mut self.all[index]
    }
}

impl Habit {
    /// Takes a scenario at its word.
    pub(super) fn is_to_handle_all(&mut self) {
        (self.handles, self.ignores) = (true, false);
    }

    /// The group has handled one.
    pub(super) fn handles_one(&mut self) {
        self.handles = true;
    }

    /// Returns `true` if an acknowledgement alone is not enough for it.
    pub(super) fn handles_all(&self) -> bool {
        self.handles && !self.ignores
    }

    /// The group has acknowledged one that it has not handled; returns `true` if that is all that it ever does.
    pub(super) fn ends_with_ack(&mut self) -> bool {
        self.only_acked = self.only_acked.saturating_add(1);
        self.ignores || (!self.handles && self.only_acked > ONLY_ACKED_MAX)
    }
}
