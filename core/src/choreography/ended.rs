//! Terminal states, which nothing late leaves.

use std::sync::Arc;

type Is<A> = dyn Fn(&A) -> bool + Send + Sync;

/// Says whether an aggregate is in a terminal state.
pub(super) struct Ended<A>(Option<Arc<Is<A>>>);

impl<A> Ended<A> {
    /// No state is terminal.
    pub(super) const fn never() -> Self {
        Self(None)
    }

    pub(super) fn when(ended: impl Fn(&A) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ended)))
    }

    pub(super) fn is(&self, state: &A) -> bool {
        self.0.as_ref().is_some_and(|ended| ended(state))
    }
}
