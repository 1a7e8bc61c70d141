use std::collections::BTreeSet;

use seaworthy_core::{
    ids::OperationId,
    ports::{OperationState, PurgeRequest, Timestamp},
};

use super::versioned::Versioned;
use crate::lookup::Lookup;

/// Operations of a participant, and when each was written last.
#[derive(Clone, Debug, Default)]
pub(super) struct Operations {
    states: Versioned<OperationId, OperationState>,
    written_at: Lookup<OperationId, Timestamp>,
    by_age: BTreeSet<(Timestamp, OperationId)>,
}

impl Operations {
    pub(super) fn get(&self, id: OperationId, at: u64) -> Option<&OperationState> {
        self.states.get(&id, at)
    }

    /// Returns the number of operations.
    pub(super) fn row_count(&self) -> u64 {
        self.written_at.len() as u64
    }

    /// Returns `true` if a commit after `at` wrote the operation, or forgot it.
    pub(super) fn written_since(&self, id: OperationId, at: u64) -> bool {
        self.states.written_since(&id, at)
    }

    pub(super) fn apply(
        &mut self,
        commit: u64,
        id: OperationId,
        state: OperationState,
        now: Timestamp,
        oldest: Option<u64>,
    ) {
        self.states.forget(oldest, |_| {});
        self.states.apply(commit, id, Some(state), oldest);
        if let Some(before) = self.written_at.insert(id, now) {
            self.by_age.remove(&(before, id));
        }
        self.by_age.insert((now, id));
    }

    /// Forgets operations that were written long enough ago. A transaction that is open meanwhile sees them still.
    pub(super) fn purge(&mut self, commit: u64, request: &PurgeRequest, now: Timestamp, oldest: Option<u64>) -> u64 {
        let latest = now.before(request.older_than);
        let mut purged = 0;
        while purged < request.limit && self.by_age.first().is_some_and(|(at, _)| *at <= latest) {
            let Some((_, id)) = self.by_age.pop_first() else { break };
            self.written_at.remove(&id);
            self.states.apply(commit, id, None, oldest);
            purged += 1;
        }
        self.states.forget(oldest, |_| {});
        purged as u64
    }
}
