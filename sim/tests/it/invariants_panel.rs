//! The panel: who sees what, what a run proved, and the standard set as a whole.

use std::sync::{Arc, Mutex};

use seaworthy_core::ports::SagaStatus;
use seaworthy_sim::{
    invariants::{self, Ending, Interest, Invariant, Judge, Mode, NoRowStuck, Panel, Violation, sometimes},
    scenario::{Conserved, Topology},
    trace::{
        Effect, Event, Outcome, SettledAs,
        script::{self, Script, created, handled, logged, staged},
    },
};

/// Writes down which kinds of events it is shown.
struct Witness(Interest, Arc<Mutex<Vec<&'static str>>>);

impl Invariant for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        self.0
    }

    fn observe(&mut self, event: &Event, _: &mut Judge<'_>) {
        self.1.lock().expect("one thread").push(event.what.name());
    }
}

/// One order's message from its commit to its acknowledgement.
fn delivery() -> Script {
    let message = script::message(1, "orders", "order-17");
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.boot(orders);
    script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17"), staged(&message)]);
    script.claim(orders, "orders", 1, &[&message], Outcome::Done);
    script.publish(orders, &message, Outcome::Done);
    script.settle(orders, "orders", 1, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    script.deliver(shipping, "shipping", &message);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &message)]);
    script.ack(shipping, "shipping", &message, Outcome::Done);
    script.commit(orders, "orders", Outcome::Done, [logged(1, &[], SagaStatus::Completed)]);
    script.rest();
    script
}

#[test]
fn an_invariant_sees_the_events_of_its_interest_in_order_and_no_others() {
    for (interest, seen) in [
        (Interest::NONE, &[][..]),
        (Interest::STAGED | Interest::ACK, &["commit", "ack"]),
        (Interest::INBOX, &["commit"]),
        (Interest::CLAIM | Interest::SETTLE | Interest::PHASE, &["claim", "settle", "healed", "quiet"]),
        (
            Interest::ALL,
            &["boot", "commit", "claim", "publish", "settle", "deliver", "commit", "ack", "commit", "healed", "quiet"],
        ),
    ] {
        let list = Arc::new(Mutex::new(Vec::new()));
        Panel::new(vec![Box::new(Witness(interest, list.clone()))]).judge(&delivery().events(), Ending::Quiet);
        assert_eq!(*list.lock().expect("one thread"), seen, "{interest:?}");
    }
}

#[test]
fn a_claim_that_gets_nothing_is_seen_by_those_only_who_see_every_claim() {
    let message = script::message(1, "orders", "order-17");
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.claim(orders, "orders", 1, &[], Outcome::Done);
    script.claim(orders, "orders", 2, &[&message], Outcome::Done);
    for (interest, times) in [(Interest::CLAIM, 2), (Interest::CLAIMED, 1), (Interest::ALL, 2), (Interest::NONE, 0)] {
        let list = Arc::new(Mutex::new(Vec::new()));
        Panel::new(vec![Box::new(Witness(interest, list.clone()))]).judge(&script.events(), Ending::Quiet);
        assert_eq!(list.lock().expect("one thread").len(), times, "{interest:?}");
    }
}

#[test]
fn a_healthy_delivery_violates_nothing_and_gives_most_invariants_something_to_judge() {
    let topology = Topology::new().group("shipping", &["orders"]);
    let findings = Panel::new(invariants::protocol(&topology)).judge(&delivery().events(), Ending::Quiet);
    assert_eq!(findings.violations, []);
    let idle: Vec<&str> =
        findings.judged.iter().filter(|judged| judged.times == 0).map(|judged| judged.invariant).collect();
    assert_eq!(
        idle,
        [
            "handled-without-effect",
            "per-key-order",
            "waits-behind-dead",
            "message-held-up",
            "saga-starts-late",
            "sagas-hoarded",
            "full-compensation",
            "torn-step",
            "bounded-attempts",
            "unbounded-wait",
            "stops-when-asked",
            "heard"
        ],
        "one message of its key, and a saga without steps, prove nothing about order, compensation and steps, nor is \
         there a practice to compare with or a dead row to wait for"
    );
}

#[test]
fn the_standard_set_has_each_invariant_of_the_protocol_once() {
    let names: Vec<&str> = invariants::protocol(&Topology::new()).iter().map(|invariant| invariant.name()).collect();
    assert_eq!(
        names,
        [
            "phantom-event",
            "one-message-per-id",
            "lineage",
            "lost-event",
            "acknowledged-before-handled",
            "handled-without-effect",
            "duplicate-effect",
            "per-key-order",
            "stale-claim-settle",
            "no-row-stuck",
            "waits-behind-dead",
            "dead-only-injected",
            "message-unhandled",
            "message-held-up",
            "prompt-when-calm",
            "saga-resolves",
            "saga-starts-late",
            "saga-held-up",
            "sagas-hoarded",
            "full-compensation",
            "torn-step",
            "terminal-state-final",
            "one-saga-per-key",
            "bounded-attempts",
            "unbounded-wait",
            "stops-when-asked",
            "heard",
            "bounded-growth",
        ]
    );
}

/// Of a topology that declares all that an invariant may need.
#[test]
fn the_architecture_shows_each_invariant_of_the_protocol_and_the_readme_counts_them() {
    let sum = Conserved::new("units").plus("stock", "levels", "units");
    let topology = Topology::new().lock("locks").group("shipping", &["orders"]).group("mail", &["shipments"]);
    let topology = topology.group("source", &["orders.rejections"]).events("stock").conserved(sum);
    let mut names: Vec<&str> = invariants::protocol(&topology).iter().map(|invariant| invariant.name()).collect();
    names.sort_unstable();
    let architecture = include_str!("../../../ARCHITECTURE.md");
    let table = architecture.split("## The invariants of the protocol").nth(1).expect("the section");
    let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('`').nth(1));
    let mut shown: Vec<&str> = rows.collect();
    shown.sort_unstable();
    assert_eq!(names, shown);
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&format!("The {} invariants of the protocol", names.len())), "{} of them", names.len());
}

#[test]
fn a_goal_is_reached_once_and_one_that_never_is_stays_open() {
    let ended = |wanted: SagaStatus| {
        move |(): &mut (), event: &Event| {
            event
                .effects()
                .iter()
                .any(|effect| matches!(effect, Effect::SagaLogged { status, .. } if *status == wanted))
        }
    };
    let findings = Panel::new(vec![
        sometimes("completed", ()).on_event(Interest::SAGA_LOGGED, ended(SagaStatus::Completed)).boxed(),
        sometimes("compensated", ()).on_event(Interest::SAGA_LOGGED, ended(SagaStatus::Compensated)).boxed(),
    ])
    .judge(&delivery().events(), Ending::Quiet);
    assert_eq!(findings.reached, ["completed"]);
    assert_eq!(findings.judged.iter().map(|judged| judged.times).collect::<Vec<_>>(), [1, 0]);
    assert!(findings.judged.iter().all(|judged| judged.mode == Mode::Sometimes));
}

#[test]
fn a_run_that_goes_on_being_wrong_says_so_a_few_times_only() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    // Whose source stages its messages publishes none without.
    script.commit(orders, "orders", Outcome::Done, [staged(&script::message(1_000, "orders", "order-18"))]);
    for number in 1..1_000 {
        script.publish(orders, &script::message(number, "orders", "order-17"), Outcome::Done);
    }
    let topology = Topology::new().group("shipping", &["orders"]);
    let findings = Panel::new(invariants::protocol(&topology)).judge(&script.events(), Ending::Quiet);
    assert_eq!(findings.violations.len(), 64, "999 phantoms; 64 are more than anybody reads");
}

#[test]
fn what_the_world_finds_stands_beside_what_invariants_find() {
    let mut panel = Panel::new(Vec::new());
    let panic = Violation {
        invariant: "panic".into(),
        entity: "orders-1".into(),
        sentence: "`orders-1` panicked".to_owned(),
        events: vec![3],
        at_the_end: false,
        panicked_at: None,
    };
    panel.violate(panic.clone());
    assert_eq!(panel.violations(), std::slice::from_ref(&panic));
    assert_eq!(panel.conclude(Ending::OutOfBudget).violations, [panic]);
}

#[test]
fn a_run_that_was_cut_short_is_not_asked_for_what_should_have_come() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::Done, [staged(&script::message(1, "orders", "order-17"))]);
    let missing = |ending| {
        let panel = Panel::new(vec![Box::new(NoRowStuck::new())]);
        panel.judge(&script.events(), ending).violations.len()
    };
    assert_eq!((missing(Ending::Quiet), missing(Ending::CutShort)), (1, 0));
}
