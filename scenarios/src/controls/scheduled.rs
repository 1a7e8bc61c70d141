//! Messages that are of use for a time only: each item has a reminder some seconds later and an offer that expires, under
//! the key of what was told at once.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::{
    message::MessageBuilder,
    outbox::Relay,
    ports::{Expected, Ports, StoreError},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, ITEM_TAKEN, ITEMS, MAILER, SmallService, answer_requests, mailer};

/// Time after which somebody is reminded of an item.
const REMINDER: Duration = Duration::from_secs(3);
/// Time for which an offer stands: a storm is often longer, a calm day never.
const OFFER: Duration = Duration::from_secs(2);

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/scheduled",
        about: "reminders that go out later and offers that expire; everything is right",
        topology: || Topology::new().service(FRONT).run(front).service(MAILER).run(mailer).group(MAILER, &[ITEMS]),
    }
}

async fn front(ports: Ports) {
    let wake = Wake::new();
    ports.spawn("relay", Relay::new(&ports).wake(wake.clone()).run());
    answer_requests(ports, wake, take).await;
}

/// Takes an item once, and tells of it.
async fn take(ports: Ports, item: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(ITEMS, &item).await?.is_some() {
        return Ok(());
    }
    tx.put(ITEMS, &item, Expected::Absent, Bytes::new()).await?;
    let now = tx.now().await?;
    let told = |what: &str| {
        let subject = format!("{item}-{what}");
        MessageBuilder::new(FRONT, ITEM_TAKEN, subject).topic(ITEMS).partition_key(item.as_str())
    };
    for message in [told("reminder").not_before(now + REMINDER), told("offer").expires(now + OFFER), told("itself")] {
        tx.stage(&message.draw(&*ports.clock, &*ports.random)).await?;
    }
    tx.commit().await
}
