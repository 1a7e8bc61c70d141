//! What a saga keeps: values as JSON text, and the states of its steps.

use bytes::Bytes;
use seaworthy_core::{
    ports::Timestamp,
    saga::{Action, NothingToUndo, Record, SagaBuilder, SagaRequest, State, Value, Verb, next},
};
use serde_json::json;

struct Local;
impl Action<()> for Local {}

#[test]
fn an_answer_in_bytes_is_the_json_that_it_is_or_else_a_text() {
    for (answer, expected) in [
        ("", "null"),
        ("null", "null"),
        (" 7 ", "7"),
        (r#"{"a": [1]}"#, r#"{"a": [1]}"#),
        ("not json", r#""not json""#),
    ] {
        let value = Value::from(Bytes::from_static(answer.as_bytes()));
        assert_eq!((value.as_json(), value.is_null()), (expected, expected == "null"), "{answer:?}");
        assert_eq!(format!("{value:?}"), expected);
    }
    assert_eq!(Value::from(json!({ "a": 1 })).as_json(), r#"{"a":1}"#);
    assert!(Value::from(json!(null)).is_null());
}

#[test]
fn the_states_of_steps_are_found_by_their_place_and_compared_one_by_one() {
    let builder = SagaBuilder::<()>::new("s", 1).compensatable("a", Local, NothingToUndo).pivot("p", Local);
    let shape = builder.build().expect("the steps are in order").shape().clone();
    let moved = |state, record| next(state, &record, Timestamp::EPOCH).expect("it is allowed");
    let started = moved(State::new(shape), Record::Started { deadline_us: None, traceparent: None });
    let done = moved(started.clone(), Record::Done { step: "a".into(), output: Value::NULL });
    let steps = done.steps();
    assert_eq!((steps.len(), steps.is_empty()), (2, false));
    assert_eq!((steps.get(1), steps.get(2)), (Some(&steps[1]), None));
    assert_ne!(steps, started.steps());
    assert_eq!(steps, done.clone().steps());
    let request = SagaRequest::new(Verb::Cancel, "ops");
    let asked = moved(done, Record::Requested(request.clone()));
    assert_eq!(asked.requests(), [request]);
}
