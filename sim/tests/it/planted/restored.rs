//! A store without epochs: after it was put back to a copy, its messages have the sequences of others that were sent since,
//! and a consumer that has handled and forgotten those takes the new ones for them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    inbox::{Consumer, Handlers, InboxRetention},
    ports::{ClaimRequest, Clock, DelegateStore, OutboxRow, OutboxStore, Ports, Store, StoreError},
};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Answer, Service,
    messaging::{Note, front_beside_relay, fronts, place},
};

/// Some seconds lie between the orders, so that one may come before the copy, one after it, and one after the store was put
/// back.
const WRONG: Service = Service {
    store: Some(WithoutEpochs::make),
    restores: true,
    gap_ms: 2_000,
    ..Service::wrong("knows-no-epochs", topology)
};

#[test]
fn a_message_of_the_new_life_that_is_taken_for_one_of_the_old_is_lost() {
    is_found_and_the_right_service_holds("lost-event", WRONG);
}

/// Whether it is right is the store's affair.
fn topology(_: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing_in_one_line));
    fronts.process("listener-1", "listener", "listener", |boot| listen(boot.ports)).group("listener", &["orders"])
}

/// All orders have one key.
pub(super) fn placing_in_one_line(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move { place(&ports, &name, "all").await })
}

/// Forgets at once what it has handled.
async fn listen(ports: Ports) {
    let (keep, redelivery) = (Duration::from_millis(100), Duration::from_millis(50));
    let retention = InboxRetention::new(keep, redelivery).expect("it is kept for longer").every(keep);
    ports.spawn("retention", retention.run(vec!["listener".into()], ports.clone()));
    let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
    Consumer::new(&ports, "listener", handlers, ["orders"]).run().await;
}

/// Its messages say nothing of the life that they are of.
struct WithoutEpochs(MemoryStore);

impl WithoutEpochs {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for WithoutEpochs {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let mut rows = OutboxStore::claim(&self.0, request).await?;
        rows.iter_mut().for_each(|row| row.message.epoch = 0);
        Ok(rows)
    }
}
