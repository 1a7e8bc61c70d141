#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::RelayConfig;
use crate::{
    cut::cut,
    message::Message,
    ports::{PublishError, PublishResult, Random, RowId, SettleOutcome},
};

/// Number of failures that a relay must have seen itself before it gives a row up. The attempts stored with the row
/// include claims that ended in crashes, which may have had nothing to do with the row.
const FAILURES_SEEN_MIN: u32 = 3;

/// Number of failing rows that a relay remembers. What is forgotten is only judged later.
const STRIKES_MAX: usize = 1_024;

/// Tells a message that fails from a topic that does: only a failure while others of its topic pass spends a row's budget.
///
/// Whether others pass is seen in the same batch, or, where batches are small, between two failures of the same row. In
/// an outage of a topic nothing of it passes, so nothing is spent however long it lasts and whatever other topics do.
#[derive(Debug, Default)]
pub(super) struct Budget {
    strikes: BTreeMap<RowId, RowFailures>,
    /// Messages that the broker has accepted from this relay, of each topic with a row that fails.
    accepted: BTreeMap<SmolStr, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct RowFailures {
    /// Failures while others passed.
    failures: u32,
    /// Value of [`Budget::accepted`] for the row's topic at the last failure.
    accepted: u64,
}

/// Answers for one topic in one batch.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) topic: SmolStr,
    /// The broker has accepted something of it, now or before in the same pass.
    pub(super) passed: bool,
    /// It has given a definitive answer for something of it. Without one this was an outage.
    pub(super) answered: bool,
}

/// Topics of which the broker has accepted something in one pass.
pub(super) type Passed = Vec<SmolStr>;

impl Budget {
    /// Decides what the results of one batch mean for its rows, given as `(row, attempts)`, and says what was heard of each
    /// topic. `together` says that they failed as one call, for which none of them is blamed. `passed` are the topics that
    /// passed before in the same pass.
    #[expect(clippy::too_many_arguments, reason = "a batch, its results, and by what they are judged")]
    pub(super) fn judge(
        &mut self,
        rows: &[(RowId, u32)],
        messages: &[Message],
        mut results: Vec<PublishResult>,
        together: bool,
        passed: &Passed,
        config: &RelayConfig,
        random: &dyn Random,
    ) -> (Vec<SettleOutcome>, Vec<Heard>) {
        results.resize_with(messages.len(), || {
            Err(PublishError::Unknown("the broker gave no result for this message: fix its adapter".into()))
        });
        let heard = self.listen(messages, &results, passed);
        let outcomes = rows
            .iter()
            .zip(messages)
            .zip(results)
            .map(|((&(row, attempts), message), result)| {
                let topic = &heard[place_of(&heard, message).unwrap_or_default()];
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
                    // Not the message's fault. If others pass it only waits a little; if none does, the topic waits.
                    Err(PublishError::Unavailable(_)) if topic.answered => {
                        SettleOutcome::Release { delay: config.outage_backoff.delay(0, random) }
                    }
                    Err(PublishError::Unavailable(_)) => SettleOutcome::Release { delay: Default::default() },
                    Err(PublishError::Unknown(_)) if together => SettleOutcome::Release { delay: Default::default() },
                    Err(error @ PublishError::Unknown(_)) => {
                        let error = cut(format_smolstr!("{error}"));
                        self.failed((row, attempts), topic, error, config, random)
                    }
                }
            })
            .collect();
        (outcomes, heard)
    }

    /// Gathers what a batch says of its topics, of which there are few.
    fn listen(&mut self, messages: &[Message], results: &[PublishResult], passed: &Passed) -> Vec<Heard> {
        let mut heard: Vec<Heard> = Vec::new();
        for (message, result) in messages.iter().zip(results) {
            let known = place_of(&heard, message).unwrap_or_else(|| {
                let before = passed.contains(&message.topic);
                heard.push(Heard { topic: message.topic.clone(), passed: before, answered: before });
                heard.len() - 1
            });
            heard[known].passed |= result.is_ok();
            heard[known].answered |= matches!(result, Ok(()) | Err(PublishError::Refused(_)));
            if result.is_ok()
                && !self.accepted.is_empty()
                && let Some(accepted) = self.accepted.get_mut(&message.topic)
            {
                *accepted += 1;
            }
        }
        heard
    }

    fn failed(
        &mut self,
        (row, attempts): (RowId, u32),
        heard: &Heard,
        error: SmolStr,
        config: &RelayConfig,
        random: &dyn Random,
    ) -> SettleOutcome {
        let topic = &heard.topic;
        if self.accepted.len() >= STRIKES_MAX && !self.accepted.contains_key(topic) {
            self.accepted.clear();
            self.strikes.clear();
        }
        let accepted = *self.accepted.entry(topic.clone()).or_default();
        let known = self.strikes.get(&row).copied();
        let blamed = heard.passed || known.is_some_and(|strike| accepted > strike.accepted);
        let failures = known.unwrap_or_default().failures + u32::from(blamed);
        self.strikes.insert(row, RowFailures { failures, accepted });
        if self.strikes.len() > STRIKES_MAX {
            self.strikes.pop_first();
        }
        if !blamed {
            // Where only refusals came, the topic is not left alone, and the row must not come again at once.
            let delay = if heard.answered { config.outage_backoff.delay(0, random) } else { Default::default() };
            return SettleOutcome::Release { delay };
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
}

/// The place of a message's topic among those that were heard of.
fn place_of(heard: &[Heard], message: &Message) -> Option<usize> {
    heard.iter().position(|heard| heard.topic == message.topic)
}
