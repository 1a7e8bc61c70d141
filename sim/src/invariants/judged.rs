use super::Mode;

/// Tally of the judgements of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Name of the invariant.
    pub invariant: &'static str,
    /// Mode in which it is judged.
    pub mode: Mode,
    /// Number of times that it had something to judge.
    pub times: u64,
    /// Condition for it to have anything to judge, if it says so.
    pub subject: Option<&'static str>,
    /// Number of times that the condition was met.
    pub met: u64,
}
