use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{
        Answer, Answers, Broker, BrokerError, Call, Delivery, DeliveryTag, External, ExternalCall, ExternalError,
        Ingress, Intercept, Operation, PortError, PublishResult, Refusal, Request, Response, StoreError, Subscription,
        Transaction,
    },
};
use seaworthy_memory::external::Answered;
use smol_str::SmolStr;

use super::transaction::Watched;
use crate::{
    plan::Verdict,
    shell::{Gate, Reach, Sent},
    trace::{Outcome, TxId, What, told},
};

/// Shell between an incarnation and every component: each call is judged, carried out as it is struck, and written
/// down.
#[derive(Clone)]
pub(super) struct Shell {
    pub(super) gate: Gate,
    /// The name of the process's store.
    store: SmolStr,
    /// Deliveries that were neither acknowledged nor given back yet.
    out: Arc<Mutex<BTreeMap<DeliveryTag, MessageId>>>,
}

impl Shell {
    pub(super) fn new(gate: Gate, store: SmolStr) -> Self {
        Self { gate, store, out: Arc::default() }
    }

    pub(super) fn out(&self) -> MutexGuard<'_, BTreeMap<DeliveryTag, MessageId>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn what<T: Answers>(&self, call: &Call<'_>, answer: Option<&T>, outcome: Outcome) -> What {
        // The message of a delivery that is out no longer.
        let end = |tag| self.out().remove(&tag).unwrap_or(MessageId(uuid::Uuid::nil()));
        match *call {
            Call::Ack { group, tag } => What::Ack { group: group.clone(), tag: tag.0, message: end(tag), outcome },
            Call::Nack { group, tag, .. } => {
                What::Nack { group: group.clone(), tag: tag.0, message: end(tag), outcome }
            }
            _ => told(&self.store, call, answer.map(T::answer), outcome),
        }
    }
}

impl Intercept for Shell {
    type Transaction = Watched;

    fn transaction(&self) -> Watched {
        Watched::new(self.gate.clone(), self.store.clone(), TxId(0))
    }

    fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        let tell = |call: &Call<'_>, _, result: &Result<T, E>, outcome| {
            if let (Call::ReadEvents { .. }, Ok(read)) = (call, result) {
                self.gate.world.note_events(self.gate.incarnation.process, &read.answer());
            }
            self.gate.record(self.what(call, result.as_ref().ok(), outcome));
        };
        self.gate.call(call, Reach::Network, None, |_| inner, tell)
    }

    /// A transaction has a number from its beginning on.
    async fn begin(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> Result<(Box<dyn Transaction>, Watched), StoreError> {
        let mut tx = TxId(0);
        let tell = |_: &Call<'_>, _, begun: &Result<_, _>, outcome: Outcome| {
            if begun.is_ok() {
                tx = self.gate.world.next_tx();
            }
            // What it was good for shows at its end: nobody misses its reply.
            let outcome = if outcome == Outcome::DoneUnheard { Outcome::Done } else { outcome };
            self.gate.record(What::Begin { tx, outcome });
        };
        let begun = self.gate.call(Call::Begin, Reach::Network, None, |_| inner, tell).await?;
        Ok((begun, Watched::new(self.gate.clone(), self.store.clone(), tx)))
    }

    fn publish(
        &self,
        batch: &[Message],
        inner: &dyn Broker,
    ) -> impl Future<Output = Result<Vec<PublishResult>, BrokerError>> + Send {
        self.published(batch, inner)
    }

    fn receive(
        &self,
        group: &SmolStr,
        max: usize,
        inner: &dyn Subscription,
    ) -> impl Future<Output = Result<Vec<Delivery>, BrokerError>> + Send {
        self.received(group, max, inner)
    }

    /// An external service, of which the trace says whether it acted.
    async fn external(&self, asked: &ExternalCall, _: &dyn External) -> Result<Bytes, ExternalError> {
        let externals = &self.gate.world.externals;
        let tell = |_: &Call<'_>, _, answered: &Result<Acted, _>, outcome| {
            let acted = answered.as_ref().is_ok_and(|Acted(answered)| answered.acted);
            self.gate.record(What::External {
                service: asked.service.clone(),
                operation: asked.operation.clone(),
                operation_id: asked.operation_id,
                subject: externals.subject(asked),
                acted,
                outcome,
            });
        };
        let inner = |_| async { externals.answer(asked).map(Acted) };
        let call = Call::External { call: asked };
        self.gate.call(call, Reach::Network, None, inner, tell).await.map(|Acted(answered)| answered.body)
    }

    async fn request(&self, inner: &dyn Ingress) -> Option<Request> {
        let gate = &self.gate;
        let mut under_way = gate.enter(&Call::Request, Reach::Statement).await;
        let request = under_way.idle(inner.next()).await?;
        let struck = under_way.struck(&Call::Request).await;
        let (number, operation) = (request.response.number(), request.operation.clone());
        gate.record(What::Request { request: number, operation });
        if let Some(Verdict::Duplicate { after_ms }) = struck {
            gate.world.repeat(gate.incarnation.process, Duration::from_millis(after_ms.into()));
        }
        under_way.leave(&Call::Request).await;
        Some(request)
    }

    fn reply(&self, said: Result<Bytes, Refusal>, response: Response) {
        let gate = &self.gate;
        let (sent, ending) = gate.send(Operation::Reply);
        let outcome = if matches!(sent, Sent::Lost) { Outcome::NotDoneUnheard } else { Outcome::Done };
        gate.record(What::Reply { request: response.number(), accepted: said.is_ok(), outcome });
        match sent {
            Sent::Arrives => response.give(said),
            Sent::Late(by) => gate.world.answer_later(response, said, by),
            Sent::Lost => {}
        }
        if let Some(verdict) = ending {
            gate.end(verdict);
        }
    }
}

/// Answer of an external service that says whether it acted.
struct Acted(Answered);

impl Answers for Acted {
    fn answer(&self) -> Answer<'_> {
        Answer::Done
    }
}
