use smol_str::SmolStr;

/// Error of a store operation. The variant says whether the operation was applied, never the text.
///
/// Closed on purpose: whether it was applied decides what is done next, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Definitely not applied: another transaction was first. Try again with fresh state.
    #[error("conflict: {0}")]
    Conflict(SmolStr),
    /// Definitely not applied: the store can't be reached or is busy. Try again later.
    #[error("store unavailable: {0}")]
    Unavailable(SmolStr),
    /// Applied or not. Read what it would have written to find out.
    #[error("commit outcome unknown: {0}")]
    Unknown(SmolStr),
    /// Definitely not applied, and trying again will not help: a constraint, a malformed value, a missing table.
    #[error("refused by the store: {0}")]
    Refused(SmolStr),
}

impl StoreError {
    /// Returns `true` if the same work may succeed when it is tried again from the start.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
