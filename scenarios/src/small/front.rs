use bytes::Bytes;
use seaworthy_core::{
    outbox::{MessageBuilder, Relay, RelayConfig},
    ports::{Expected, OutboxOrder, Ports, StoreError},
    wake::Wake,
};

/// The service that takes the requests, and its store.
pub(crate) const FRONT: &str = "front";
/// Topic of what [`front`] tells.
pub(crate) const ITEMS: &str = "items";
/// Tells that an item was taken for the first time; the item is the subject and the key.
pub(crate) const ITEM_TAKEN: &str = "item.taken";

/// Takes each item once, and tells of it: item and message in one transaction, a relay publishes.
pub(crate) async fn front(ports: Ports) {
    let wake = Wake::new();
    let config = RelayConfig::default().ordering(OutboxOrder::Unordered);
    let relay = Relay::new(&ports).config(config).wake(wake.clone());
    ports.spawn("relay", relay.run());
    while let Some(request) = ports.ingress.next().await {
        // Dropped without an answer, it is asked again.
        if let Ok(Ok(())) = ports.scope(take(&ports, &request.body)).await {
            request.response.accept(Bytes::new());
            wake.hint();
        }
    }
}

async fn take(ports: &Ports, name: &Bytes) -> Result<(), StoreError> {
    let item = String::from_utf8_lossy(name);
    let mut tx = ports.store.begin().await?;
    if tx.get("items", &item).await?.is_some() {
        return Ok(());
    }
    tx.put("items", &item, Expected::Absent, Bytes::new()).await?;
    let message = MessageBuilder::new(FRONT, ITEM_TAKEN, &*item).topic(ITEMS);
    tx.stage(&message.draw(&*ports.clock, &*ports.random)).await?;
    tx.commit().await
}
