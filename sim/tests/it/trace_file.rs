//! Traces for people: rendered line by line, written to files, compared.

use std::sync::Arc;

use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::{Operation, SagaStatus, Timestamp},
    saga::{Record, Value},
};
use seaworthy_sim::{
    invariants::Ending,
    plan::FaultKind,
    trace::{
        Effect, Event, Outcome, ProcessIndex, Renderer, RowMessages, SettledAs, TraceFile, TraceFileError, TxId, What,
        diff,
        script::{self, Script, created, executed, handled, logged, staged, undone},
    },
};

/// A checkout with everything that a trace can hold.
fn checkout() -> Script {
    let message = script::message(1, "orders", "order-17");
    let charge = OperationId::derive(script::saga(1), "charge", Direction::Action);
    let reserved = Record::Done { step: "reserve".into(), output: Value::NULL };
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.boot(orders);
    script.event(orders, What::Request { request: 1, operation: "place_order".into() });
    script.event(orders, What::Begin { tx: TxId(1), outcome: Outcome::Done });
    let on = "orders".into();
    script.event(orders, What::Statement { tx: TxId(1), point: Operation::Put, on, outcome: Outcome::Conflict });
    script.event(orders, What::Abort { tx: TxId(1), tried: Box::default() });
    let document = Effect::Document {
        collection: "orders".into(),
        id: "order-17".into(),
        version: 1,
        body: Some(r#"{"status":"pending"}"#.into()),
    };
    script.commit(orders, "orders", Outcome::Done, [document, created(1, "checkout", "order-17")]);
    script.event(orders, What::Reply { request: 1, accepted: true, outcome: Outcome::DoneUnheard });
    let log = logged(1, &[reserved.encode()], SagaStatus::Running);
    script.commit(orders, "orders", Outcome::Done, [log, executed(charge), staged(&message)]);
    script.external(orders, ("payments", "charge", "order-17"), charge, true, Outcome::DoneUnheard);
    script.fault(orders, FaultKind::CrashAfter, Operation::Claim);
    script.claim(orders, "orders", 1, &[&message], Outcome::DoneUnheard);
    script.crash(orders);
    script.boot(orders);
    let sagas = Arc::from([(script::saga(1), 2)]);
    script.event(orders, What::Acquire { store: "orders".into(), sagas, outcome: Outcome::Done });
    script.after_ms(5_000).claim(orders, "orders", 2, &[&message], Outcome::Done);
    script.publish(orders, &message, Outcome::Done);
    script.settle(orders, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    script.event(shipping, What::Subscribe { group: "shipping".into(), outcome: Outcome::Unavailable });
    script.deliver(shipping, "shipping", &message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message), undone(charge)]);
    script.ack(shipping, "shipping", &message, Outcome::BelievedDone);
    script.deliver(shipping, "shipping", &message);
    script.event(shipping, What::DuplicateSeen { tx: TxId(9), consumer: "shipping".into(), message: message.id });
    let upkeep = What::StoreCall {
        store: "shipping".into(),
        operation: Operation::PurgeInbox,
        count: 3,
        outcome: Outcome::Done,
        messages: RowMessages::default(),
    };
    script.event(shipping, upkeep);
    script.event(ProcessIndex::WORLD, What::FaultOver { index: 1 });
    script.event(ProcessIndex::WORLD, What::OutOfBudget { waiting: "saga of order-17".into() });
    script.rest();
    script
}

fn file(script: &Script, seed: u64) -> TraceFile {
    file_of(script, seed, script.events())
}

fn file_of(script: &Script, seed: u64, events: Vec<Event>) -> TraceFile {
    let (epoch, ending) = (Timestamp::EPOCH, Ending::Quiet);
    TraceFile::new("order_fulfillment", seed, epoch, &script.processes(), events, ending)
}

#[test]
fn every_event_is_one_line_with_logical_ids() {
    let script = checkout();
    let mut renderer = Renderer::new(&script.processes());
    let lines: Vec<String> = script.events().iter().map(|event| renderer.line(event)).collect();
    assert!(lines.iter().all(|line| !line.contains('\n')));
    insta::assert_snapshot!("rendered_trace", lines.join("\n"));
}

#[test]
fn a_trace_file_reads_back_as_it_was_written_and_its_form_is_kept() {
    let file = file(&checkout(), 7);
    let mut written = Vec::new();
    file.write(&mut written).expect("a vector takes everything");
    let text = String::from_utf8(written).expect("JSON is UTF-8");
    assert_eq!(TraceFile::parse(&text).expect("it was just written"), file);
    // Up to the first commit: what a document holds is there to be read.
    let head: Vec<&str> = text.lines().take(7).collect();
    insta::assert_snapshot!("trace_file_head", head.join("\n"));
}

#[test]
fn redriven_rows_are_named_in_a_file_and_one_from_before_that_is_intact() {
    let with = |messages: &[u64]| {
        let mut script = checkout();
        let orders = script.process("orders-1");
        let redrive = What::StoreCall {
            store: "orders".into(),
            operation: Operation::Redrive,
            count: 1,
            outcome: Outcome::Done,
            messages: messages.iter().map(|number| script::message(*number, "orders", "order-1").id).collect(),
        };
        script.event(orders, redrive);
        file(&script, 7)
    };
    let (named, old) = (with(&[1]), with(&[]));
    let again = TraceFile::parse(&named.print()).expect("it was just written");
    assert!(again == named && again.is_intact());
    assert!(!old.print().contains("\"messages\""), "it is what was written before");
    let old = TraceFile::parse(&old.print()).expect("it was just written");
    assert!(old.is_intact());
    assert_ne!(old.header.fingerprint, named.header.fingerprint, "the names are part of it where there are some");
    assert_eq!(diff(&old, &named).map(|divergence| divergence.only_content), Some(true));
}

#[test]
fn a_file_that_is_malformed_truncated_or_newer_says_so() {
    let text = file(&checkout(), 7).print();
    let error = |text: &str| TraceFile::parse(text).expect_err("it is no whole trace").to_string();

    assert!(error("").starts_with("trace is malformed at line 1: "));
    assert!(error(&text.replacen("\"number\":1,", "\"nummer\":1,", 1)).starts_with("trace is malformed at line 3: "));
    // Files of older formats held no events, only their text.
    for other in ["trace@1", "trace@2", "trace@9"] {
        let error = error(&text.replace("trace@3", other));
        assert!(error.contains(other) && error.contains("seaworthy/trace@3") && error.contains("--trace"), "{error}");
    }

    let lines: Vec<&str> = text.lines().collect();
    let short = lines[..lines.len() - 4].join("\n");
    assert!(matches!(
        TraceFile::parse(&short),
        Err(TraceFileError::Truncated { found, wanted }) if found + 4 == wanted
    ));
}

#[test]
fn two_traces_that_are_the_same_do_not_diverge() {
    assert_eq!(diff(&file(&checkout(), 7), &file(&checkout(), 7)), None);
}

#[test]
fn the_first_event_that_differs_is_shown_between_its_neighbours() {
    let (left, mut right) = (checkout(), checkout());
    let orders = right.process("orders-1");
    let mut events = right.events();
    events[6].what = What::Crash;
    events.truncate(9);
    let right = file_of(&right, 7, events);
    assert_eq!(orders, ProcessIndex(0));
    let divergence = diff(&file(&left, 7), &right).expect("one crashed");
    assert_eq!((divergence.number, divergence.only_content), (6, false));
    insta::assert_snapshot!("diff_in_120_columns", divergence.side_by_side(120));
    for width in [0, 10, 40, 80] {
        let text = divergence.side_by_side(width);
        let longest = text.lines().skip(1).map(|line| line.chars().count()).max();
        assert!(longest <= Some(width.max(5)), "{width} columns:\n{text}");
    }
}

#[test]
fn a_payload_that_differs_under_the_same_words_is_found_within_one_seed_only() {
    let left = checkout();
    let mut events = left.events();
    let number = events.iter().position(|event| matches!(event.what, What::Publish { .. })).expect("there is one");
    if let What::Publish { message, .. } = &mut events[number].what {
        Arc::make_mut(message).data = "{\"total\":0}".into();
    }
    let same_seed = file_of(&left, 7, events.clone());
    let divergence = diff(&file(&left, 7), &same_seed).expect("the payload differs");
    assert_eq!((divergence.number, divergence.only_content), (number, true));
    assert!(
        divergence
            .side_by_side(200)
            .starts_with(&format!("the traces differ at event {number}: same words, but payloads or ids differ\n"))
    );

    let other_seed = file_of(&left, 8, events);
    assert_eq!(diff(&file(&left, 7), &other_seed), None);
}

#[test]
fn a_trace_that_ends_early_diverges_where_it_ends() {
    let left = checkout();
    let short = file_of(&left, 7, left.events()[..10].to_vec());
    let divergence = diff(&file(&left, 7), &short).expect("one ends early");
    assert_eq!((divergence.number, divergence.right.len()), (10, 0));
    assert!(divergence.side_by_side(120).contains("│ (ends here)"));
}

#[test]
fn a_file_whose_events_were_changed_is_not_intact() {
    let mut file = file(&checkout(), 7);
    assert!(file.is_intact());
    file.events[0].at += 1;
    assert!(!file.is_intact());
}
