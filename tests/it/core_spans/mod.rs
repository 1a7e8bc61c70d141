//! What the core tells a subscriber of `tracing`: a span for every operation, with the ids of saga, step and message, and
//! never a payload.

mod ports;
mod upkeep;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    env, fmt,
    process::Command,
    sync::{Arc, Mutex},
};

use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders, PlannedOrder};
use seaworthy_sim::{
    generate::generate,
    plan::Profile,
    world::{RunOptions, run},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};
use uuid::Uuid;

/// One span, or one event under the name `event`.
#[derive(Clone, Debug)]
struct SpanRecord {
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
    /// Position of the span around it.
    parent: Option<usize>,
}

/// Keeps all that it is told. Spans are numbered by their position, from 1.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Vec<SpanRecord>>>);

thread_local! {
    /// The spans that this thread is in, innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Keeper {
    fn keep(&self, metadata: &Metadata<'_>, fields: BTreeMap<&'static str, String>) -> usize {
        let parent = ENTERED.with_borrow(|entered| entered.last().map(|id| *id as usize - 1));
        let name = if metadata.is_event() { "event" } else { metadata.name() };
        let mut told = self.0.lock().expect("nobody panics here");
        told.push(SpanRecord { name, fields, parent });
        told.len()
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("seaworthy_core")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        Id::from_u64(self.keep(span.metadata(), fields.0) as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.0.lock().expect("nobody panics here")[span.into_u64() as usize - 1].fields.extend(fields.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.keep(event.metadata(), fields.0);
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            let at = entered.iter().rposition(|id| *id == span.into_u64()).expect("it was entered");
            entered.remove(at);
        });
    }
}

/// A customer of this number is in the body of every request and in the input of every saga.
const CUSTOMER: u64 = 777_000_111;

fn told() -> Vec<SpanRecord> {
    let keeper = Keeper::default();
    set_global_default(keeper.clone()).expect("the only test of this file");
    let order = |number: u64| PlannedOrder {
        at_ms: number * 10,
        id: format!("order-{number}").into(),
        sku: "cd-1".into(),
        quantity: 1,
        // The last one is beyond the card's limit: its checkout is undone.
        amount_cents: if number == 3 { 99_999 } else { 1_999 },
        customer: CUSTOMER,
        cancel_after_ms: (number == 2).then_some(20),
    };
    let orders = Orders { stock: [("cd-1".into(), 10)].into(), orders: (0..4).map(order).collect() };
    let scenario = OrderFulfillment::new().with_orders(orders);
    for profile in [Profile::Calm, Profile::Everything, Profile::Rejection, Profile::Crash] {
        for seed in 0..10 {
            let plan = generate(&scenario, seed, profile);
            let report = run(&scenario, &plan, &RunOptions::default()).expect("a valid plan");
            assert!(report.held(), "{:?}", report.violations);
        }
    }
    let plan = generate(&upkeep::Upkeep, 0, Profile::Calm);
    let report = run(&upkeep::Upkeep, &plan, &RunOptions::default()).expect("a valid plan");
    assert!(report.held(), "{:?}", report.violations);
    keeper.0.lock().expect("nobody panics here").clone()
}

/// Set in the program that runs this test and no other.
const ALONE: &str = "SEAWORTHY_TEST_ALONE";

/// A subscriber of the whole program hears what tests beside it do as well, so this one has a program of its own.
#[test]
fn every_operation_has_a_span_with_its_ids_and_no_payload_is_told() {
    if env::var_os(ALONE).is_none() {
        let this = ["core_spans::every_operation_has_a_span_with_its_ids_and_no_payload_is_told", "--exact"];
        let alone = Command::new(env::current_exe().expect("a test is a program")).args(this).env(ALONE, "1").output();
        let alone = alone.expect("it runs a second time");
        let told = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let told = told();
    let names: BTreeSet<&str> = told.iter().map(|told| told.name).collect();
    let operations = [
        "aggregate.load",
        "aggregate.save",
        "consume",
        "participant.compensate",
        "participant.execute",
        "participant.record",
        "publish",
        "relay",
        "saga",
        "saga.operate",
        "saga.recover",
        "saga.start",
        "settle",
        "step",
    ];
    for operation in operations.into_iter().chain(upkeep::OPERATIONS) {
        assert!(names.contains(operation), "no span {operation:?} in {names:?}");
    }

    let is_id = |text: &str| text.parse::<Uuid>().is_ok();
    for one in &told {
        let field = |name: &str| one.fields.get(name).map(String::as_str).unwrap_or_default();
        match one.name {
            "saga" | "saga.start" | "saga.operate" | "saga.state" | "saga.acquire" => {
                assert!(is_id(field("saga")), "{one:?}")
            }
            "step" => {
                let saga = &told[one.parent.expect("a step is a part of a saga")];
                assert_eq!(saga.name, "saga", "{one:?}");
                assert!(!field("step").is_empty() && !field("direction").is_empty(), "{one:?}");
            }
            "consume" | "inbox.redrive" => assert!(is_id(field("message")) && !field("consumer").is_empty(), "{one:?}"),
            "publish" | "settle" => {
                let relay = &told[one.parent.expect("a part of a relay's pass")];
                let is_known = match relay.name {
                    "relay" => is_id(&relay.fields["claim"]),
                    "relay.log" => !relay.fields["name"].is_empty(),
                    _ => false,
                };
                assert!(is_known, "{one:?} within {relay:?}");
                assert!(!field("messages").is_empty() && field("messages").split(' ').all(is_id), "{one:?}");
            }
            "participant.execute" | "participant.compensate" | "participant.record" | "participant.refuse" => {
                assert!(is_id(field("operation")), "{one:?}");
            }
            "aggregate.load" | "aggregate.save" => assert!(field("id").starts_with("order-"), "{one:?}"),
            _ => {}
        }
        for text in one.fields.values() {
            // Documents, messages and requests are JSON, all of them; bytes are printed with escapes.
            let payload = ["{\"", "{\\\"", &CUSTOMER.to_string()].iter().any(|mark| text.contains(mark));
            assert!(!payload, "a payload: {one:?}");
        }
    }
}
