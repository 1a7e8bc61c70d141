use bytes::Bytes;
use seaworthy_core::{
    message::{Message, MessageBuilder},
    outbox::{Relay, RelayConfig},
    ports::{Cancelled, Expected, OutboxOrder, Ports, StoreError},
    wake::Wake,
};

/// The service that takes the requests, and its store.
pub(crate) const FRONT: &str = "front";
/// Topic of what [`front`] tells.
pub(crate) const ITEMS: &str = "items";
/// Tells that an item was taken for the first time; the item is the subject and the key.
pub(crate) const ITEM_TAKEN: &str = "item.taken";

/// Answers requests, one after the other: each has its item, and is accepted once `answer` is done with it. Then `wake`
/// hints that there may be something to publish. A request that fails or is dropped gets no answer, and is asked again.
pub(crate) async fn answer_requests<F, E>(ports: Ports, wake: Wake, answer: impl Fn(Ports, String) -> F)
where
    F: Future<Output = Result<(), E>>,
    E: From<Cancelled>,
{
    while let Some(request) = ports.ingress.next().await {
        let item = String::from_utf8_lossy(&request.body).into_owned();
        if ports.try_scope(answer(ports.clone(), item)).await.is_ok() {
            request.response.accept(Bytes::new());
            wake.hint();
        }
    }
}

/// Takes each item once, and tells of it: item and message in one transaction, a relay publishes.
pub(crate) async fn front(ports: Ports) {
    front_by(ports, take).await;
}

/// As [`front`], with a way of its own to take an item.
pub(crate) async fn front_by<F>(ports: Ports, take: impl Fn(Ports, String) -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    let wake = Wake::new();
    let config = RelayConfig::default().ordering(OutboxOrder::Unordered);
    let relay = Relay::new(&ports).config(config).wake(wake.clone());
    ports.spawn("relay", relay.run());
    answer_requests(ports, wake, take).await;
}

pub(crate) async fn take(ports: Ports, item: String) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get(ITEMS, &item).await?.is_some() {
        return Ok(());
    }
    tx.put(ITEMS, &item, Expected::Absent, Bytes::new()).await?;
    tx.stage(&item_taken(&ports, &item)).await?;
    tx.commit().await
}

/// The message that tells of an item.
pub(crate) fn item_taken(ports: &Ports, item: &str) -> Message {
    MessageBuilder::new(FRONT, ITEM_TAKEN, item).topic(ITEMS).draw(&*ports.clock, &*ports.random)
}
