use std::{mem, sync::Arc, time::Duration};

use bytes::Bytes;
use smol_str::SmolStr;

use super::{Measure, Metrics, tally::Tally};
use crate::{
    message::Message,
    ports::{
        Answer, Answers, Broker, BrokerError, Call, Clock, External, ExternalCall, ExternalError, FailureKind,
        InboxInsert, Intercept, InterceptTransaction, Intercepted, Operation, PortError, Ports, PublishResult,
        SettleOutcome, Store, StoreError, Timestamp, Transaction,
    },
};

/// The ports of a process whose calls are measured: of its store, of the broker and of services outside. Times go by the
/// process's own clock.
///
/// See the [module](super) for an example.
pub fn metered(ports: Ports, metrics: Arc<dyn Metrics>) -> Ports {
    let metered = Metered(Arc::new(Meter { metrics, clock: ports.clock.clone() }));
    let store: Arc<dyn Store> = Arc::new(Intercepted::new(ports.store, metered.clone()));
    let broker: Arc<dyn Broker> = Arc::new(Intercepted::new(ports.broker, metered.clone()));
    let external: Arc<dyn External> = Arc::new(Intercepted::new(ports.external, metered));
    Ports { store, broker, external, ..ports }
}

/// Interceptor that measures the calls of a process.
#[derive(Clone)]
struct Metered(Arc<Meter>);

struct Meter {
    metrics: Arc<dyn Metrics>,
    clock: Arc<dyn Clock>,
}

impl Meter {
    fn add(&self, measure: Measure, labels: &[(&'static str, &str)]) {
        self.metrics.add(measure, labels, 1);
    }

    /// Nothing if the clock was set back meanwhile.
    fn since(&self, began: Timestamp) -> Duration {
        self.clock.now().since(began)
    }

    fn failed(&self, operation: Operation, kind: FailureKind) {
        self.add(Measure::PortFailures, &[("operation", operation.name()), ("kind", word(kind))]);
    }

    /// A call outside any transaction has ended well.
    fn done(&self, call: &Call<'_>, answer: Answer<'_>) {
        match (call, answer) {
            (Call::Settle { settlements, .. }, Answer::Held(held)) => {
                for (settlement, held) in settlements.iter().zip(held) {
                    if *held {
                        self.add(Measure::Settled, &[("outcome", outcome(&settlement.outcome))]);
                    } else {
                        self.add(Measure::ClaimsLost, &[]);
                    }
                }
            }
            (Call::AcquireSagas { .. }, Answer::Sagas(sagas)) if !sagas.is_empty() => {
                self.metrics.add(Measure::SagasAcquired, &[], sagas.len() as u64);
            }
            _ => {}
        }
    }
}

/// A call under way, counted as a failure if its caller drops it before it has returned.
struct Pending<'a> {
    meter: &'a Meter,
    operation: Operation,
}

impl<'a> Pending<'a> {
    fn new(meter: &'a Meter, operation: Operation) -> Self {
        Self { meter, operation }
    }

    fn has_returned(self) {
        mem::forget(self);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // These wait for what may never come, and are dropped at a stop.
        if !matches!(self.operation, Operation::Receive | Operation::Subscribe) {
            self.meter.add(Measure::PortFailures, &[("operation", self.operation.name()), ("kind", "dropped")]);
        }
    }
}

impl Intercept for Metered {
    type Transaction = MeteredTransaction;

    fn transaction(&self) -> MeteredTransaction {
        MeteredTransaction { meter: self.0.clone(), tally: Tally::default(), handling: None }
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let pending = Pending::new(&self.0, call.operation());
        let answered = inner.await;
        pending.has_returned();
        match &answered {
            Ok(answer) => self.0.done(&call, answer.answer()),
            Err(error) => self.0.failed(call.operation(), error.kind()),
        }
        answered
    }

    async fn publish(&self, batch: &[Message], inner: &dyn Broker) -> Result<Vec<PublishResult>, BrokerError> {
        let began = self.0.clock.now();
        let published = self.call(Call::Publish { batch }, inner.publish(batch)).await;
        let took = self.0.since(began);
        for (at, message) in batch.iter().enumerate() {
            let topic = ("topic", &*message.topic);
            if batch[..at].iter().all(|earlier| earlier.topic != message.topic) {
                self.0.metrics.took(Measure::PublishTime, &[topic], took);
            }
            let result = match &published {
                Ok(results) => results.get(at).map_or("unknown", said),
                Err(error) => word(error.kind()),
            };
            self.0.add(Measure::Published, &[topic, ("result", result)]);
        }
        published
    }

    async fn external(&self, call: &ExternalCall, inner: &dyn External) -> Result<Bytes, ExternalError> {
        let began = self.0.clock.now();
        let answered = self.call(Call::External { call }, inner.call(call)).await;
        let result = answered.as_ref().map_or_else(|error| word(error.kind()), |_| "answered");
        let labels = [("service", &*call.service), ("operation", &*call.operation), ("result", result)];
        self.0.metrics.took(Measure::ExternalTime, &labels, self.0.since(began));
        answered
    }
}

/// Measures the statements of one transaction, which count once it has committed.
struct MeteredTransaction {
    meter: Arc<Meter>,
    tally: Tally,
    /// Consumer whose message is being handled, and since when.
    handling: Option<(SmolStr, Timestamp)>,
}

impl MeteredTransaction {
    fn handled(&mut self, result: &'static str) -> Option<SmolStr> {
        let (consumer, began) = self.handling.take()?;
        let labels = [("consumer", &*consumer), ("result", result)];
        self.meter.metrics.took(Measure::HandlingTime, &labels, self.meter.since(began));
        Some(consumer)
    }
}

impl InterceptTransaction for MeteredTransaction {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let pending = Pending::new(&self.meter, call.operation());
        let answered = inner.await;
        pending.has_returned();
        let answer = match &answered {
            Ok(answer) => answer.answer(),
            Err(error) => {
                self.meter.failed(call.operation(), error.kind());
                return answered;
            }
        };
        match (call, answer) {
            (Call::InboxInsert { entry }, Answer::Inserted(InboxInsert::First)) => {
                self.handling = Some((entry.consumer.clone(), self.meter.clock.now()));
            }
            // It changes nothing, so there is no commit to wait for.
            (Call::InboxInsert { entry }, Answer::Inserted(InboxInsert::Duplicate(_))) => {
                self.meter.add(Measure::Duplicates, &[("consumer", &entry.consumer)]);
            }
            (call, answer) => self.tally.note(&call, answer),
        }
        answered
    }

    async fn commit(mut self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let began = self.meter.clock.now();
        let pending = Pending::new(&self.meter, Operation::Commit);
        let committed = match inner {
            Ok(transaction) => transaction.commit().await,
            Err(error) => Err(error),
        };
        pending.has_returned();
        let result = committed.as_ref().map_or_else(|error| word(error.kind()), |()| "committed");
        self.meter.metrics.took(Measure::CommitTime, &[("result", result)], self.meter.since(began));
        let handled = self.handled(result);
        match &committed {
            Ok(()) => {
                if let Some(consumer) = handled {
                    self.meter.add(Measure::Handled, &[("consumer", &consumer)]);
                }
                mem::take(&mut self.tally).count(&*self.meter.metrics);
            }
            Err(error) => self.meter.failed(Operation::Commit, error.kind()),
        }
        committed
    }
}

impl Drop for MeteredTransaction {
    fn drop(&mut self) {
        self.handled("rolled_back");
    }
}

fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Conflict => "conflict",
        FailureKind::Unavailable => "unavailable",
        FailureKind::Refused => "refused",
        FailureKind::Unknown => "unknown",
    }
}

fn said(result: &PublishResult) -> &'static str {
    result.as_ref().map_or_else(|error| word(error.kind()), |()| "accepted")
}

fn outcome(outcome: &SettleOutcome) -> &'static str {
    match outcome {
        SettleOutcome::Dispatched => "dispatched",
        SettleOutcome::Retry { .. } => "retry",
        SettleOutcome::Release { .. } => "release",
        SettleOutcome::Dead { .. } => "dead",
    }
}
