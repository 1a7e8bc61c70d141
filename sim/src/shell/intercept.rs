use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{
        Answers, Broker, BrokerError, Call, Delivery, DeliveryTag, External, ExternalCall, ExternalError, Intercept,
        PortError, PublishResult, StoreError, Subscription, Transaction,
    },
};
use smol_str::SmolStr;

use super::{
    Gate,
    disposition::{Carried, Reach},
    told::told,
    transaction::Watched,
};
use crate::trace::{Outcome, TxId, What};

/// Shell between an incarnation and every component: each call is judged, carried out as it is struck, and written
/// down.
#[derive(Clone)]
pub(super) struct Shell {
    pub(super) gate: Gate,
    /// The name of the process's store.
    pub(super) store: SmolStr,
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

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let point = call.operation();
        let mut entered = self.gate.enter(point, Reach::Network).await;
        let disposition = entered.disposition().await;
        let mut inner = pin!(inner);
        let Carried { result, outcome, is_own } =
            disposition.carry_out(&call, self.gate.answered(point, None, inner.as_mut())).await;
        if let (Err(error), true) = (&result, is_own) {
            self.gate.note_error(point, error);
        }
        self.gate.record(self.what(&call, result.as_ref().ok(), outcome));
        entered.leave().await;
        disposition.heard(&call, result)
    }

    async fn begin(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> Result<(Box<dyn Transaction>, Watched), StoreError> {
        self.begun(inner).await
    }

    async fn publish(&self, batch: &[Message], inner: &dyn Broker) -> Result<Vec<PublishResult>, BrokerError> {
        self.published(batch, inner).await
    }

    async fn receive(
        &self,
        group: &SmolStr,
        max: usize,
        inner: &mut dyn Subscription,
    ) -> Result<Vec<Delivery>, BrokerError> {
        self.received(group, max, inner).await
    }

    async fn external(&self, call: &ExternalCall, _: &dyn External) -> Result<Bytes, ExternalError> {
        self.asked(call).await
    }
}
