use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::RelayConfig;
use crate::{
    cut::cut,
    ports::{PublishError, PublishResult, Random, RowId, SettleOutcome},
};

/// Number of failures that a relay must have seen itself before it gives a row up. The attempts stored with the row
/// include claims that ended in crashes, which may have had nothing to do with the row.
const FAILURES_SEEN_MIN: u32 = 3;

/// Number of failing rows that a relay remembers. What is forgotten is only judged later.
const STRIKES_MAX: usize = 1_024;

/// Tells a message that fails from a broker that does: only a failure while others pass spends a row's budget.
///
/// Whether others pass is seen in the same batch, or, where batches are small, between two failures of the same row. In
/// an outage nothing passes, so nothing is spent however long it lasts.
#[derive(Debug, Default)]
pub(super) struct Budget {
    strikes: BTreeMap<RowId, Strike>,
    /// Messages that the broker has accepted from this relay.
    accepted: u64,
    /// Number of outages in a row that the relay has met.
    outages: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Strike {
    /// Failures while others passed.
    failures: u32,
    /// Value of [`Budget::accepted`] at the last failure.
    accepted: u64,
}

impl Budget {
    /// Decides what the results of one batch mean for its rows, given as `(row, attempts)`. Whether the broker gave any
    /// definitive answer, now or `before` in the same pass, is the second value: without one, this was an outage.
    pub(super) fn judge(
        &mut self,
        rows: &[(RowId, u32)],
        results: Vec<PublishResult>,
        before: bool,
        config: &RelayConfig,
        random: &dyn Random,
    ) -> (Vec<SettleOutcome>, bool) {
        let passed = results.iter().filter(|result| result.is_ok()).count() as u64;
        let others_passed = before || passed > 0;
        let answered = others_passed || results.iter().any(|result| matches!(result, Err(PublishError::Refused(_))));
        self.accepted += passed;
        let mut results = results.into_iter();
        let outcomes = rows
            .iter()
            .map(|&(row, attempts)| {
                let result = results.next().unwrap_or_else(|| {
                    Err(PublishError::Unknown("the broker gave no result for this message: fix its adapter".into()))
                });
                match result {
                    Ok(()) => {
                        // Nothing ever failed in the usual case, which then costs one comparison.
                        if !self.strikes.is_empty() {
                            self.strikes.remove(&row);
                        }
                        SettleOutcome::Dispatched
                    }
                    Err(error @ PublishError::Refused(_)) => {
                        self.strikes.remove(&row);
                        SettleOutcome::Dead { reason: cut(format_smolstr!("{error}")) }
                    }
                    // Not the message's fault. If others pass it only waits a little; if none does, the relay waits.
                    Err(PublishError::Unavailable(_)) if answered => {
                        SettleOutcome::Release { delay: config.outage_backoff.delay(0, random) }
                    }
                    Err(PublishError::Unavailable(_)) => SettleOutcome::Release { delay: Default::default() },
                    Err(error @ PublishError::Unknown(_)) => {
                        self.failed(row, attempts, others_passed, cut(format_smolstr!("{error}")), config, random)
                    }
                }
            })
            .collect();
        (outcomes, answered)
    }

    fn failed(
        &mut self,
        row: RowId,
        attempts: u32,
        others_passed: bool,
        error: SmolStr,
        config: &RelayConfig,
        random: &dyn Random,
    ) -> SettleOutcome {
        let accepted = self.accepted;
        let known = self.strikes.get(&row).copied();
        let blamed = others_passed || known.is_some_and(|strike| accepted > strike.accepted);
        let failures = known.unwrap_or_default().failures + u32::from(blamed);
        self.strikes.insert(row, Strike { failures, accepted });
        if self.strikes.len() > STRIKES_MAX {
            self.strikes.pop_first();
        }
        if !blamed {
            return SettleOutcome::Release { delay: Default::default() };
        }
        if attempts >= config.max_attempts && failures >= FAILURES_SEEN_MIN.min(config.max_attempts) {
            self.strikes.remove(&row);
            return SettleOutcome::Dead {
                reason: cut(format_smolstr!("keeps failing while others pass, {attempts} attempts, last: {error}")),
            };
        }
        SettleOutcome::Retry { delay: config.backoff.delay(attempts.saturating_sub(1), random), error }
    }

    /// Returns the number of the next attempt at a row, for a relay that stores no attempts: failures while others
    /// passed, plus one.
    pub(super) fn next_attempt(&self, row: RowId) -> u32 {
        self.strikes.get(&row).map_or(0, |strike| strike.failures).saturating_add(1)
    }

    /// Returns how long the relay pauses after a batch without any answer; grows while there is none.
    pub(super) fn outage(&mut self, config: &RelayConfig, random: &dyn Random) -> std::time::Duration {
        let pause = config.outage_backoff.delay(self.outages, random);
        self.outages = self.outages.saturating_add(1);
        pause
    }

    /// The broker answered: the next outage starts from the shortest pause.
    pub(super) fn recovered(&mut self) {
        self.outages = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;

    impl Random for Zero {
        fn next_u64(&self) -> u64 {
            0
        }
    }

    fn unknown() -> PublishResult {
        Err(PublishError::Unknown("lost".into()))
    }

    fn is_dead(outcome: &SettleOutcome) -> bool {
        matches!(outcome, SettleOutcome::Dead { .. })
    }

    #[test]
    fn an_outage_of_any_length_spends_nothing() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        for attempts in 1..1_000 {
            let failure = if attempts % 2 == 0 { unknown() } else { Err(PublishError::Unavailable("down".into())) };
            let rows = [(RowId(1), attempts), (RowId(2), attempts)];
            let (outcomes, answered) = budget.judge(&rows, vec![failure.clone(), failure], false, &config, &Zero);
            assert!(!answered);
            assert!(outcomes.iter().all(|outcome| matches!(outcome, SettleOutcome::Release { .. })), "{outcomes:?}");
        }
    }

    #[test]
    fn a_message_that_fails_while_others_of_its_batch_pass_is_given_up_at_its_last_attempt() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        for attempts in 1..=config.max_attempts {
            let rows = [(RowId(1), attempts), (RowId(100 + u64::from(attempts)), 1)];
            let (outcomes, _) = budget.judge(&rows, vec![unknown(), Ok(())], false, &config, &Zero);
            assert_eq!(is_dead(&outcomes[0]), attempts == config.max_attempts, "attempt {attempts}");
            assert_eq!(outcomes[1], SettleOutcome::Dispatched);
        }
    }

    #[test]
    fn with_batches_of_one_a_message_is_given_up_when_others_pass_between_its_failures() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        let mut attempts = 0;
        for round in 0.. {
            attempts += 1;
            let outcome = budget.judge(&[(RowId(1), attempts)], vec![unknown()], false, &config, &Zero).0.remove(0);
            match outcome {
                SettleOutcome::Dead { .. } => break,
                SettleOutcome::Release { .. } => attempts -= 1,
                _ => {}
            }
            assert!(round < 2 * config.max_attempts, "never given up");
            budget.judge(&[(RowId(1_000), 1)], vec![Ok(())], false, &config, &Zero);
        }
        assert_eq!(attempts, config.max_attempts);
    }

    #[test]
    fn attempts_spent_in_crashes_do_not_bury_a_row_at_its_first_failure() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        for (failure, dead) in [(1, false), (2, false), (3, true)] {
            let rows = [(RowId(1), 500 + failure), (RowId(2), 1)];
            let (outcomes, _) = budget.judge(&rows, vec![unknown(), Ok(())], false, &config, &Zero);
            assert_eq!(is_dead(&outcomes[0]), dead, "failure {failure}");
        }
    }

    #[test]
    fn a_throttled_message_waits_alone_while_others_pass_and_spends_nothing() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        let throttled = Err(PublishError::Unavailable("throttled".into()));
        let (outcomes, answered) =
            budget.judge(&[(RowId(1), 900), (RowId(2), 1)], vec![throttled, Ok(())], false, &config, &Zero);
        assert!(answered);
        assert_eq!(outcomes[0], SettleOutcome::Release { delay: config.outage_backoff.base / 2 });
    }

    #[test]
    fn a_message_without_a_result_counts_as_unknown() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        let (outcomes, _) = budget.judge(&[(RowId(1), 1), (RowId(2), 1)], vec![Ok(())], false, &config, &Zero);
        assert!(matches!(outcomes[1], SettleOutcome::Retry { .. }), "{outcomes:?}");
    }

    #[test]
    fn the_pause_grows_with_the_outage_and_starts_anew_after_it() {
        let (config, mut budget) = (RelayConfig::default(), Budget::default());
        let first = budget.outage(&config, &Zero);
        assert!(budget.outage(&config, &Zero) > first);
        budget.recovered();
        assert_eq!(budget.outage(&config, &Zero), first);
    }
}
