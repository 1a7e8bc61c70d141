/// Part of its budget that a run has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    PortCalls,
    Steps,
    VirtualTime,
    /// It goes on although nothing is left to be done for.
    Settling,
    /// Somebody panicked whom nobody starts again, or goes on without a part.
    Panic,
}
