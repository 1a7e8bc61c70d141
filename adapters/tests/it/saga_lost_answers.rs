//! An entry of which the store never says that it is there: what it announces has not begun, so it is no attempt that was lost.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ports::{DelegateStore, DelegateTransaction, SagaAppend, SagaStatus, Store, StoreError, Transaction},
    saga::{Record, SagaBuilder},
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
};

const MINUTE: Duration = Duration::from_secs(60);

/// A store that commits entries of this name, and never says so.
struct Mumbling {
    behind: Arc<dyn Store>,
    entries: &'static str,
}

#[async_trait]
impl DelegateStore for Mumbling {
    fn inner(&self) -> &dyn Store {
        &*self.behind
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let behind = self.behind.begin().await?;
        Ok(Box::new(Mumbled { behind, entries: self.entries, is_one: false }))
    }
}

struct Mumbled {
    behind: Box<dyn Transaction>,
    entries: &'static str,
    is_one: bool,
}

#[async_trait]
impl DelegateTransaction for Mumbled {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.behind
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.behind
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        let named = |record| Record::decode(record).is_ok_and(|record| record.name() == self.entries);
        self.is_one = append.records.iter().any(|record| named(record));
        self.behind.saga_append(append).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let is_one = self.is_one;
        self.into_inner().commit().await?;
        if is_one { Err(StoreError::Unknown("no answer".into())) } else { Ok(()) }
    }
}

fn mumbling(world: &World, entries: &'static str) -> World {
    let store = Arc::new(Mumbling { behind: world.ports.store.clone(), entries });
    World::on(world.kind, store, world.clock.clone())
}

#[test]
fn a_participant_is_asked_in_the_attempt_that_the_log_has_although_nobody_said_so() {
    on_each_store(async |world| {
        let world = mumbling(world, "attempting");
        let pay = Part::remote(|attempt| if attempt < 4 { Does::Fail } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).build().unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        let log = world.log_of(saga).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 4), "{log:?}");
        assert_eq!(log.iter().filter(|entry| *entry == "attempting pay").count(), 4, "one for each: {log:?}");
    });
}

/// The first attempt panics, so that those after it are announced.
#[test]
fn local_attempts_and_compensations_are_announced_once_although_nobody_said_so() {
    on_each_store(async |world| {
        let world = mumbling(world, "announced");
        let once = |attempt| if attempt == 1 { Does::Panic } else { Does::Well };
        let (seat, unseat) = (Part::local(once), Part::local(once));
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", seat.clone(), unseat.clone())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        let log = world.log_of(saga).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{log:?}");
        assert_eq!((seat.attempts(), unseat.attempts()), (2, 2));
        assert_eq!(log.iter().filter(|entry| *entry == "announced seat").count(), 2, "each way once: {log:?}");
    });
}
