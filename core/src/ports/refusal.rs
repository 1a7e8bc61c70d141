use smol_str::SmolStr;

/// A definite no, with its reason: nothing happened, and asking again will not help.
///
/// A process gives it to a request, and a participant to a call. Any text becomes one:
///
/// ```
/// use seaworthy_core::ports::{ExternalError, Refusal};
///
/// fn charge(cents: u64) -> Result<(), Refusal> {
///     if cents > 100_000 { Err("beyond the card's limit".into()) } else { Ok(()) }
/// }
///
/// let refusal = charge(200_000).unwrap_err();
/// assert_eq!(refusal.reason(), "beyond the card's limit");
/// assert_eq!(ExternalError::from(refusal), ExternalError::Refused("beyond the card's limit".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    reason: SmolStr,
}

impl Refusal {
    /// Refuses for this reason.
    pub fn new(reason: impl Into<SmolStr>) -> Self {
        Self { reason: reason.into() }
    }

    /// Returns the reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<Refusal> for SmolStr {
    fn from(refusal: Refusal) -> Self {
        refusal.reason
    }
}

impl From<SmolStr> for Refusal {
    fn from(reason: SmolStr) -> Self {
        Self { reason }
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::new(reason)
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::new(reason)
    }
}
