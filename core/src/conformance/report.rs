use std::fmt;

use futures_util::future::LocalBoxFuture;

use super::{BrokerSubject, CheckVerdict, Outcome, StoreSubject, broker, store};
use crate::ports::Parts;

/// One promise of a port, and how to put it to the test.
pub struct Check<S: ?Sized> {
    /// The check's name: the promise in a few words.
    pub name: &'static str,
    /// Parts of a store without which it can't run; none for a check of a broker.
    pub parts: Parts,
    pub(super) run: for<'a> fn(&'a S) -> LocalBoxFuture<'a, Outcome>,
}

impl<S: ?Sized> Check<S> {
    /// Runs it on a fresh store or broker of the subject, which has all of the [parts](Check::parts) that it needs.
    /// Dropping the future ends it.
    ///
    /// # Errors
    /// What the port promises and what was seen instead.
    pub async fn run(&self, subject: &S) -> Outcome {
        (self.run)(subject).await
    }

    /// Runs it where `parts` are all that it needs.
    async fn run_with(&self, parts: Parts, subject: &S) -> Outcome {
        let missing = self.parts.without(parts);
        if missing.is_empty() { self.run(subject).await } else { Ok(CheckVerdict::LeftOut(missing)) }
    }
}

/// Outcome of one check, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The check's name.
    pub name: &'static str,
    /// Outcome of the check.
    pub outcome: Outcome,
}

/// Outcomes of all checks of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<CheckReport>,
}

impl Report {
    /// Returns `true` if no promise was broken.
    pub fn is_conformant(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CheckReport> {
        self.checks.iter().filter(|check| check.outcome.is_err())
    }

    /// The checks that were left out because the store lacks a part that they need, with what is missing.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, Parts)> {
        self.checks.iter().filter_map(|check| match check.outcome {
            Ok(CheckVerdict::LeftOut(missing)) => Some((check.name, missing)),
            _ => None,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CheckReport { name, outcome } in &self.checks {
            match outcome {
                Ok(CheckVerdict::Held) => writeln!(f, "held            {name}")?,
                Ok(CheckVerdict::NotApplicable(why)) => writeln!(f, "not applicable  {name}: {why}")?,
                Ok(CheckVerdict::LeftOut(missing)) => {
                    writeln!(f, "left out        {name}: the store has no {missing}")?
                }
                Err(failure) => writeln!(f, "FAILED          {name}: {failure}")?,
            }
        }
        let failed = self.failures().count();
        write!(f, "{} checks, {failed} failed", self.checks.len())?;
        let left_out = self.left_out().count();
        if left_out > 0 {
            let missing = self.left_out().fold(Parts::NONE, |all, (_, missing)| all.and(missing));
            write!(f, ", {left_out} left out, since the store has no {missing}")?;
        }
        Ok(())
    }
}

/// Runs every check of the store port for which the store has the parts.
pub async fn store_report(subject: &(dyn StoreSubject + 'static)) -> Report {
    let parts = subject.fresh().await.parts();
    report(store::CHECKS, parts, subject).await
}

/// Runs every check of the broker port.
pub async fn broker_report(subject: &(dyn BrokerSubject + 'static)) -> Report {
    report(broker::CHECKS, Parts::NONE, subject).await
}

async fn report<S: ?Sized>(all: &[Check<S>], parts: Parts, subject: &S) -> Report {
    let mut checks = Vec::with_capacity(all.len());
    for check in all {
        checks.push(CheckReport { name: check.name, outcome: check.run_with(parts, subject).await });
    }
    Report { checks }
}

/// Runs the check of the store port called `name`, unless the store lacks a part that it needs.
///
/// # Panics
/// If the promise does not hold, with what was seen; or if there is no such check.
pub async fn assert_store(subject: &(dyn StoreSubject + 'static), name: &str) {
    let parts = subject.fresh().await.parts();
    assert_one(store::CHECKS, parts, subject, name).await;
}

/// Runs the check of the broker port called `name`.
///
/// # Panics
/// If the promise does not hold, with what was seen; or if there is no such check.
pub async fn assert_broker(subject: &(dyn BrokerSubject + 'static), name: &str) {
    assert_one(broker::CHECKS, Parts::NONE, subject, name).await;
}

async fn assert_one<S: ?Sized>(all: &[Check<S>], parts: Parts, subject: &S, name: &str) {
    let Some(check) = all.iter().find(|check| check.name == name) else {
        panic!("there is no conformance check called {name}");
    };
    if let Err(failure) = check.run_with(parts, subject).await {
        panic!("{name}: {failure}");
    }
}
