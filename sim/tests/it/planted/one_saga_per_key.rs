//! A store that forgot the unique index on the business key of a saga, and a service that draws its ids. A request that
//! comes again starts a second saga.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{
        Clock, DelegateStore, DelegateTransaction, NewSaga, Ports, SagaAppend, SagaCreate, SagaStatus, Store,
        StoreError, Transaction, draw_id,
    },
    saga::Record,
};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use super::saga_by_hand::new;
use crate::small_service::{Answer, Service, messaging::fronts, serve};

pub(super) const WRONG: Service =
    Service { store: Some(Unindexed::make), ..Service::wrong("no-unique-index", topology) };

fn topology(_: bool) -> Topology {
    fronts(|boot| serve(boot.ports, |ports, name| Box::pin(async move { check_out(&ports, &name).await })))
}

/// A saga that is over as soon as it has begun.
async fn check_out(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let new = new(SagaId(draw_id(&*ports.clock, &*ports.random)), name);
    let mut tx = ports.store.begin().await?;
    if let SagaCreate::Exists { .. } = tx.saga_create(&new).await? {
        return Ok(Answer::Yes);
    }
    let append = SagaAppend {
        saga: new.id,
        epoch: 1,
        expected_length: 0,
        records: vec![Record::Started { deadline_us: None, traceparent: None }.encode(), Record::Completed.encode()],
        status: SagaStatus::Completed,
        lease: new.lease,
        sleep: Default::default(),
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    };
    tx.saga_append(&append).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

struct Unindexed(MemoryStore);

impl Unindexed {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for Unindexed {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(UnindexedTransaction(Store::begin(&self.0).await?)))
    }
}

struct UnindexedTransaction(Box<dyn Transaction>);

#[async_trait]
impl DelegateTransaction for UnindexedTransaction {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }

    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        // Unique is only what has the id in it.
        self.0.saga_create(&NewSaga { key: format!("{} {}", saga.key, saga.id).into(), ..saga.clone() }).await
    }
}
