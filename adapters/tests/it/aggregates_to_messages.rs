//! What an aggregate's event becomes for others: topic, key and id are the map's, whatever its payload says.

use std::convert::Infallible;

use seaworthy_core::{
    aggregate::{Aggregate, Cause, DomainEvent, MessageMap, Repository, Tracked},
    ids,
    message::{Message, MessageBuilder, cloud_events},
    outbox::Relay,
    ports::{SubscriptionSpec, Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, on_each_store};

/// An aggregate whose only event says of itself what it is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Thing<const KIND: usize> {
    id: String,
    changes: u32,
}

struct Changed(u32);

impl DomainEvent for Changed {
    const NAMES: &'static [&'static str] = &["Changed"];

    fn name(&self) -> &'static str {
        "Changed"
    }
}

impl<const KIND: usize> Aggregate for Thing<KIND> {
    const NAME: &'static str = ["Order", "Customer", "Shipment"][KIND];
    type Event = Changed;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<Changed> {
        (before.map_or(0, |before| before.changes) != after.changes).then_some(Changed(after.changes))
    }
}

/// Every name of the envelope, as if a payload could say it.
fn impostor(changes: u32) -> Value {
    json!({
        "changes": changes, "id": "00000000-0000-0000-0000-00000000dead", "source": "mallory", "type": "order.forged",
        "subject": "somebody-else", "topic": "payments", "partitionkey": "somebody-else", "sequence": "99",
        "correlationid": "00000000-0000-0000-0000-00000000dead", "specversion": "0.1",
    })
}

/// Changes one of a kind, and returns what reaches whoever listens to its topic.
async fn told<const KIND: usize>(world: &World, topic: &'static str, parent: &Message) -> Message {
    world.broker.behind().declare(&SubscriptionSpec { group: topic.into(), topics: vec![topic.into()] });
    let messages =
        MessageMap::builder("shop").publish_to(topic, "Changed", "thing.changed", |event: &Changed| impostor(event.0));
    let messages = messages.build().expect("one event");
    let things = Repository::<Thing<KIND>>::new(messages, world.ports.clock.clone(), world.ports.random.clone());
    let mut tx = world.ports.store.begin().await.expect("a store that is up");
    let thing = Tracked::new(Thing { id: "17".into(), changes: 0 });
    things.save(&mut *tx, thing, Cause::New).await.expect("a new one");
    tx.commit().await.expect("a store that is up");
    let changed = things.update(&*world.ports.store, "17", Cause::Message(parent), |thing| {
        thing.changes += 1;
        Ok::<_, Infallible>(())
    });
    changed.await.expect("it is there");
    Relay::new(&world.ports).pass().await.expect("a store that is up");
    let accepted = world.broker.accepted();
    accepted.last().expect("it was published").1.clone()
}

#[test]
fn seed_42_each_aggregate_has_its_topic_key_and_id_and_no_payload_can_say_otherwise() {
    on_each_store(async |world| {
        let parent = MessageBuilder::new("shop", "checkout", "17").derive(Uuid::from_u128(1), &[], Timestamp::EPOCH);
        let table = [
            ("Order", "order-events", told::<0>(world, "order-events", &parent).await),
            ("Customer", "customer-events", told::<1>(world, "customer-events", &parent).await),
            ("Shipment", "shipment-events", told::<2>(world, "shipment-events", &parent).await),
        ];
        for (aggregate, topic, message) in table {
            let id = ids::derive(parent.id.0, &[aggregate, "17", "2.0"]);
            assert_eq!((&*message.topic, &*message.partition_key, message.id.0), (topic, "17", id), "{aggregate}");
            assert_eq!((&*message.source, &*message.kind, &*message.subject), ("shop", "thing.changed", "17"));
            assert_eq!((message.correlation_id, message.causation_id), (parent.correlation_id, Some(parent.id)));
            // What the payload says is told as what it is, beside the envelope and never in its place.
            assert_eq!(message.json::<Value>().expect("JSON"), impostor(1));
            let event = cloud_events::to_json(&message).expect("written");
            let read: Value = serde_json::from_slice(&event).expect("JSON");
            assert_eq!((&read["id"], &read["data"]), (&json!(id.to_string()), &impostor(1)), "{aggregate}");
            assert_eq!(cloud_events::from_json(&event).expect("read"), message);
        }
    });
}
