use super::Mode;

/// How often an invariant had something to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub invariant: &'static str,
    /// When it is judged.
    pub mode: Mode,
    /// How often it had something to judge.
    pub times: u64,
    /// What has to happen for it to have anything to judge, if it says so.
    pub subject: Option<&'static str>,
    /// How often that happened.
    pub met: u64,
}
