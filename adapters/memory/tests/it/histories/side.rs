//! One store, and what can be seen of it.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use seaworthy_core::ids::{ClaimToken, MessageId};
use seaworthy_core::message::Message;
use seaworthy_core::ports::{
    AcquireRequest, ClaimRequest, DeadLetterRequest, DeadRowRequest, DefinitionRef, EventAppend, InboxPurgeRequest,
    OperationRecord, OperationState, OutboxOrder, OutboxRow, PurgeRequest, RecordedEvent, RowId, SagaAppend,
    Settlement, Store, StoreError, TailRequest, Transaction, WhenDead,
};

use crate::histories::{
    action::{Action, CONSUMERS, DOCUMENTS, OPERATIONS, Purge, SAGAS, Statement},
    clock::HandClock,
    samples,
};

/// One of the stores, with what it handed out.
pub(crate) struct Side {
    store: Arc<dyn Store>,
    clock: Arc<HandClock>,
    /// Whether it can be read while a transaction is open.
    glances: bool,
    claimed: usize,
    /// The claims that found rows.
    claims: Vec<(ClaimToken, Vec<RowId>)>,
}

/// Answers as text: it compares, and it reads well where it differs. Row numbers are left out, since each store hands
/// out its own, and so are epochs, which a file draws.
type Seen = Vec<String>;

fn row(row: &OutboxRow) -> String {
    format!("{:?} after {} attempts", Message { epoch: 0, ..row.message.clone() }, row.attempts)
}

fn event(event: &RecordedEvent) -> String {
    format!("{:?} is version {}", Message { epoch: 0, sequence: 0, ..event.message.clone() }, event.version)
}

/// Errors are compared by their variant, which is what a caller acts upon; the text is the store's own.
fn variant(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict(_) => "conflict",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Unknown(_) => "unknown",
        StoreError::Refused(_) => "refused",
    }
}

fn request((older_than, limit): Purge) -> PurgeRequest {
    PurgeRequest { older_than, limit }
}

impl Side {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<HandClock>, glances: bool) -> Self {
        Self { store, clock, glances, claimed: 0, claims: Vec::new() }
    }

    /// Carries out an action and returns all that its caller learns.
    pub(crate) async fn act(&mut self, action: &Action) -> Seen {
        match self.answer(action).await {
            Ok(seen) => seen,
            Err(error) => vec![variant(&error).to_owned()],
        }
    }

    async fn answer(&mut self, action: &Action) -> Result<Seen, StoreError> {
        let store = Arc::clone(&self.store);
        let count = |count: u64| vec![count.to_string()];
        let rows = |mut messages: Vec<MessageId>| {
            messages.sort();
            messages.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Ok(match action {
            Action::Advance(by) => {
                self.clock.advance(*by);
                Vec::new()
            }
            Action::Transaction { statements, commit } => self.transaction(statements, *commit).await,
            Action::Claim { limit, lease, ordering, when_dead } => {
                let token = samples::token(self.claimed);
                self.claimed += 1;
                let (limit, lease, ordering, when_dead) = (*limit, *lease, *ordering, *when_dead);
                let rows = store
                    .claim(&ClaimRequest { token, limit, lease, ordering, when_dead, except_topics: Vec::new() })
                    .await?;
                if !rows.is_empty() {
                    self.claims.push((token, rows.iter().map(|row| row.row).collect()));
                }
                rows.iter().map(row).collect()
            }
            Action::Settle { claim, outcomes } => {
                // Counted from the last one, which is the one that most likely holds something.
                let Some(claim) = self.claims.len().checked_sub(claim + 1) else { return Ok(Vec::new()) };
                let (token, rows) = &self.claims[claim];
                let settle = outcomes.iter().filter_map(|(at, outcome)| {
                    rows.get(*at).map(|row| Settlement { row: *row, outcome: samples::settled(*outcome) })
                });
                let settlements: Vec<Settlement> = settle.collect();
                vec![format!("{:?}", store.settle(*token, &settlements).await?)]
            }
            Action::Redrive { only, key, limit } => {
                let mut request = DeadRowRequest::new(*limit);
                request.only =
                    only.as_ref().map(|only| only.iter().map(|number| samples::message(*number).id).collect());
                request.key = key.map(|key| samples::message(key).partition_key);
                rows(store.redrive(&request).await?)
            }
            Action::Tail { when_dead, limit } => self.tail(*when_dead, *limit).await?,
            Action::PurgeDispatched(purge) => rows(store.purge_dispatched(&request(*purge)).await?),
            Action::PurgeDead((older_than, limit)) => {
                let until = store.now().await?.before(*older_than);
                rows(store.purge_dead(&DeadRowRequest::new(*limit).died_until(until)).await?)
            }
            Action::PurgeInbox { consumer, purge } => {
                // Watermarks stay twice as long as rows, and so do counts of failures.
                let rows = InboxPurgeRequest::new(purge.0, purge.1);
                let request = rows.watermarks_older_than(purge.0 * 2).failures_older_than(purge.0 * 2);
                count(store.purge_inbox(&samples::consumer(*consumer), &request).await?)
            }
            Action::Acquire { only, definitions, limit, lease } => {
                let only = only.map(samples::saga);
                let definitions = definitions.iter().copied().map(samples::definition).collect();
                let request = AcquireRequest { only, definitions, limit: *limit, lease: *lease };
                store.acquire_sagas(&request).await?.iter().map(|saga| format!("{saga:?}")).collect()
            }
            Action::Renew { saga, epoch, lease } => {
                vec![store.renew_saga(samples::saga(*saga), *epoch, *lease).await?.to_string()]
            }
            Action::PurgeLogs(purge) => count(store.purge_saga_logs(&request(*purge)).await?),
        })
    }

    /// Runs statements until one fails; after that a caller can only drop the transaction.
    async fn transaction(&self, statements: &[Statement], commit: bool) -> Seen {
        let mut seen = Vec::new();
        let outcome = async {
            // Where each saga stands, to append there: as its owner knows it.
            let mut places = BTreeMap::new();
            for id in 0..SAGAS {
                let saga = self.store.saga(samples::saga(id)).await?;
                places.insert(id, saga.map_or((1, 0), |saga| (saga.epoch, saga.log_length)));
            }
            let mut tx = self.store.begin().await?;
            for statement in statements {
                seen.push(self.statement(&mut *tx, statement, &mut places).await?);
            }
            if commit { tx.commit().await } else { Ok(()) }
        }
        .await;
        seen.push(outcome.map_or_else(|error| variant(&error).to_owned(), |()| "ended well".to_owned()));
        seen
    }

    async fn statement(
        &self,
        tx: &mut dyn Transaction,
        statement: &Statement,
        places: &mut BTreeMap<u8, (u64, u64)>,
    ) -> Result<String, StoreError> {
        const BOX: &str = "box";
        Ok(match statement {
            Statement::Pause(by) => {
                self.clock.advance(*by);
                String::new()
            }
            Statement::Glance if self.glances => self.outline().await?.join("\n"),
            Statement::Glance => String::new(),
            Statement::Get(id) => format!("{:?}", tx.get(BOX, &samples::document(*id)).await?),
            Statement::Put(id, expected) => {
                let body = Bytes::from(vec![*id]);
                tx.put(BOX, &samples::document(*id), samples::expected(*expected), body).await?.to_string()
            }
            Statement::Delete(id, expected) => {
                format!("{:?}", tx.delete(BOX, &samples::document(*id), samples::expected(*expected)).await?)
            }
            Statement::Scan { after, limit } => {
                let after = after.map(samples::document);
                format!("{:?}", tx.scan(BOX, after.as_deref(), *limit).await?)
            }
            Statement::Stage(number) => format!("{:?}", tx.stage(&samples::message(*number)).await?),
            Statement::MarkDispatched(numbers) => {
                let messages: Vec<_> = numbers.iter().map(|number| samples::message(*number).id).collect();
                format!("{:?}", tx.outbox_dispatched(&messages).await?)
            }
            Statement::MarkDead(number) => {
                tx.outbox_bury(samples::message(*number).id, "nobody listens").await?.to_string()
            }
            Statement::InboxInsert(who, what) => format!("{:?}", tx.inbox_insert(&samples::entry(*who, *what)).await?),
            Statement::InboxFailed(who, what) => {
                tx.inbox_failed(&samples::entry(*who, *what), "it broke").await?.to_string()
            }
            Statement::InboxBury(who, what) => {
                let (entry, message) = (samples::entry(*who, *what), samples::received(*what));
                format!("{:?}", tx.inbox_bury(&entry, &message, "poison").await?)
            }
            Statement::InboxExhume(who, what) => tx.inbox_exhume(&samples::entry(*who, *what)).await?.to_string(),
            Statement::SagaCreate { id, definition, key, lease } => {
                let created = tx.saga_create(&samples::new_saga(*id, *definition, *key, *lease)).await?;
                if created == seaworthy_core::ports::SagaCreate::Created {
                    places.insert(*id, (1, 0));
                }
                format!("{created:?}")
            }
            Statement::SagaAppend { id, off, records, status, lease, sleep, version } => {
                let place = places.entry(*id).or_default();
                let append = SagaAppend {
                    saga: samples::saga(*id),
                    epoch: place.0.saturating_add_signed(off.0.into()),
                    expected_length: place.1.saturating_add_signed(off.1.into()),
                    records: (0..*records).map(|record| Bytes::from(vec![record])).collect(),
                    status: *status,
                    lease: *lease,
                    sleep: *sleep,
                    definition: (*version > 1).then(|| DefinitionRef {
                        name: "trip".into(),
                        version: u32::from(*version),
                        hash: u64::MAX - 7,
                    }),
                    forgets: *version == 3,
                    keys: Vec::new(),
                    outcome: (*records == 2).then(|| Bytes::from(vec![*id])),
                };
                tx.saga_append(&append).await?;
                place.1 += u64::from(*records);
                String::new()
            }
            Statement::Operation(id) => format!("{:?}", tx.operation(samples::operation(*id)).await?),
            Statement::PutOperation(id, executed) => {
                let state = match executed {
                    true => OperationState::Executed(Bytes::from_static(b"answer")),
                    false => OperationState::Compensated,
                };
                let record = OperationRecord { id: samples::operation(*id), state };
                format!("{:?}", tx.put_operation(&record).await?)
            }
            Statement::Checkpoint(who) => format!("{:?}", tx.checkpoint(&samples::consumer(*who)).await?),
            Statement::AppendEvents(stream, expected, events) => {
                let events = events.iter().map(|event| samples::event(*event)).collect();
                let append = EventAppend::new(samples::stream(*stream), *expected, events);
                // Positions leave out numbers, each store in its own way.
                format!("{:?}", tx.append_events(&append).await?.version)
            }
            Statement::ReadStream(stream, after, limit) => {
                let found = tx.read_stream(&samples::stream(*stream), *after, *limit).await?;
                format!("{:?}", found.iter().map(event).collect::<Vec<_>>())
            }
            Statement::PutSnapshot(stream, version) => {
                let (stream, state) = (samples::stream(*stream), Bytes::from(vec![*stream]));
                let kept = tx.put_stream_snapshot(&stream, *version, state).await?;
                format!("{kept} {:?}", tx.stream_snapshot(&stream).await?)
            }
            Statement::SetCheckpoint(who, position) => {
                format!("{:?}", tx.set_checkpoint(&samples::consumer(*who), *position).await?)
            }
        })
    }

    async fn tail(&self, when_dead: WhenDead, limit: usize) -> Result<Seen, StoreError> {
        let (ordering, except_topics, except_keys) = (OutboxOrder::PerKey, Vec::new(), Vec::new());
        let request = TailRequest { limit, ordering, when_dead, except_topics, except_keys };
        Ok(self.store.tail(&request).await?.iter().map(row).collect())
    }

    /// All that can be read without a transaction.
    async fn outline(&self) -> Result<Seen, StoreError> {
        let mut seen = vec![
            format!("{:?}", self.store.backlog().await?),
            format!("next available at {:?}", self.store.next_available().await?),
        ];
        seen.extend(self.store.read_events(0, usize::MAX).await?.iter().map(event));
        seen.extend(self.tail(WhenDead::BlockKey, usize::MAX).await?);
        seen.extend(self.tail(WhenDead::SkipDead, usize::MAX).await?);
        for dead in self.store.dead_rows(&DeadRowRequest::new(usize::MAX)).await? {
            seen.push(format!("dead since {:?}: {} because {}", dead.died_at, row(&dead.row), dead.reason));
        }
        for who in 0..CONSUMERS {
            let letters = self.store.dead_letters(&DeadLetterRequest::new(samples::consumer(who), usize::MAX)).await?;
            seen.extend(letters.iter().map(|letter| format!("{letter:?}")));
        }
        for id in (0..SAGAS).map(samples::saga) {
            let saga = self.store.saga(id).await?;
            if let Some(saga) = &saga {
                let by_key = self.store.saga_by_key(&saga.definition.name, &saga.key).await?;
                assert_eq!(by_key.as_ref(), Some(saga), "a saga is found by its key as by its id");
            }
            seen.push(format!("{saga:?} {:?}", self.store.saga_log(id, 0, usize::MAX).await?));
            seen.push(format!("{:?}", self.store.saga_log(id, 1, 2).await?));
        }
        Ok(seen)
    }

    /// All that can be read.
    pub(crate) async fn look(&self) -> Seen {
        let read = async {
            let mut seen = self.outline().await?;
            let mut tx = self.store.begin().await?;
            for id in (0..DOCUMENTS).map(samples::document) {
                seen.push(format!("{:?}", tx.get("box", &id).await?));
            }
            for id in (0..OPERATIONS).map(samples::operation) {
                seen.push(format!("{:?}", tx.operation(id).await?));
            }
            for who in (0..CONSUMERS).map(samples::consumer) {
                seen.push(format!("{:?}", tx.checkpoint(&who).await?));
            }
            Ok::<Seen, StoreError>(seen)
        };
        read.await.unwrap_or_else(|error| vec![variant(&error).to_owned()])
    }
}
