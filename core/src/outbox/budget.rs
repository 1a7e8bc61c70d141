mod strikes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use self::strikes::Strikes;
use super::RelayConfig;
use crate::{
    cut::cut,
    message::Message,
    ports::{PublishError, PublishResult, Random, RowId, SettleOutcome, Timestamp},
};

/// Number of failures that a relay must have seen itself before it gives a row up. The attempts stored with the row
/// include claims that ended in crashes, which may have had nothing to do with the row.
const FAILURES_SEEN_MIN: u32 = 3;

/// Tells a message that fails from a topic that does: only a failure while others of its topic pass spends a row's budget.
///
/// Whether others pass is seen in the same batch, or, where batches are small, between two failures of the same row. In
/// an outage of a topic nothing of it passes, so nothing is spent however long it lasts and whatever other topics do.
///
/// A busy topic may let through little of what waits, and puts the rest off. So a row that is put off spends an attempt only
/// once as many others have passed, since it was put off or since the last attempt that it spent, as rows of its topic have
/// waited like it meanwhile: in a queue its turn would have come.
#[derive(Debug, Default)]
pub(super) struct Budget {
    strikes: Strikes,
}

/// Answers for one topic in one batch.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) topic: SmolStr,
    /// The broker has accepted something of it, now or before in the same pass.
    pub(super) passed: bool,
    /// It has given a definitive answer for something of it.
    pub(super) answered: bool,
    /// Something of it failed, and not for its own fault. Where nothing was answered either, this was an outage; where nothing
    /// else failed than what is at fault, the batch says nothing of the topic.
    pub(super) failed: bool,
    /// Number of its rows that were put off and wait, once somebody has asked.
    waiting: Option<u64>,
}

/// Topics of which the broker has accepted something in one pass.
pub(super) type Passed = Vec<SmolStr>;

/// Circumstances by which a batch is judged.
pub(super) struct Bench<'a> {
    /// Its rows failed as one call, for which none of them is blamed.
    pub(super) together: bool,
    /// Topics that passed before in the same pass.
    pub(super) passed: &'a Passed,
    /// The moment, by a clock that is never set back. Nobody asks for it where nothing has failed.
    pub(super) now: Timestamp,
    pub(super) config: &'a RelayConfig,
    pub(super) random: &'a dyn Random,
}

impl Budget {
    /// Decides what the results of one batch mean for its rows, given as `(row, attempts)`, and says what was heard of each
    /// topic.
    pub(super) fn judge(
        &mut self,
        rows: &[(RowId, u32)],
        messages: &[Message],
        mut results: Vec<PublishResult>,
        bench: &Bench<'_>,
    ) -> (Vec<SettleOutcome>, Vec<Heard>) {
        results.resize_with(messages.len(), || {
            Err(PublishError::Unknown("the broker gave no result for this message: fix its adapter".into()))
        });
        let mut heard = self.listen(messages, &results, bench.passed);
        let blamed = self.blame(rows, messages, &results, &mut heard, bench);
        let outcomes = rows
            .iter()
            .zip(messages)
            .zip(results)
            .enumerate()
            .map(|(at, ((&(row, attempts), message), result))| {
                let topic = &heard[place_of(&heard, message).unwrap_or_default()];
                let blamed = blamed.get(at).is_some_and(|blamed| *blamed);
                match result {
                    Ok(()) => {
                        self.strikes.forget(row);
                        SettleOutcome::Dispatched
                    }
                    Err(error @ PublishError::Refused(_)) => {
                        self.strikes.forget(row);
                        SettleOutcome::Dead { reason: cut(format_smolstr!("{error}")) }
                    }
                    // Where others fail with it and nothing is answered this is an outage, whoever it is.
                    Err(error @ PublishError::Unavailable(_)) if blamed && (topic.answered || !topic.failed) => {
                        self.failed((row, attempts), topic, &error, bench)
                    }
                    Err(PublishError::Unavailable(_)) => self.puts_off(row, topic, bench),
                    Err(PublishError::Unknown(_)) if bench.together => SettleOutcome::Release { delay: Duration::ZERO },
                    Err(error @ PublishError::Unknown(_)) => {
                        self.strikes.of_row(row, &topic.topic).until = None;
                        match blamed {
                            true => self.failed((row, attempts), topic, &error, bench),
                            false => self.is_lost(row, topic, bench),
                        }
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
                let (topic, before) = (message.topic.clone(), passed.contains(&message.topic));
                heard.push(Heard { topic, passed: before, answered: before, failed: false, waiting: None });
                heard.len() - 1
            });
            heard[known].passed |= result.is_ok();
            heard[known].answered |= !is_failure(result);
            if result.is_ok() {
                self.strikes.accepts(&message.topic);
            }
        }
        heard
    }

    /// Says of each row of a batch with failures whether its own is held against it, and of each topic whether one is not.
    fn blame(
        &mut self,
        rows: &[(RowId, u32)],
        messages: &[Message],
        results: &[PublishResult],
        heard: &mut [Heard],
        bench: &Bench<'_>,
    ) -> Vec<bool> {
        if !results.iter().any(is_failure) {
            return Vec::new();
        }
        // Who waits is known before anybody is judged by it.
        for ((&(row, _), message), result) in rows.iter().zip(messages).zip(results) {
            if matches!(result, Err(PublishError::Unavailable(_))) && !bench.together {
                self.strikes.of_row(row, &message.topic).until = Some(bench.now);
            }
        }
        let blames = |((&(row, _), message), result): ((&(RowId, u32), &Message), &PublishResult)| {
            let topic = place_of(heard, message).unwrap_or_default();
            let topic = &mut heard[topic];
            let since = self.strikes.passed_since(row, &topic.topic);
            let blamed = match result {
                _ if bench.together || !is_failure(result) => false,
                Err(PublishError::Unavailable(_)) => {
                    let waiting = topic.waiting.get_or_insert_with(|| self.strikes.waiting(&topic.topic, bench.now));
                    let strike = self.strikes.of_row(row, &topic.topic);
                    strike.rivals = strike.rivals.max(*waiting);
                    since >= strike.rivals
                }
                _ => topic.passed || since > 0,
            };
            topic.failed |= is_failure(result) && !blamed;
            blamed
        };
        rows.iter().zip(messages).zip(results).map(blames).collect()
    }

    /// A failure that is held against its row: it is tried again, later each time, and given up at the last attempt.
    fn failed(
        &mut self,
        (row, attempts): (RowId, u32),
        topic: &Heard,
        error: &PublishError,
        bench: &Bench<'_>,
    ) -> SettleOutcome {
        let (config, accepted) = (bench.config, self.strikes.accepted_of(&topic.topic));
        let strike = self.strikes.of_row(row, &topic.topic);
        strike.failures += 1;
        (strike.accepted, strike.rivals, strike.put_off) = (accepted, topic.waiting.unwrap_or_default(), 0);
        if attempts >= config.max_attempts && strike.failures >= FAILURES_SEEN_MIN.min(config.max_attempts) {
            self.strikes.forget(row);
            return SettleOutcome::Dead {
                reason: cut(format_smolstr!("keeps failing while others pass, {attempts} attempts, last: {error}")),
            };
        }
        let delay = config.backoff.delay(attempts.saturating_sub(1), bench.random);
        strike.until = strike.until.map(|_| bench.now + delay);
        SettleOutcome::Retry { delay, error: cut(format_smolstr!("{error}")) }
    }

    /// Nobody knows what became of a row, and that is not held against it.
    fn is_lost(&mut self, row: RowId, topic: &Heard, bench: &Bench<'_>) -> SettleOutcome {
        let accepted = self.strikes.accepted_of(&topic.topic);
        self.strikes.of_row(row, &topic.topic).accepted = accepted;
        // Where only refusals came, the topic is not left alone, and the row must not come again at once.
        let delay = if topic.answered { bench.put_off(0) } else { Duration::ZERO };
        SettleOutcome::Release { delay }
    }

    /// The broker puts a row off, and that is not held against it: it waits with its topic, or alone, longer each time.
    fn puts_off(&mut self, row: RowId, topic: &Heard, bench: &Bench<'_>) -> SettleOutcome {
        if !topic.answered {
            return SettleOutcome::Release { delay: Duration::ZERO };
        }
        let strike = self.strikes.of_row(row, &topic.topic);
        let delay = bench.put_off(strike.put_off);
        strike.put_off = strike.put_off.saturating_add(1);
        strike.until = Some(bench.now + delay);
        SettleOutcome::Release { delay }
    }

    /// Returns the number of the next attempt at a row, for a relay that stores no attempts: failures while others
    /// passed, plus one.
    pub(super) fn next_attempt(&self, row: RowId) -> u32 {
        self.strikes.rows.get(&row).map_or(0, |strike| strike.failures).saturating_add(1)
    }
}

impl Bench<'_> {
    /// The pause of a row that waits alone, after so many others for no fault of its own.
    fn put_off(&self, times: u32) -> Duration {
        self.config.outage_backoff.delay(times, self.random)
    }
}

/// Returns `true` where the broker has given no definitive answer.
fn is_failure(result: &PublishResult) -> bool {
    matches!(result, Err(PublishError::Unavailable(_) | PublishError::Unknown(_)))
}

/// The place of a message's topic among those that were heard of.
fn place_of(heard: &[Heard], message: &Message) -> Option<usize> {
    heard.iter().position(|heard| heard.topic == message.topic)
}
