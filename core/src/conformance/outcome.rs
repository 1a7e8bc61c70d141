use std::fmt::Debug;

use crate::ports::{BrokerError, Parts, StoreError};

/// CheckVerdict of a check that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckVerdict {
    /// The promise was put to the test and held.
    Held,
    /// The subject says that it can't be put into the situation; the text says why.
    NotApplicable(&'static str),
    /// The store has not all of the parts that the check needs; these are missing.
    LeftOut(Parts),
}

/// Outcome of a check: a verdict, or a promise that was not kept.
pub type Outcome = Result<CheckVerdict, BrokenPromise>;

/// A promise of a port that an adapter did not keep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the port promises: {promise}; seen: {seen}")]
pub struct BrokenPromise {
    /// Promise of the port, as a sentence.
    pub promise: String,
    /// Observed behaviour of the adapter.
    pub seen: String,
}

impl BrokenPromise {
    pub(super) fn new(promise: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { promise: promise.into(), seen: seen.into() }
    }
}

impl From<StoreError> for BrokenPromise {
    fn from(error: StoreError) -> Self {
        Self::new("a store that nothing is wrong with carries out what it is asked", error.to_string())
    }
}

impl From<BrokerError> for BrokenPromise {
    fn from(error: BrokerError) -> Self {
        Self::new("a broker that nothing is wrong with carries out what it is asked", error.to_string())
    }
}

/// Fails with `promise` unless the two are equal.
pub(super) fn expect_eq<T: PartialEq + Debug>(promise: &str, seen: T, expected: T) -> Result<(), BrokenPromise> {
    expect(promise, seen == expected, || format!("{seen:?} where {expected:?} was expected"))
}

/// Fails with `promise` unless it holds.
pub(super) fn expect(promise: &str, holds: bool, seen: impl FnOnce() -> String) -> Result<(), BrokenPromise> {
    if holds { Ok(()) } else { Err(BrokenPromise::new(promise, seen())) }
}

/// Fails with `promise` unless the answer is a conflict.
pub(super) fn expect_conflict<T: Debug>(promise: &str, seen: Result<T, StoreError>) -> Result<(), BrokenPromise> {
    expect(promise, matches!(seen, Err(StoreError::Conflict(_))), || match &seen {
        Ok(answer) => format!("no error, and the answer {answer:?}"),
        Err(error) => format!("another error: {error}"),
    })
}
