//! What two stores said of the same seeds.

use std::{collections::BTreeMap, fmt};

use seaworthy_sim::{plan::Profile, world::RunReport};

/// In how many seeds an invariant is violated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) simulated: u64,
    pub(crate) sqlite: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.simulated += other.simulated;
        self.sqlite += other.sqlite;
    }

    /// Whether one store shows often what the other never does. What is seen less than ten times may be missed by
    /// chance, since the schedules differ.
    pub(crate) fn is_of_one_store_only(self) -> bool {
        self.simulated.min(self.sqlite) == 0 && self.simulated.max(self.sqlite) >= 10
    }
}

/// A scenario's seeds of one profile on both stores.
pub(crate) struct Tally {
    pub(crate) scenario: String,
    pub(crate) profile: Profile,
    pub(crate) seeds: u64,
    /// Seeds of which both stores say that it holds, or both that it does not.
    pub(crate) agreed: u64,
    failed: Counts,
    /// By invariant.
    pub(crate) violated: BTreeMap<String, Counts>,
}

impl Tally {
    pub(crate) fn new(scenario: &str, profile: Profile) -> Self {
        Self {
            scenario: scenario.trim_start_matches("order_fulfillment/").into(),
            profile,
            seeds: 0,
            agreed: 0,
            failed: Counts::default(),
            violated: BTreeMap::new(),
        }
    }

    pub(crate) fn record(&mut self, simulated: &RunReport, sqlite: &RunReport) {
        self.seeds += 1;
        self.agreed += u64::from(simulated.held() == sqlite.held());
        self.failed.add(Counts { simulated: (!simulated.held()).into(), sqlite: (!sqlite.held()).into() });
        for name in names(simulated) {
            self.violated.entry(name.into()).or_default().simulated += 1;
        }
        for name in names(sqlite) {
            self.violated.entry(name.into()).or_default().sqlite += 1;
        }
    }
}

/// The invariants that a run violates, each once.
fn names(report: &RunReport) -> Vec<&str> {
    let mut names: Vec<&str> = report.violations.iter().map(|violation| violation.invariant.as_ref()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { simulated, sqlite } = self.failed;
        write!(out, "{:<34}{:<12}{simulated:>9}{sqlite:>9}{:>9} ", self.scenario, self.profile, self.agreed)?;
        for (name, Counts { simulated, sqlite }) in &self.violated {
            write!(out, " {name} {simulated}/{sqlite}")?;
        }
        Ok(())
    }
}
