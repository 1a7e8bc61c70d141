use seaworthy_core::{ids::MessageId, ports::RowId};

/// A row as it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimedRow {
    /// The row.
    pub row: RowId,
    /// Its message.
    pub message: MessageId,
    /// Claims so far.
    pub attempts: u32,
}

/// A row as it was settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SettledRow {
    /// The row.
    pub row: RowId,
    /// `dispatched`, `retry`, `release` or `dead`.
    pub as_what: &'static str,
    /// Whether the claim still held the row, so that it really was settled.
    pub held: bool,
}
