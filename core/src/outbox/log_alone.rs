//! Rows of the log that go out alone, each counted before: what ends its process is known by that.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};
use tracing::{Instrument, debug, debug_span};

use super::{LogRelay, PassReport, budget::Passed, log_window::LogWindow};
use crate::{
    ids::MessageId,
    ports::{OutboxRow, RowId, SettleOutcome, StoreError, answered},
};

/// Number of rows that are remembered as tried. What is forgotten is tried before others once more.
const UNSETTLED_MAX: usize = 1_024;

impl LogRelay {
    /// Publishes rows one at a time, and stores of each what became of it before the next one goes out. One that has ended so many
    /// processes that it is given up does not go out any more, and once two of a topic have failed in a row the others of it wait.
    ///
    /// # Errors
    /// Any [`StoreError`] of counting or storing. What was published by then is published again, under the same id.
    pub(super) async fn publish_alone(
        &mut self,
        mut rows: Vec<OutboxRow>,
        window: &mut LogWindow,
        passed: &mut Passed,
        report: &mut PassReport,
    ) -> Result<(), StoreError> {
        if !self.unsettled.is_empty() {
            rows.sort_by_key(|row| self.unsettled.contains(&row.row));
        }
        // Topics with a message that failed, and whether that was another one's failure, too: then it is the topic.
        let mut failed: BTreeMap<SmolStr, bool> = BTreeMap::new();
        for row in rows {
            if self.stop.is_set() {
                break;
            }
            let (number, message, topic) = (row.row, row.message.id, row.message.topic.clone());
            if failed.get(&topic) == Some(&true) {
                window.hold(row.message.order_key());
                continue;
            }
            if let Some(reason) = self.has_no_end(&row) {
                window.note(row.message, SettleOutcome::Dead { reason });
                self.store(window, report).await?;
            } else if !self.begins(&row).await? {
                // Somebody else settles it, or has; the log shows what is left.
                window.hold(row.message.order_key());
            } else {
                self.publish(vec![row], window, passed, report).await;
                if window.settled.is_empty() {
                    failed.entry(topic).and_modify(|again| *again = true).or_insert(false);
                    if self.unsettled.len() >= UNSETTLED_MAX {
                        self.unsettled.clear();
                    }
                    self.unsettled.insert(number);
                    self.take_back(number, message).await;
                } else if let Err(error) = self.store(window, report).await {
                    self.survived.add(number);
                    return Err(error);
                } else {
                    failed.remove(&topic);
                    self.proven += 1;
                    if self.proven >= self.config.batch {
                        self.unsettled.clear();
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the reason for which a row is given up unpublished: it has ended as many processes as the configuration lets it.
    fn has_no_end(&self, row: &OutboxRow) -> Option<SmolStr> {
        let limit = self.config.bury_after_claims?.max(self.config.max_attempts);
        let deaths = self.survived.without(row.row, row.attempts);
        (deaths >= limit)
            .then(|| format_smolstr!("its relay has ended {deaths} times with this one in hand, without a result"))
    }

    /// Counts that a row is about to go out. Returns `false` if it is no more to be published by this relay.
    async fn begins(&mut self, row: &OutboxRow) -> Result<bool, StoreError> {
        match self.count(row.message.id, true).await {
            Err(StoreError::Conflict(_)) => Ok(false),
            Err(error) => {
                // Counted or not, it has ended nobody.
                if matches!(error, StoreError::Unknown(_)) {
                    self.survived.add(row.row);
                }
                Err(error)
            }
            counted => counted,
        }
    }

    /// Takes a row back from the count that has not ended the process, and is not settled either. Where that fails this relay
    /// remembers it.
    async fn take_back(&mut self, row: RowId, message: MessageId) {
        let mut retries = 0;
        while let Err(error) = self.count(message, false).await {
            if !error.is_retryable() || retries >= self.config.settle_retries || matches!(error, StoreError::Unknown(_))
            {
                debug!(%message, %error, "an attempt that came to nothing stays counted");
                self.survived.add(row);
                return;
            }
            let delay = self.config.store_backoff.delay(retries, &*self.random);
            retries += 1;
            self.clock.sleep(delay).await;
        }
    }

    async fn count(&self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        let count = async {
            let mut tx = self.store.begin().await?;
            let counted = tx.outbox_attempt(message, begins).await?;
            tx.commit().await?;
            Ok(counted)
        };
        let span = debug_span!("attempt", %message, begins);
        answered(&*self.clock, self.config.store_limit, count).instrument(span).await
    }
}
