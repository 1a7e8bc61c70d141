//! What two stores said of the same seeds, and whether chance explains the difference.

use std::collections::BTreeMap;

use seaworthy_sim::{plan::Profile, world::RunReport};

/// One of 100,000 comparisons of equals is called a difference. A full comparison makes some 300.
const CHANCE: f64 = 1e-5;

/// In how many seeds something was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) both: u64,
    pub(crate) simulated_only: u64,
    pub(crate) sqlite_only: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.both += other.both;
        self.simulated_only += other.simulated_only;
        self.sqlite_only += other.sqlite_only;
    }

    fn of(simulated: bool, sqlite: bool) -> Self {
        Self {
            both: u64::from(simulated && sqlite),
            simulated_only: u64::from(simulated && !sqlite),
            sqlite_only: u64::from(!simulated && sqlite),
        }
    }

    pub(crate) fn simulated(self) -> u64 {
        self.both + self.simulated_only
    }

    pub(crate) fn sqlite(self) -> u64 {
        self.both + self.sqlite_only
    }

    /// How likely it is that stores which find it equally often differ so much (McNemar's exact test): where only one
    /// of them finds it, it is a toss of a coin which one.
    pub(crate) fn likelihood(self) -> f64 {
        let (few, tosses) = (self.simulated_only.min(self.sqlite_only), self.simulated_only + self.sqlite_only);
        // Logarithms, since half to the power of the tosses is soon too small a number.
        let mut term = -(tosses as f64) * 2_f64.ln();
        let mut tail = 0.0;
        for heads in 0..=few {
            tail += term.exp();
            term += ((tosses - heads) as f64 / (heads + 1) as f64).ln();
        }
        (2.0 * tail).min(1.0)
    }

    pub(crate) fn differ(self) -> bool {
        self.likelihood() < CHANCE
    }
}

/// A scenario's seeds of one profile on both stores.
pub(crate) struct Tally {
    pub(crate) scenario: String,
    pub(crate) profile: Profile,
    pub(crate) seeds: u64,
    /// Seeds in which anything is violated.
    pub(crate) failed: Counts,
    /// By invariant.
    pub(crate) violated: BTreeMap<String, Counts>,
}

impl Tally {
    pub(crate) fn new(scenario: &str, profile: Profile) -> Self {
        Self {
            scenario: scenario.trim_start_matches("order_fulfillment/").into(),
            profile,
            seeds: 0,
            failed: Counts::default(),
            violated: BTreeMap::new(),
        }
    }

    pub(crate) fn record(&mut self, simulated: &RunReport, sqlite: &RunReport) {
        self.seeds += 1;
        self.failed.add(Counts::of(!simulated.held(), !sqlite.held()));
        let violates = |report: &RunReport, name: &str| report.violations.iter().any(|it| it.invariant == name);
        let mut names: Vec<&str> =
            simulated.violations.iter().chain(&sqlite.violations).map(|it| it.invariant.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let counts = Counts::of(violates(simulated, name), violates(sqlite, name));
            self.violated.entry(name.into()).or_default().add(counts);
        }
    }

    /// Seeds of which both stores say that it holds, or both that it does not.
    pub(crate) fn agreed(&self) -> u64 {
        self.seeds - self.failed.simulated_only - self.failed.sqlite_only
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (simulated, sqlite) = (self.failed.simulated(), self.failed.sqlite());
        write!(out, "{:<32} {:<10} {simulated:>6} {sqlite:>6} {:>6} ", self.scenario, self.profile, self.agreed())?;
        for (name, counts) in &self.violated {
            write!(out, " {name} {}/{}", counts.simulated(), counts.sqlite())?;
        }
        Ok(())
    }
}

#[test]
fn chance_is_told_from_difference() {
    let counts = |simulated_only, sqlite_only| Counts { both: 40, simulated_only, sqlite_only };
    // By hand: 2 * (1 + 5) / 2^5, and 2 / 2^10.
    assert!((counts(1, 4).likelihood() - 0.375).abs() < 1e-9);
    assert!((counts(10, 0).likelihood() - 2.0 / 1_024.0).abs() < 1e-9);
    assert!((counts(0, 0).likelihood() - 1.0).abs() < 1e-9);
    assert!(!counts(600, 640).differ() && counts(600, 800).differ());
    assert!(!counts(3, 0).differ() && counts(0, 20).differ());
}
