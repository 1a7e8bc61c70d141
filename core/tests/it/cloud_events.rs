//! Messages as CloudEvents: to JSON and back, and events that somebody else has written.

use bytes::Bytes;
use proptest::prelude::*;
use seaworthy_core::{
    ids::MessageId,
    message::{
        Headers, Message, MessageBuilder, Schedule,
        cloud_events::{CloudEventError, attributes, from_attributes, from_json, to_json},
    },
    ports::Timestamp,
};
use serde_json::{Value, json};
use smol_str::SmolStr;
use uuid::Uuid;

/// What an attribute may hold: anything but control characters, and at least one letter.
fn text() -> impl Strategy<Value = SmolStr> {
    r#"[\PC"\\]{1,12}"#.prop_map(SmolStr::from)
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn headers() -> impl Strategy<Value = Headers> {
    let pairs = prop::collection::vec(("x[a-z0-9]{0,8}", r#"[\PC"\\]{0,12}"#), 0..4);
    pairs.prop_map(|pairs| {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(name, value).expect("no envelope's name begins with an x");
        }
        headers
    })
}

/// Payloads: JSON with and without blanks around it, text, bytes, nothing, and those that are not what they say.
fn payload() -> impl Strategy<Value = (SmolStr, Bytes)> {
    let kind = prop::sample::select(vec![
        "application/json",
        "application/problem+json; charset=utf-8",
        "text/plain",
        "application/xml",
        "application/octet-stream",
    ]);
    let data = prop_oneof![
        prop::sample::select(vec![
            &b""[..],
            b"null",
            b"{ \"a\" : [1.0, \"\\u00e9\"] }",
            b" {}",
            b"\"text\"",
            b"17",
            b"{"
        ])
        .prop_map(Bytes::from_static),
        ".{0,16}".prop_map(Bytes::from),
        prop::collection::vec(any::<u8>(), 0..16).prop_map(Bytes::from),
    ];
    (kind.prop_map(SmolStr::from), data)
}

prop_compose! {
    fn message()(
        (id, correlation_id, causation_id) in (id(), id(), prop::option::of(id())),
        (source, kind, topic, partition_key) in (text(), text(), text(), text()),
        subject in prop_oneof![Just(SmolStr::default()), text()],
        traceparent in prop::option::of(text()),
        // The years 0 to 9999, to the microsecond, and the epoch, which stands for "not said".
        micros in prop_oneof![Just(0), -62_167_219_200_000_000_i64..253_402_200_000_000_000],
        (sequence, epoch) in (prop_oneof![Just(0), any::<u64>()], prop_oneof![Just(0), any::<u64>()]),
        gap in prop_oneof![Just(0), any::<u32>()],
        headers in headers(),
        (not_before, expires) in (moment(), moment()),
        (content_type, data) in payload(),
    ) -> Message {
        Message {
            id: MessageId(id), source, kind, topic, subject, time: Timestamp::from_micros(micros), content_type,
            partition_key, sequence, epoch, gap, correlation_id, causation_id: causation_id.map(MessageId), traceparent,
            headers, schedule: Schedule { not_before, expires }, data,
        }
    }
}

fn moment() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((-62_167_219_200_000_000_i64..253_402_200_000_000_000).prop_map(Timestamp::from_micros))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn seed_34_a_message_comes_back_from_json_and_from_attributes_as_it_was(message in message()) {
        let json = to_json(&message).unwrap();
        prop_assert_eq!(&from_json(&json).unwrap(), &message);
        let binary = attributes(&message).unwrap();
        prop_assert_eq!(&from_attributes(binary, message.data.clone()).unwrap(), &message);
    }

    #[test]
    fn what_is_written_is_what_the_specification_asks_for(message in message()) {
        let event: Value = serde_json::from_slice(&to_json(&message).unwrap()).unwrap();
        prop_assert_eq!(&event["specversion"], "1.0");
        for (name, value) in event.as_object().unwrap() {
            let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            prop_assert!(is_plain || name == "data_base64", "{}", name);
            prop_assert!(value.is_string() || name == "data", "{}", name);
        }
        prop_assert!(event.get("data").is_none() || event.get("data_base64").is_none());
        if let Some(time) = event.get("time") {
            let moment: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
            prop_assert_eq!(moment.as_microsecond(), message.time.as_micros());
            prop_assert!(time.as_str().unwrap().ends_with('Z'));
        }
    }
}

#[test]
fn a_message_of_ones_own_is_written_with_its_payload_as_json() {
    let message = MessageBuilder::new("orders", "order.confirmed", "order-17")
        .header("tenant", "north")
        .unwrap()
        .json(&json!({ "quantity": 3 }))
        .unwrap()
        .build(MessageId(Uuid::from_u128(7)), Timestamp::from_micros(1_522_949_460_000_250));
    let event: Value = serde_json::from_slice(&to_json(&message).unwrap()).unwrap();
    let id = "00000000-0000-0000-0000-000000000007";
    let expected = json!({
        "specversion": "1.0", "id": id, "source": "orders", "type": "order.confirmed", "subject": "order-17",
        "time": "2018-04-05T17:31:00.00025Z", "datacontenttype": "application/json", "partitionkey": "order-17",
        "topic": "orders", "correlationid": id, "tenant": "north", "data": { "quantity": 3 },
    });
    assert_eq!(event, expected);
}

/// The example of the specification's JSON format, with an extension of each type.
const FOREIGN: &str = r#"{
    "specversion" : "1.0",
    "type" : "com.github.pull_request.opened",
    "source" : "https://github.com/cloudevents/spec/pull",
    "subject" : "123",
    "id" : "A234-1234-1234",
    "time" : "2018-04-05T19:31:00.5+02:00",
    "comexampleextension1" : "value",
    "comexampleothervalue" : 5,
    "isurgent" : true,
    "unsetextension" : null,
    "sequence" : "0000042",
    "dataschema" : "https://example.com/schema",
    "data" : { "much" : "wow" }
}"#;

#[test]
fn a_foreign_event_is_read_with_all_that_it_says() {
    let message = from_json(FOREIGN.as_bytes()).unwrap();
    assert_eq!(message.id.0.get_version_num(), 5);
    assert_eq!(message.id, from_json(FOREIGN.as_bytes()).unwrap().id, "the same each time");
    assert_eq!(message.time, Timestamp::from_millis(1_522_949_460_500));
    assert_eq!((&*message.topic, &*message.partition_key), ("https://github.com/cloudevents/spec/pull", "123"));
    assert_eq!((&*message.content_type, &message.data[..]), ("application/json", &b"{ \"much\" : \"wow\" }"[..]));
    assert_eq!((message.sequence, message.correlation_id, message.causation_id), (0, message.id.0, None));
    let headers: Vec<(&str, &str)> = message.headers.iter().collect();
    let expected = [
        ("comexampleextension1", "value"),
        ("comexampleothervalue", "5"),
        ("dataschema", "https://example.com/schema"),
        ("isurgent", "true"),
        ("originalid", "A234-1234-1234"),
        ("originalsequence", "0000042"),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_foreign_event_is_written_under_its_own_id_again() {
    let message = from_json(FOREIGN.as_bytes()).unwrap();
    let event: Value = serde_json::from_slice(&to_json(&message).unwrap()).unwrap();
    assert_eq!((&event["id"], &event["sequence"]), (&json!("A234-1234-1234"), &json!("0000042")));
    assert!(event.get("originalid").is_none());
    assert_eq!(from_json(&to_json(&message).unwrap()).unwrap(), message);
    // A message that takes the headers over and has an id of its own is another event.
    let own = Message { id: MessageId(Uuid::from_u128(9)), ..message };
    let event: Value = serde_json::from_slice(&to_json(&own).unwrap()).unwrap();
    assert_eq!(event["id"], json!("00000000-0000-0000-0000-000000000009"));
    let own = Message { sequence: 5, ..own };
    let event: Value = serde_json::from_slice(&to_json(&own).unwrap()).unwrap();
    assert_eq!(event["sequence"], json!("5"));
}

#[test]
fn ids_are_told_apart_by_their_source_and_their_letters() {
    let read = |id: &str, source: &str| {
        let event = json!({ "specversion": "1.0", "id": id, "source": source, "type": "t" });
        from_json(event.to_string().as_bytes()).unwrap().id
    };
    assert_ne!(read("1", "/a"), read("1", "/b"));
    assert_ne!(read("1", "/a"), read("01", "/a"));
    let uuid = "0123abcd-0000-7000-8000-000000000001";
    assert_eq!(read(uuid, "/a").0.to_string(), uuid);
    assert_ne!(read(&uuid.to_uppercase(), "/a"), read(uuid, "/a"), "another spelling is another id");
}

#[test]
fn payloads_are_read_in_all_their_forms() {
    let read = |content_type: &str, name: &str, data: Value| {
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "s", "type": "t", "datacontenttype": content_type, name: data,
        });
        from_json(event.to_string().as_bytes()).map(|message| message.data)
    };
    assert_eq!(read("text/xml", "data", json!("<a/>")).unwrap(), "<a/>");
    assert_eq!(read("application/json", "data", json!("<a/>")).unwrap(), "\"<a/>\"");
    assert_eq!(read("application/vnd.api+json", "data", json!([1, 2])).unwrap(), "[1,2]");
    assert_eq!(read("application/octet-stream", "data_base64", json!("AP8=")).unwrap(), &b"\x00\xff"[..]);
    assert!(matches!(read("text/plain", "data_base64", json!("%")), Err(CloudEventError::Attribute { .. })));
}

#[test]
fn payloads_are_written_for_people_where_that_brings_them_back_byte_for_byte() {
    let message = MessageBuilder::new("orders", "order.confirmed", "order-17").json(&1).unwrap();
    let message = message.build(MessageId(Uuid::from_u128(7)), Timestamp::EPOCH);
    for (content_type, data, name, expected) in [
        ("application/json", &b"{}"[..], "data", json!({})),
        ("application/json", b" {}", "data_base64", json!("IHt9")),
        ("text/plain; charset=utf-8", b"hi", "data", json!("hi")),
        ("application/xml", b"<a/>", "data", json!("<a/>")),
        ("image/svg+xml", b"<a/>", "data", json!("<a/>")),
        ("text/plain", b"\xff", "data_base64", json!("/w==")),
        ("application/octet-stream", b"hi", "data_base64", json!("aGk=")),
    ] {
        let message = Message { content_type: content_type.into(), data: Bytes::from(data), ..message.clone() };
        let event: Value = serde_json::from_slice(&to_json(&message).unwrap()).unwrap();
        assert_eq!(event[name], expected, "{content_type}");
        assert_eq!(from_json(&to_json(&message).unwrap()).unwrap(), message);
    }
}

#[test]
fn what_is_no_cloud_event_is_refused_and_told_why() {
    let base = || json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t" });
    let told = |change: fn(&mut Value)| {
        let mut event = base();
        change(&mut event);
        from_json(event.to_string().as_bytes()).unwrap_err().to_string()
    };
    assert!(from_json(base().to_string().as_bytes()).is_ok());
    for (change, expected) in [
        ((|event| event["id"] = json!("")) as fn(&mut Value), "the attribute \"id\""),
        (|event| _ = event.as_object_mut().unwrap().remove("source"), "the attribute \"source\""),
        (|event| event["specversion"] = json!("0.3"), "specversion \"0.3\"; expected \"1.0\""),
        (|event| event["time"] = json!("yesterday"), "\"time\": \"yesterday\"; expected RFC 3339"),
        (|event| event["tenant_id"] = json!("x"), "\"tenant_id\": header \"tenant_id\": a name is made of"),
        (|event| event["list"] = json!([1]), "\"list\": it is a list or an object"),
        (|event| *event = json!([1]), "not a CloudEvent in JSON"),
        (|event| (event["data"], event["data_base64"]) = (json!(1), json!("AP8=")), "there is data beside it"),
    ] {
        let error = told(change);
        assert!(error.contains(expected), "{error:?} should say {expected:?}");
    }
    let no_key = MessageBuilder::new("s", "t", "").build(MessageId(Uuid::from_u128(1)), Timestamp::EPOCH);
    assert_eq!(to_json(&no_key), Err(CloudEventError::Missing("partitionkey")));
    let never = MessageBuilder::new("s", "t", "1").build(MessageId(Uuid::from_u128(1)), Timestamp::MAX);
    assert!(to_json(&never).unwrap_err().to_string().contains("not within the years 0 to 9999"));
}
