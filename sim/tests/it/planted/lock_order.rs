//! Two pieces of work of one request, side by side: one takes the lock of the process and then a key of the store, the other takes them
//! in the other order, and each waits for the other for ever.

use std::{future::Future, sync::Arc};

use futures_util::future::{BoxFuture, try_join};
use seaworthy_core::{
    message::MessageBuilder,
    ports::{Expected, InboxEntry, InboxInsert, Ports, StoreError},
};
use seaworthy_sim::scenario::Topology;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{Answer, Service, messaging::fronts, serve};

#[test]
fn two_locks_that_are_taken_in_two_orders() {
    is_found_and_the_right_service_holds("request-unanswered", Service::wrong("locks-in-two-orders", topology));
}

fn topology(is_right: bool) -> Topology {
    fronts(move |boot| {
        let tail = Arc::new(Mutex::new(()));
        serve(boot.ports, move |ports, name| -> BoxFuture<'static, Result<Answer, StoreError>> {
            let tail = tail.clone();
            Box::pin(async move {
                let one = lock_and_note(&ports, &tail, &name);
                match is_right {
                    true => _ = try_join(one, lock_and_note(&ports, &tail, &name)).await?,
                    false => _ = try_join(one, note_and_lock(&ports, &tail, &name)).await?,
                }
                Ok(Answer::Yes)
            })
        })
    })
}

async fn lock_and_note(ports: &Ports, tail: &Mutex<()>, name: &str) -> Result<(), StoreError> {
    let _tail = tail.lock().await;
    note(ports, name, async {}).await
}

async fn note_and_lock(ports: &Ports, tail: &Mutex<()>, name: &str) -> Result<(), StoreError> {
    note(ports, name, async { drop(tail.lock().await) }).await
}

/// Notes a name once. Of two transactions at one key of the inbox, the second waits for the first.
async fn note(ports: &Ports, name: &str, then: impl Future<Output = ()>) -> Result<(), StoreError> {
    let message = MessageBuilder::new("front", "asked", name).derive(Uuid::nil(), &[name], ports.clock.now());
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message("front", &message)).await? == InboxInsert::First {
        tx.put("notes", name, Expected::Any, b"1".to_vec().into()).await?;
    }
    then.await;
    tx.commit().await
}
