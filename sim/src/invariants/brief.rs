use std::num::NonZeroU32;

/// The number of an event in half the room: there is one entry for each message and each piece of work of a run, however
/// long it is. No run that anyone waits for has 4 billion events; one that had would show its last ones as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Brief(NonZeroU32);

impl Brief {
    pub(super) fn new(number: u64) -> Self {
        Self(NonZeroU32::MIN.saturating_add(number.try_into().unwrap_or(u32::MAX)))
    }

    /// Returns the number of the event.
    pub(super) fn number(self) -> u64 {
        u64::from(self.0.get()) - 1
    }
}
