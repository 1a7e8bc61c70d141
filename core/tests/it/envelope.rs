//! The envelope of a message: what of it is written, hashed and shown, and which names it keeps for itself.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use seaworthy_core::{
    inbox::{Handler, HandlerError, Handlers},
    message::{HeaderError, Headers, Message, MessageBuilder, Schedule, cloud_events},
    ports::{Timestamp, Transaction},
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

fn message() -> Message {
    let builder = MessageBuilder::new("orders", "order.placed", "order-17").json(&1).expect("a number");
    builder.derive(Uuid::nil(), &["place"], Timestamp::EPOCH)
}

fn written(message: &Message) -> Value {
    let json = serde_json::to_value(message).expect("a message can be written");
    assert_eq!(serde_json::from_value::<Message>(json.clone()).expect("its own"), *message);
    json
}

#[test]
fn what_older_releases_did_not_have_is_written_only_where_it_says_something() {
    let plain = written(&message());
    for name in ["epoch", "gap", "headers", "schedule"] {
        assert!(plain.get(name).is_none(), "{name} says nothing here: {plain}");
    }
    let mut full = Message { epoch: 7, gap: 2, ..message() };
    full.headers.insert("tenant", "north").expect("a free name");
    full.schedule.expires = Some(Timestamp::from_micros(1));
    let full = written(&full);
    assert_eq!((&full["epoch"], &full["gap"]), (&7.into(), &2.into()));
    assert_eq!(full["headers"]["tenant"], "north");
    assert!(full["schedule"].get("not_before").is_none(), "{full}");
}

/// As it was written by a release that knew no epochs, gaps, headers or moments, of an order without a currency.
const OF_AN_EARLIER_RELEASE: &str = r#"{
    "specversion": "1.0", "id": "0187f7a0-0000-7000-8000-000000000001", "source": "orders", "type": "order.confirmed",
    "subject": "order-17", "time": "2018-04-05T17:31:00.00025Z", "datacontenttype": "application/json",
    "partitionkey": "order-17", "topic": "orders", "sequence": "3",
    "correlationid": "0187f7a0-0000-7000-8000-000000000001", "data": { "quantity": 3 }
}"#;

/// As it is today.
#[derive(Debug, PartialEq, Deserialize)]
struct Confirmed {
    quantity: u32,
    #[serde(default = "euro")]
    currency: String,
}

fn euro() -> String {
    "EUR".to_owned()
}

#[test]
fn seed_34_what_an_earlier_release_wrote_is_read_today() {
    let message = cloud_events::from_json(OF_AN_EARLIER_RELEASE.as_bytes()).expect("an event");
    assert_eq!(message.json::<Confirmed>(), Ok(Confirmed { quantity: 3, currency: euro() }));
    assert_eq!((message.id.0.to_string().as_str(), message.sequence), ("0187f7a0-0000-7000-8000-000000000001", 3));
    assert_eq!((message.epoch, message.gap, message.schedule), (0, 0, Schedule::NONE));
    assert!(message.headers.is_empty() && message.traceparent.is_none());
    // And what this one writes of it, that one reads: nothing is in it that was not.
    let again: Value = serde_json::from_slice(&cloud_events::to_json(&message).expect("written")).expect("JSON");
    assert_eq!(again, serde_json::from_str::<Value>(OF_AN_EARLIER_RELEASE).expect("JSON"));
}

#[test]
fn a_schedule_that_says_nothing_leaves_no_trace_in_a_hash_and_any_other_does() {
    let hash = |hashed: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        hashed(&mut hasher);
        hasher.finish()
    };
    let of = |schedule: Schedule| hash(&|hasher| schedule.hash(hasher));
    let moment = Some(Timestamp::from_micros(1));
    assert_eq!(of(Schedule::NONE), hash(&|_| {}));
    let others =
        [Schedule { not_before: moment, expires: None }, Schedule { not_before: None, expires: moment }].map(of);
    assert!(!others.contains(&of(Schedule::NONE)) && others[0] != others[1], "{others:?}");
}

#[test]
fn names_of_the_envelope_and_of_a_foreign_events_own_ids_are_no_free_headers() {
    let mut headers = Headers::new();
    for name in ["id", "source", "type", "subject", "time", "partitionkey", "originalid"] {
        assert_eq!(headers.insert(name, "mine"), Err(HeaderError::Reserved(name.into())));
    }
    assert!(headers.is_empty());
    for (count, name) in ["tenant", "zone", "tenant"].into_iter().enumerate() {
        headers.insert(name, "north").expect("a free name");
        assert_eq!(headers.len(), (count + 1).min(2), "one that is set anew is not one more");
    }
}

#[test]
fn a_moment_is_shown_in_seconds_with_its_microseconds() {
    assert_eq!(Timestamp::from_micros(1_700_000_000_000_042).to_string(), "1700000000.000042");
    assert_eq!(Timestamp::from_micros(-1).to_string(), "-1.999999", "floored, so that order and text agree");
}

struct Nothing;

#[async_trait::async_trait]
impl Handler for Nothing {
    async fn handle(&self, _: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
        Ok(())
    }
}

#[test]
fn handlers_are_shown_by_the_types_that_they_know() {
    let handlers = Handlers::builder().on("order.placed", Nothing).ignore("order.lost").build().expect("two types");
    assert_eq!(format!("{handlers:?}"), r#"{"order.lost", "order.placed"}"#);
}
