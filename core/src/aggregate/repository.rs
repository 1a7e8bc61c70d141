use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tracing::{Instrument, debug, debug_span};
use uuid::Uuid;

use super::{Aggregate, AggregateError, InDocuments, MessageMap, Persistence, Tracked, UpdateError};
use crate::{
    backoff::Backoff,
    ids::OperationId,
    message::{Message, MessageBuilder},
    ports::{Clock, Expected, Random, Store, StoreError, Transaction},
    wake::Wake,
};

/// Origin of a change of an aggregate. It decides the ids of the messages that tell of the change: where there is a
/// cause, they are derived from it, so that doing the same thing again names them the same.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Cause<'a> {
    /// No message or operation: the messages get new ids and start a business transaction of their own.
    New,
    /// A message that is being handled.
    Message(&'a Message),
    /// An operation, of a saga for example.
    Operation {
        /// Idempotency key of the operation.
        id: OperationId,
        /// The business transaction that it belongs to.
        correlation_id: Uuid,
    },
}

/// Loads aggregates, saves them with a check of their version, and stages the messages of what happened to them. Cloning
/// is cheap.
pub struct Repository<A: Aggregate> {
    persistence: Arc<dyn Persistence<A>>,
    messages: Arc<MessageMap<A::Event>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    wake: Option<Wake>,
    retries: u32,
    backoff: Backoff,
}

impl<A: Aggregate> Clone for Repository<A> {
    fn clone(&self) -> Self {
        Self {
            persistence: self.persistence.clone(),
            messages: self.messages.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            wake: self.wake.clone(),
            retries: self.retries,
            backoff: self.backoff,
        }
    }
}

impl<A: Aggregate> Repository<A> {
    /// A repository over documents.
    pub fn new(messages: impl Into<Arc<MessageMap<A::Event>>>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self
    where
        A: Serialize + DeserializeOwned,
    {
        Self::with_persistence(Arc::new(InDocuments), messages, clock, random)
    }

    /// A repository over tables of your own.
    ///
    /// [`Repository::update`] tries again up to 8 times, 5 ms to 200 ms apart: two that write one aggregate meet once or
    /// twice, and more than 8 times only where the aggregate is too large for its traffic.
    pub fn with_persistence(
        persistence: Arc<dyn Persistence<A>>,
        messages: impl Into<Arc<MessageMap<A::Event>>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            persistence,
            messages: messages.into(),
            clock,
            random,
            wake: None,
            retries: 8,
            backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(200)),
        }
    }

    /// Hints to this process's relay after [`Repository::update`] has committed.
    pub fn wake(mut self, wake: Wake) -> Self {
        self.wake = Some(wake);
        self
    }

    /// Loads an aggregate; `None` if there is none by this id. Dropping the future reads nothing.
    ///
    /// # Errors
    /// [`AggregateError::Store`] if the store fails, and [`AggregateError::Codec`] if what is stored can't be decoded as this
    /// aggregate.
    pub async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<Tracked<A>>, AggregateError> {
        let span = debug_span!("aggregate.load", aggregate = A::NAME, id);
        let stored = self.persistence.load(tx, id).instrument(span).await?;
        Ok(stored.map(|(state, version)| Tracked::loaded(state, version)))
    }

    /// Saves an aggregate and stages the messages of its events; returns its version. Nothing is written if nothing has
    /// changed. All of it is the transaction's: it happens when, and only if, that commits.
    ///
    /// Dropping the future may leave a part of it in the transaction, the aggregate without its messages: drop the transaction,
    /// too, and nothing of it happens.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if it was saved by another since it was loaded: begin anew from a
    /// fresh load. [`AggregateError`] tells what else can fail.
    pub async fn save(
        &self,
        tx: &mut dyn Transaction,
        aggregate: Tracked<A>,
        cause: Cause<'_>,
    ) -> Result<u64, AggregateError> {
        let expected = match aggregate.version() {
            Some(version) if !aggregate.is_changed() => return Ok(version),
            Some(version) => Expected::Version(version),
            None => Expected::Absent,
        };
        let (state, events) = aggregate.into_parts();
        let span = debug_span!("aggregate.save", aggregate = A::NAME, id = state.id());
        self.write(tx, &state, &events, expected, cause).instrument(span).await
    }

    async fn write(
        &self,
        tx: &mut dyn Transaction,
        state: &A,
        events: &[A::Event],
        expected: Expected,
        cause: Cause<'_>,
    ) -> Result<u64, AggregateError> {
        let version = self.persistence.save(tx, state, expected).await?;
        for (number, event) in events.iter().enumerate() {
            if let Some(builder) = self.messages.message(event, state.id())? {
                let message = self.finish(builder, state.id(), version, number, cause);
                debug!(version, message = %message.id, kind = %message.kind, "staged");
                tx.stage(&message).await?;
            }
        }
        Ok(version)
    }

    fn finish(&self, builder: MessageBuilder, id: &str, version: u64, number: usize, cause: Cause<'_>) -> Message {
        let derive = |builder: MessageBuilder, parent: Uuid| {
            builder.derive(parent, &[A::NAME, id, &format!("{version}.{number}")], self.clock.now())
        };
        match cause {
            Cause::New => builder.draw(&*self.clock, &*self.random),
            Cause::Message(message) => derive(builder.caused_by(message), message.id.0),
            Cause::Operation { id, correlation_id } => derive(builder.correlation(correlation_id), id.0),
        }
    }

    /// Loads an aggregate, changes it and saves it, inside a transaction of the caller's. Dropping the future is as with
    /// [`save`](Self::save): drop the transaction, too.
    ///
    /// # Errors
    /// [`UpdateError::Missing`] if there is no such aggregate, [`UpdateError::Refused`] with what `change` returned, in which case
    /// nothing was written, and [`UpdateError::Aggregate`] if it can't be loaded or saved.
    pub async fn update_in<R, E>(
        &self,
        tx: &mut dyn Transaction,
        id: &str,
        cause: Cause<'_>,
        change: impl FnOnce(&mut A) -> Result<R, E>,
    ) -> Result<R, UpdateError<E>> {
        let missing = || UpdateError::Missing { aggregate: A::NAME, id: id.into() };
        let mut aggregate = self.load(tx, id).await?.ok_or_else(missing)?;
        let result = aggregate.try_change(change).map_err(UpdateError::Refused)?;
        self.save(tx, aggregate, cause).await?;
        Ok(result)
    }

    /// Loads an aggregate, changes it and saves it, in a transaction of its own. After a conflict it starts again from a
    /// fresh load, so `change` may run several times, each time on what is stored then.
    ///
    /// Dropping the future before the commit aborts the transaction. Once the commit has begun, the change may be there or not,
    /// as after [`StoreError::Unknown`]; the relay publishes its messages in either case if it is, without the hint.
    ///
    /// # Errors
    /// Those of [`update_in`](Self::update_in). [`StoreError::Conflict`] if others were always faster.
    /// [`StoreError::Unknown`] is returned and not tried again, since `change` might then be applied twice.
    pub async fn update<R, E>(
        &self,
        store: &dyn Store,
        id: &str,
        cause: Cause<'_>,
        mut change: impl FnMut(&mut A) -> Result<R, E>,
    ) -> Result<R, UpdateError<E>> {
        let mut retries = 0;
        loop {
            let updated = async {
                let mut tx = store.begin().await?;
                let result = self.update_in(&mut *tx, id, cause, &mut change).await?;
                tx.commit().await?;
                Ok(result)
            };
            match updated.await {
                Err(UpdateError::Aggregate(AggregateError::Store(StoreError::Conflict(why))))
                    if retries < self.retries =>
                {
                    debug!(aggregate = A::NAME, id, retries, %why, "update starts again from a fresh load");
                    self.clock.sleep(self.backoff.delay(retries, &*self.random)).await;
                    retries += 1;
                }
                Ok(result) => {
                    if let Some(wake) = &self.wake {
                        wake.hint();
                    }
                    return Ok(result);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
