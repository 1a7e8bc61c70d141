//! Signals and messages for sagas that wait: an entry in the saga's log, written by whoever has the signal, in a
//! transaction of their own.

use tracing::Instrument;

use super::{Orchestrator, Record, SagaError, Signal, registry::keyed};
use crate::{
    ids::SagaId,
    message::Message,
    ports::{SagaAddress, SagaInstance, SagaSignal, StoreError, Transaction},
};

/// Number of times that a signal is tried when the saga moves meanwhile.
const TRIES: u32 = 16;

impl Orchestrator {
    /// Gives a saga a signal, in a transaction of its own. The saga goes on at once where it waits for it, in this process
    /// if its recovery runs here; where it does not wait yet, the signal is kept for it. Giving it again does no harm: a
    /// signal counts once, by its id.
    ///
    /// Dropping the future leaves open whether the saga has it: give it again.
    ///
    /// # Errors
    /// Those of [`signal_in`](Self::signal_in); [`SagaError::Contended`] if the saga kept moving. After a store error give
    /// it again.
    pub async fn signal(&self, saga: SagaId, signal: &Signal) -> Result<(), SagaError> {
        let work = async {
            for round in 0..TRIES {
                let write = async {
                    let mut tx = self.resources.store.begin().await?;
                    self.write_signal(&mut *tx, SagaAddress::Id(saga), signal).await?;
                    Ok(tx.commit().await?)
                };
                match self.resources.answered(write).await {
                    Err(SagaError::Store(StoreError::Conflict(_))) => {}
                    written => return written,
                }
                self.resources.clock.sleep(self.resources.store_delay(round)).await;
            }
            Err(SagaError::Contended(saga))
        };
        work.instrument(tracing::info_span!("saga.signal", %saga, name = %signal.name)).await
    }

    /// Gives a saga a signal in the caller's transaction: it has the signal if, and only if, that commits, and goes on as
    /// soon as that is known. So a handler gives a saga what it has heard of, once, however often the message comes.
    ///
    /// A step may signal any saga but its own.
    ///
    /// # Errors
    /// [`SagaError::NotFound`] if there is no such saga; [`SagaError::Ended`] if it has ended, so that the signal comes too
    /// late; [`SagaError::NotAwaited`] if no version of its definition that is registered here waits for a signal of this name;
    /// [`SagaError::Store`]. After any error the transaction is to be dropped, but for a caller who takes [`SagaError::Ended`]
    /// or [`SagaError::NotFound`] for done: these write nothing.
    pub async fn signal_in(&self, tx: &mut dyn Transaction, saga: SagaId, signal: &Signal) -> Result<(), SagaError> {
        let span = tracing::info_span!("saga.signal", %saga, name = %signal.name);
        self.write_signal(tx, SagaAddress::Id(saga), signal).instrument(span).await.map(drop)
    }

    /// Gives a message to the sagas of a definition that share its correlation id, in the transaction in which it is handled.
    /// That is the correlation id of the saga's own messages and of all that answers them, so a reply finds the saga that
    /// asked. Where steps wait for it by a [key](super::Wait::keyed), and it [has](super::Wait::correlate_by) one, it is given to
    /// the sagas of that key instead. To whom a message is given by the saga's business key or id, give it as a signal:
    /// `signal_in(tx, saga_id(definition, key), &Signal::from(message))`.
    ///
    /// Returns the sagas that got it: mostly one.
    ///
    /// ```
    /// use async_trait::async_trait;
    /// use seaworthy_core::{
    ///     inbox::{Handler, HandlerError},
    ///     message::Message,
    ///     ports::Transaction,
    ///     saga::{Orchestrator, SagaError},
    /// };
    ///
    /// struct Settled(Orchestrator);
    ///
    /// #[async_trait]
    /// impl Handler for Settled {
    ///     async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
    ///         match self.0.deliver_in(tx, "loan", message).await {
    ///             // The saga was given up, or cancelled, meanwhile.
    ///             Ok(_) | Err(SagaError::Ended { .. }) => Ok(()),
    ///             Err(SagaError::Store(error)) => Err(error.into()),
    ///             Err(error) => Err(HandlerError::Refused(error.to_string().into())),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SagaError::Uncorrelated`] or [`SagaError::Unkeyed`] if there is no such saga; otherwise those of
    /// [`signal_in`](Self::signal_in).
    pub async fn deliver_in(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        message: &Message,
    ) -> Result<Vec<SagaId>, SagaError> {
        let span = tracing::info_span!("saga.deliver", %definition, message = %message.id, kind = %message.kind);
        let work = async {
            let mut addresses = self.registry.addresses(definition, message);
            let last = addresses.pop().expect("a message has a correlation id, if no key");
            let signal = Signal::from(message);
            // Where versions of the definition differ in how they find a message, it is given in each way. That there is
            // nobody in one of them, or nobody any more, is said only if there is nobody in any.
            let (mut given, mut ended) = (Vec::new(), None);
            for address in addresses {
                match self.write_signal(tx, address, &signal).await {
                    Ok(sagas) => given.extend(sagas),
                    Err(SagaError::Unkeyed { .. }) => {}
                    Err(error @ SagaError::Ended { .. }) => ended = Some(error),
                    Err(error) => return Err(error),
                }
            }
            match self.write_signal(tx, last, &signal).await {
                Ok(sagas) => given.extend(sagas.into_iter().filter(|saga| !given.contains(saga)).collect::<Vec<_>>()),
                Err(SagaError::Unkeyed { .. } | SagaError::Uncorrelated { .. } | SagaError::Ended { .. })
                    if !given.is_empty() => {}
                Err(SagaError::Unkeyed { .. } | SagaError::Uncorrelated { .. }) if ended.is_some() => {
                    return Err(ended.expect("it was found a moment ago"));
                }
                Err(error) => return Err(error),
            }
            Ok(given)
        };
        work.instrument(span).await
    }

    /// Gives a message to the sagas of a definition that wait for it, or will, under a [key](super::Wait::keyed), in the
    /// transaction in which it is handled. Returns the sagas that got it.
    ///
    /// # Errors
    /// [`SagaError::Unkeyed`] if there is no such saga, or its key is not known yet; otherwise those of
    /// [`signal_in`](Self::signal_in).
    pub async fn deliver_keyed_in(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        message: &Message,
    ) -> Result<Vec<SagaId>, SagaError> {
        let span = tracing::info_span!("saga.deliver", %definition, %key, message = %message.id, kind = %message.kind);
        let address = keyed(definition, &message.kind, key.into());
        self.write_signal(tx, address, &Signal::from(message)).instrument(span).await
    }

    async fn write_signal(
        &self,
        tx: &mut dyn Transaction,
        to: SagaAddress,
        signal: &Signal,
    ) -> Result<Vec<SagaId>, SagaError> {
        let Signal { name, id, key, payload } = signal.clone();
        let key = match &to {
            SagaAddress::Keyed { key, .. } => Some(key.key.clone()),
            _ => key,
        };
        let record = Record::Signalled { name, id, key, payload }.encode();
        let found = tx.saga_signal(&SagaSignal { to: to.clone(), record }).await?;
        let open: Vec<&SagaInstance> = found.iter().filter(|saga| !saga.status.is_terminal()).collect();
        if open.is_empty() {
            return Err(match (found.first(), to) {
                (Some(ended), _) => SagaError::Ended { saga: ended.id, status: ended.status },
                (None, SagaAddress::Id(saga)) => SagaError::NotFound(saga),
                (None, SagaAddress::Correlated { definition, correlation_id }) => {
                    SagaError::Uncorrelated { definition, correlation_id }
                }
                (None, SagaAddress::Keyed { definition, key }) => {
                    SagaError::Unkeyed { definition, name: key.name, key: key.key }
                }
            });
        }
        if let Some(saga) = open.iter().find(|saga| !self.registry.may_await(&saga.definition.name, &signal.name)) {
            return Err(SagaError::NotAwaited { definition: saga.definition.name.clone(), name: signal.name.clone() });
        }
        let left = self.resources.left.clone();
        tx.after_commit(Box::new(move || left.hint()));
        Ok(open.iter().map(|saga| saga.id).collect())
    }
}
