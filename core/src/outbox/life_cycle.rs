//! The life cycle of an outbox row, as one pure function.
//!
//! ```text
//!            claim              dispatch
//!  pending ─────────► claimed ───────────► dispatched
//!     ▲  ▲              │  │
//!     │  └──────────────┘  └───► dead
//!     │   retry, release,          │
//!     │   lease ended              │
//!     └────────────────────────────┘ redrive
//! ```
//!
//! A reader of the log takes a row from pending to dispatched (mark) or to dead (give up), without a claim.

use crate::ports::{OutboxState, SettleOutcome};

/// Event in the life of an outbox row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowEvent {
    /// A relay takes it.
    Claim,
    /// The relay's lease ends before it settled the row: the row may be claimed again.
    LeaseEnd,
    /// The broker acknowledged it.
    Dispatch,
    /// It failed and is to be tried again.
    Retry,
    /// It is given back untried, or after an outage.
    Release,
    /// It is given up.
    Bury,
    /// An operator brings it back.
    Redrive,
    /// The broker acknowledged it to a reader of the log, which holds no claim.
    Mark,
    /// A reader of the log gives it up.
    GiveUp,
}

impl RowEvent {
    /// All events, for exhaustive checks.
    pub const ALL: [Self; 9] = [
        Self::Claim,
        Self::LeaseEnd,
        Self::Dispatch,
        Self::Retry,
        Self::Release,
        Self::Bury,
        Self::Redrive,
        Self::Mark,
        Self::GiveUp,
    ];
}

impl From<&SettleOutcome> for RowEvent {
    fn from(outcome: &SettleOutcome) -> Self {
        match outcome {
            SettleOutcome::Dispatched => Self::Dispatch,
            SettleOutcome::Retry { .. } => Self::Retry,
            SettleOutcome::Release { .. } => Self::Release,
            SettleOutcome::Dead { .. } => Self::Bury,
        }
    }
}

/// An event that has no place in a row's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "event {event:?} is not allowed for an outbox row that is {state:?}: look for a relay that settles without its claim"
)]
pub struct IllegalRowEvent {
    /// State of the row.
    pub state: OutboxState,
    /// Event that the state does not allow.
    pub event: RowEvent,
}

/// A row's state after an event.
///
/// # Errors
/// [`IllegalRowEvent`] where the event has no place in this state.
///
/// ```
/// use seaworthy_core::{outbox::life_cycle::{RowEvent, next}, ports::OutboxState};
///
/// assert_eq!(next(OutboxState::Pending, RowEvent::Claim), Ok(OutboxState::Claimed));
/// assert!(next(OutboxState::Pending, RowEvent::Dispatch).is_err());
/// ```
pub fn next(state: OutboxState, event: RowEvent) -> Result<OutboxState, IllegalRowEvent> {
    match (state, event) {
        (OutboxState::Pending, RowEvent::Claim) => Ok(OutboxState::Claimed),
        (OutboxState::Claimed, RowEvent::LeaseEnd | RowEvent::Retry | RowEvent::Release) => Ok(OutboxState::Pending),
        (OutboxState::Claimed, RowEvent::Dispatch) => Ok(OutboxState::Dispatched),
        (OutboxState::Claimed, RowEvent::Bury) => Ok(OutboxState::Dead),
        (OutboxState::Pending, RowEvent::Mark) => Ok(OutboxState::Dispatched),
        (OutboxState::Pending, RowEvent::GiveUp) => Ok(OutboxState::Dead),
        (OutboxState::Dead, RowEvent::Redrive) => Ok(OutboxState::Pending),
        (state, event) => Err(IllegalRowEvent { state, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [OutboxState; 4] =
        [OutboxState::Pending, OutboxState::Claimed, OutboxState::Dispatched, OutboxState::Dead];

    /// The whole table: one line a state, one column an event in the order of `RowEvent::ALL`.
    #[test]
    fn each_state_takes_exactly_its_own_events() {
        use OutboxState::{Claimed, Dead, Dispatched, Pending};
        let table = [
            (Pending, [Some(Claimed), None, None, None, None, None, None, Some(Dispatched), Some(Dead)]),
            (
                Claimed,
                [None, Some(Pending), Some(Dispatched), Some(Pending), Some(Pending), Some(Dead), None, None, None],
            ),
            (Dispatched, [None; 9]),
            (Dead, [None, None, None, None, None, None, Some(Pending), None, None]),
        ];
        for (state, row) in table {
            for (event, expected) in RowEvent::ALL.into_iter().zip(row) {
                assert_eq!(next(state, event), expected.ok_or(IllegalRowEvent { state, event }));
            }
        }
    }

    #[test]
    fn only_a_dispatched_row_never_changes_again() {
        let is_final = |state| RowEvent::ALL.into_iter().all(|event| next(state, event).is_err());
        assert_eq!(STATES.map(is_final), [false, false, true, false]);
    }

    #[test]
    fn only_a_claimed_row_can_be_settled() {
        let outcomes = [
            SettleOutcome::Dispatched,
            SettleOutcome::Retry { delay: Default::default(), error: Default::default() },
            SettleOutcome::Release { delay: Default::default() },
            SettleOutcome::Dead { reason: Default::default() },
        ];
        for outcome in &outcomes {
            for state in STATES {
                assert_eq!(next(state, outcome.into()).is_ok(), state == OutboxState::Claimed);
            }
        }
    }
}
