use std::{iter, sync::Arc};

use tracing::{Instrument, debug, debug_span};

use super::{PassReport, RelayConfig, budget::Budget};
use crate::{
    ids::{List, MessageId},
    message::Message,
    ports::{Broker, BrokerError, PublishError, PublishResult, Random, RowId, SettleOutcome},
};

/// The broker's side of a relay, however it comes by its rows: publishes a batch, and says what is to become of each row.
pub(super) struct Publisher {
    broker: Arc<dyn Broker>,
    random: Arc<dyn Random>,
    budget: Budget,
}

impl Publisher {
    pub(super) fn new(broker: Arc<dyn Broker>, random: Arc<dyn Random>) -> Self {
        Self { broker, random, budget: Budget::default() }
    }

    /// Publishes one batch of rows, given with how often each was tried. `passed` is whether the broker accepted anything
    /// before in the same pass. Without any answer the report says how long to pause.
    pub(super) async fn publish(
        &mut self,
        rows: &[(RowId, u32)],
        messages: &[Message],
        passed: bool,
        config: &RelayConfig,
        report: &mut PassReport,
    ) -> Vec<SettleOutcome> {
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        let span = debug_span!("publish", messages = %List(&ids));
        let results = self.offer(messages).instrument(span.clone()).await;
        let _entered = span.enter();
        let (outcomes, answered) = self.budget.judge(rows, results, passed, config, &*self.random);
        if answered {
            self.budget.recovered();
        } else {
            report.pause = Some(self.budget.outage(config, &*self.random));
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            for (message, outcome) in messages.iter().zip(&outcomes) {
                debug!(message = %message.id, kind = %message.kind, ?outcome, "published");
            }
        }
        outcomes
    }

    /// Returns the number of the next attempt at a row, as far as this relay has seen.
    pub(super) fn next_attempt(&self, row: RowId) -> u32 {
        self.budget.next_attempt(row)
    }

    /// A failure of the whole call is one of each message.
    async fn offer(&self, messages: &[Message]) -> Vec<PublishResult> {
        let failure = match self.broker.publish(messages).await {
            Ok(results) => return results,
            Err(BrokerError::Unavailable(why)) => PublishError::Unavailable(why),
            Err(BrokerError::Unknown(why)) => PublishError::Unknown(why),
        };
        iter::repeat_n(Err(failure), messages.len()).collect()
    }
}
