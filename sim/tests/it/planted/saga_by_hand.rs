//! A saga without an orchestrator: each request takes its saga up where the log says it stands, and brings it to its end.
//! Something is reserved, then payment is refused, then the reservation is undone.

use std::time::Duration;

use seaworthy_core::{
    ids::SagaId,
    ports::{
        AcquireRequest, DefinitionRef, Expected, NewSaga, Ports, SagaAppend, SagaCreate, SagaStatus, StoreError,
        Transaction,
    },
    saga::{CompensationCause, Record, saga_id},
};
use seaworthy_sim::scenario::Topology;

use super::whole_errors::with_its_page;
use crate::small_service::{Answer, messaging::fronts, serve};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// Nothing.
    None,
    /// What is to be undone is known to the request alone that did it.
    UndoesWhatItRemembers,
    /// Whoever takes a saga over begins with its first step, whatever the log says.
    BeginsAnew,
    /// One that has ended is ended once more.
    EndsAgain,
    /// What the bank says is kept with the page that it comes on, whole.
    KeepsWholeReasons,
}

pub(super) fn topology(mistake: Mistake) -> Topology {
    fronts(move |boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { check_out(&ports, &name, mistake).await }))
    })
}

async fn check_out(ports: &Ports, name: &str, mistake: Mistake) -> Result<Answer, StoreError> {
    let Some(mut saga) = Saga::open(ports, name, mistake).await? else { return Ok(Answer::No("no card")) };
    let mut is_reserved = false;
    if mistake == Mistake::BeginsAnew || !saga.has(|record| matches!(record, Record::Done { .. })) {
        let mut tx = ports.store.begin().await?;
        tx.put("reserved", name, Expected::Any, b"1".to_vec().into()).await?;
        let done = Record::Done { step: "reserve".into(), output: Default::default() };
        saga.append(tx, vec![done], SagaStatus::Running).await?;
        is_reserved = true;
    }
    if !saga.has(|record| matches!(record, Record::CompensationBegun { .. })) {
        let reason = with_its_page("no card", mistake != Mistake::KeepsWholeReasons).into();
        let refused = Record::Rejected { step: "pay".into(), reason, maybe_executed: false };
        let back = Record::CompensationBegun { cause: CompensationCause::Rejected };
        saga.append(ports.store.begin().await?, vec![refused, back], SagaStatus::Compensating).await?;
    }
    let mut tx = ports.store.begin().await?;
    let mut records = Vec::new();
    if is_reserved || mistake != Mistake::UndoesWhatItRemembers {
        if tx.get("reserved", name).await?.is_some() {
            tx.delete("reserved", name, Expected::Any).await?;
        }
        records.push(Record::Compensated { step: "reserve".into(), maybe_executed: false });
    }
    records.push(Record::RolledBack);
    saga.append(tx, records, SagaStatus::Compensated).await?;
    Ok(Answer::No("no card"))
}

/// A saga that this request owns.
struct Saga {
    id: SagaId,
    epoch: u64,
    log: Vec<Record>,
}

impl Saga {
    /// Creates the saga of this name or takes it over; `None` if it has ended.
    async fn open(ports: &Ports, name: &str, mistake: Mistake) -> Result<Option<Self>, StoreError> {
        let id = saga_id("checkout", name);
        let mut tx = ports.store.begin().await?;
        if tx.saga_create(&new(id, name)).await? == SagaCreate::Created {
            let mut saga = Self { id, epoch: 1, log: Vec::new() };
            saga.append(tx, vec![Record::Started { deadline_us: None, traceparent: None }], SagaStatus::Running)
                .await?;
            return Ok(Some(saga));
        }
        drop(tx);
        let request = AcquireRequest { only: Some(id), definitions: vec!["checkout".into()], limit: 1, lease: LEASE };
        let epoch = match ports.store.acquire_sagas(&request).await?.pop() {
            Some(saga) => saga.epoch,
            None => match ports.store.saga(id).await? {
                Some(saga) if !saga.status.is_terminal() => {
                    return Err(StoreError::Unavailable("another request has it: come again".into()));
                }
                Some(saga) if mistake == Mistake::EndsAgain => saga.epoch,
                _ => return Ok(None),
            },
        };
        let entries = ports.store.saga_log(id, 0, 100).await?;
        let log = entries.iter().filter_map(|entry| Record::decode(&entry.record).ok()).collect();
        Ok(Some(Self { id, epoch, log }))
    }

    fn has(&self, is: impl Fn(&Record) -> bool) -> bool {
        self.log.iter().any(is)
    }

    /// Commits what the transaction holds together with these entries.
    async fn append(
        &mut self,
        mut tx: Box<dyn Transaction>,
        records: Vec<Record>,
        status: SagaStatus,
    ) -> Result<(), StoreError> {
        let append = SagaAppend {
            saga: self.id,
            epoch: self.epoch,
            expected_length: self.log.len() as u64,
            records: records.iter().map(Record::encode).collect(),
            status,
            lease: LEASE,
            sleep: Duration::ZERO,
            definition: None,
            forgets: false,
            keys: Vec::new(),
            outcome: None,
        };
        tx.saga_append(&append).await?;
        tx.commit().await?;
        self.log.extend(records);
        Ok(())
    }
}

/// For how long a request owns its saga: longer than it takes.
const LEASE: Duration = Duration::from_secs(5);

/// A saga that nobody has created yet.
pub(super) fn new(id: SagaId, name: &str) -> NewSaga {
    NewSaga {
        id,
        definition: DefinitionRef { name: "checkout".into(), version: 1, hash: 0 },
        key: name.into(),
        input: Default::default(),
        correlation_id: id.0,
        lease: LEASE,
    }
}
