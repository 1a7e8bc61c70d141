use smol_str::{SmolStr, ToSmolStr as _};

/// A stored entry of a saga's log that can't be read: a damaged one, or one of a newer version. Its text names the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RecordError {
    reason: SmolStr,
    is_unknown: bool,
}

impl RecordError {
    /// Judges what was stored by the error that reading it as a record met.
    pub(super) fn new(stored: &[u8], error: &impl std::fmt::Display) -> Self {
        let is_unknown = kind_of(stored).is_some_and(|kind| !KINDS.contains(&&*kind));
        Self { reason: error.to_smolstr(), is_unknown }
    }

    /// Returns `true` for a record of a kind that this release does not know, as a newer one may have written it.
    pub fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

/// Names of all records, as stored.
const KINDS: &[&str] = &[
    "started",
    "caused",
    "attempting",
    "announced",
    "done",
    "waiting",
    "signalled",
    "received",
    "skipped",
    "rejected",
    "retry",
    "compensation_begun",
    "compensated",
    "compensation_exhausted",
    "completed",
    "rolled_back",
    "stuck",
    "resumed",
    "waived",
    "hastened",
    "settled",
    "left_to_newer",
    "taken_up",
    "migrated",
    "clock_set_back",
    "condensed",
    "abandoned",
    "requested",
    "granted",
    "declined",
];

/// Returns the name of a stored record, if it has the form of one.
fn kind_of(stored: &[u8]) -> Option<String> {
    match serde_json::from_slice(stored).ok()? {
        serde_json::Value::String(kind) => Some(kind),
        serde_json::Value::Object(record) if record.len() == 1 => record.into_iter().next().map(|(kind, _)| kind),
        _ => None,
    }
}
