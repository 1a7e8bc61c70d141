use std::convert::Infallible;

use bytes::Bytes;
use smol_str::{SmolStr, format_smolstr};
use tracing::{Instrument, debug, debug_span};
use uuid::Uuid;

use super::{Ledger, Loaded, Sourced};
use crate::{
    aggregate::{AggregateError, Cause, DomainEvent, UpdateError},
    message::{Message, MessageBuilder, from_json, to_json},
    ports::{EventAppend, ExpectedVersion, Store, StoreError, Transaction},
    wake::Wake,
};

/// Number of events that are read of a stream at a time.
const PAGE: usize = 500;

impl<A: Sourced> Ledger<A> {
    /// Loads an aggregate: its snapshot, if there is one of this shape, and the events after it.
    ///
    /// # Errors
    /// [`AggregateError::Codec`] if an event can't be decoded; [`AggregateError::Store`].
    pub async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Loaded<A>, AggregateError> {
        let stream = self.stream(id);
        let span = debug_span!("ledger.load", %stream);
        self.fold(tx, &stream, id).instrument(span).await.map(|(loaded, _)| loaded)
    }

    /// The aggregate, and the version of the snapshot that it was read from.
    async fn fold(&self, tx: &mut dyn Transaction, stream: &str, id: &str) -> Result<(Loaded<A>, u64), AggregateError> {
        let mut loaded = Loaded { state: A::default(), version: 0 };
        if let Some(snapshots) = &self.snapshots
            && let Some(kept) = tx.stream_snapshot(stream).await?
            && let Some(state) = (snapshots.decode)(&kept.state)
        {
            loaded = Loaded { state, version: kept.version };
        }
        let kept = loaded.version;
        loop {
            let page = tx.read_stream(stream, loaded.version, PAGE).await?;
            for event in &page {
                let decoded: A::Event = from_json(&event.message.data).map_err(|error| codec::<A>(id, &error))?;
                loaded.state.evolve(&decoded);
                loaded.version = event.version;
            }
            if page.len() < PAGE {
                return Ok((loaded, kept));
            }
        }
    }

    /// Decides a command and appends what happens, inside a transaction of the caller's. Returns the aggregate as it is then.
    ///
    /// # Errors
    /// [`UpdateError::Refused`] if the command is refused, and [`StoreError::Conflict`], here or at commit, if somebody else
    /// appends meanwhile: nothing was appended.
    pub async fn execute_in(
        &self,
        tx: &mut dyn Transaction,
        id: &str,
        command: &A::Command,
        cause: Cause<'_>,
    ) -> Result<Loaded<A>, UpdateError<A::Refusal>> {
        let executed = self.execute_if(tx, id, command, cause, |_, _| Ok::<_, Infallible>(())).await?;
        match executed {
            Ok(loaded) => Ok(loaded),
            Err(never) => match never {},
        }
    }

    /// Does the same if `check` finds nothing wrong with the aggregate and its version; else nothing happens, and its error is
    /// returned.
    pub(crate) async fn execute_if<E: Send>(
        &self,
        tx: &mut dyn Transaction,
        id: &str,
        command: &A::Command,
        cause: Cause<'_>,
        check: impl FnOnce(&A, u64) -> Result<(), E> + Send,
    ) -> Result<Result<Loaded<A>, E>, UpdateError<A::Refusal>> {
        let stream = self.stream(id);
        let span = debug_span!("ledger.execute", %stream);
        async {
            let (mut loaded, kept) = self.fold(tx, &stream, id).await?;
            if let Err(wrong) = check(&loaded.state, loaded.version) {
                return Ok(Err(wrong));
            }
            let decided = loaded.state.decide(command).map_err(UpdateError::Refused)?;
            if decided.is_empty() {
                return Ok(Ok(loaded));
            }
            let before = loaded.version;
            let mut messages = Vec::with_capacity(decided.len());
            for event in &decided {
                loaded.state.evolve(event);
                loaded.version += 1;
                messages.push(self.message(event, id, loaded.version, cause)?);
            }
            tx.append_events(&EventAppend::new(&*stream, ExpectedVersion::Exact(before), messages.clone())).await?;
            for (event, message) in decided.iter().zip(&messages) {
                if self.published.contains(&event.name()) {
                    tx.stage(message).await?;
                }
            }
            if let Some(snapshots) = &self.snapshots
                && loaded.version - kept >= snapshots.every
            {
                let state = (snapshots.encode)(&loaded.state).map_err(|error| codec::<A>(id, &error))?;
                tx.put_stream_snapshot(&stream, loaded.version, Bytes::from(state)).await?;
            }
            debug!(version = loaded.version, events = decided.len(), "appended");
            Ok(Ok(loaded))
        }
        .instrument(span)
        .await
    }

    /// Decides a command and appends what happens, in a transaction of its own. After a conflict the command is decided again
    /// on a fresh load, so `decide` may run several times, each time on what is stored then.
    ///
    /// # Errors
    /// [`UpdateError`]. [`StoreError::Conflict`] if others were always faster. [`StoreError::Unknown`] is returned and not
    /// tried again: with a [`Cause`] other than [`Cause::New`] the events have derived ids, so that asking again is safe
    /// where the same version was decided on, and otherwise `decide` has to know what it did before.
    pub async fn execute(
        &self,
        store: &dyn Store,
        id: &str,
        command: &A::Command,
        cause: Cause<'_>,
    ) -> Result<Loaded<A>, UpdateError<A::Refusal>> {
        let mut retries = 0;
        loop {
            let executed = async {
                let mut tx = store.begin().await?;
                let loaded = self.execute_in(&mut *tx, id, command, cause).await?;
                tx.commit().await?;
                Ok(loaded)
            };
            match executed.await {
                Err(UpdateError::Aggregate(AggregateError::Store(StoreError::Conflict(why))))
                    if retries < self.retries =>
                {
                    debug!(aggregate = A::NAME, id, retries, %why, "command is decided again on a fresh load");
                    self.clock.sleep(self.backoff.delay(retries, &*self.random)).await;
                    retries += 1;
                }
                Ok(loaded) => {
                    self.wakes.iter().for_each(Wake::hint);
                    return Ok(loaded);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn message(&self, event: &A::Event, id: &str, version: u64, cause: Cause<'_>) -> Result<Message, AggregateError> {
        let kind = format_smolstr!("{}.{}", A::NAME, event.name());
        let data = to_json(&kind, event)?;
        let builder = MessageBuilder::new(self.source.clone(), kind, id)
            .topic(self.topic.clone())
            .data(SmolStr::new_static("application/json"), data);
        let derive = |builder: MessageBuilder, parent: Uuid| {
            builder.derive(parent, &[A::NAME, id, &format!("{version}")], self.clock.now())
        };
        Ok(match cause {
            Cause::New => builder.draw(&*self.clock, &*self.random),
            Cause::Message(message) => derive(builder.caused_by(message), message.id.0),
            Cause::Operation { id, correlation_id } => derive(builder.correlation(correlation_id), id.0),
        })
    }
}

fn codec<A: Sourced>(id: &str, error: &serde_json::Error) -> AggregateError {
    AggregateError::Codec { aggregate: A::NAME, id: id.into(), reason: error.to_string() }
}
