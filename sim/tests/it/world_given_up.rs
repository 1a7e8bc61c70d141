//! What a fault has a process give up is taken up again by that process, once the operator asks for it; what it says of it
//! is in the trace.

use seaworthy_core::{
    events::Subscriber,
    inbox::Handlers,
    saga::{Definition, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder},
};
use seaworthy_sim::{
    generate::generate,
    plan::{Disturbance, Fault, FaultKind, Profile, TimedFault},
    scenario::{Boot, Operator},
    trace::{Effect, Event, What, Work},
    world::{RunOptions, RunReport, run},
};

use crate::{
    saga_support::steps::{Note, Trip, Unnote},
    small_service::{
        Answer, Service,
        messaging::{front_beside_relay, fronts, listener, placing},
        serve,
    },
};

/// A run without any other fault in which this one is on for two minutes.
fn spoiled(service: &Service, what: Disturbance) -> RunReport {
    let mut plan = generate(service, 7, Profile::Calm);
    plan.faults.push(Fault::Timed(TimedFault { from_ms: 0, to_ms: 120_000, what }));
    run(service, &plan, &RunOptions::default().keep_trace(true)).expect("the plan is valid")
}

fn position(report: &RunReport, is_it: impl Fn(&Event) -> bool) -> usize {
    let trace = report.trace.as_deref().expect("kept");
    trace.iter().position(is_it).unwrap_or_else(|| panic!("it is not in the trace: {:?}", report.violations))
}

fn has(event: &Event, is_it: impl Fn(&Effect) -> bool) -> bool {
    event.effects().iter().any(is_it)
}

#[test]
fn a_message_that_fails_each_time_is_a_dead_letter_said_at_warn_and_handled_in_the_end() {
    let topology = |_| listener(fronts(|boot| front_beside_relay(boot, placing)));
    let service = Service::wrong("listens", topology).right().fails_for_good();
    for what in [
        Disturbance::EndlessConflict { store: "listener".into() },
        Disturbance::EndlessUnavailable { store: "listener".into() },
        Disturbance::Poison { store: "listener".into(), kills: false },
        Disturbance::Poison { store: "listener".into(), kills: true },
    ] {
        let report = spoiled(&service, what.clone());
        assert_eq!(report.violations, [], "{what:?}");
        let first = position(&report, |event| matches!(event.what, What::Spoils { .. }));
        let What::Spoils { what: Work::Message(spoiled), .. } = report.trace.as_ref().expect("kept")[first].what else {
            panic!("it is a message")
        };
        let is_it = |effect: &Effect| match effect {
            Effect::Buried { message, .. } => *message == spoiled,
            _ => false,
        };
        let buried = position(&report, |event| has(event, is_it));
        let about = |event: &Event| matches!(event.what, What::Said { about, .. } if about == Work::Message(spoiled));
        let said = position(&report, about);
        let healed = position(&report, |event| matches!(event.what, What::Healed));
        let redrive = position(&report, |event| matches!(event.what, What::Redrive { parked: 1, .. }));
        let exhumed = position(&report, |event| {
            has(event, |effect| matches!(effect, Effect::Exhumed { message, .. } if *message == spoiled))
        });
        let order = [first, buried, said, healed, redrive, exhumed];
        assert!(order.is_sorted(), "{what:?}: {order:?}");
    }
}

/// Whoever comes first on a store need not be the one whose dead letter it is.
#[test]
fn what_one_service_gave_up_it_takes_up_where_another_one_shares_its_store() {
    let topology = |_| {
        let beside = fronts(|boot| front_beside_relay(boot, placing)).process(
            "bystander-1",
            "bystander",
            "listener",
            |boot| async move { Subscriber::new(&boot.ports, "bystander", Handlers::default()).run().await },
        );
        listener(beside)
    };
    let service = Service::wrong("shares", topology).right().fails_for_good();
    let report = spoiled(&service, Disturbance::Poison { store: "listener".into(), kills: false });
    assert_eq!(report.violations, []);
    let buried = position(&report, |event| has(event, |effect| matches!(effect, Effect::Buried { .. })));
    let exhumed = position(&report, |event| has(event, |effect| matches!(effect, Effect::Exhumed { .. })));
    assert!(buried < exhumed);
}

fn trip() -> Definition<Trip> {
    let steps = SagaBuilder::new("trip", 1).compensatable("seat", Note, Unnote).pivot("pay", Note);
    steps.retry(RetryPolicy::default().attempts_max(Some(2))).build().expect("the steps are in order")
}

async fn front(boot: Boot) {
    let ports = boot.ports;
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move { orchestrator.start("trip", &name, &Trip::default()).await.map(|_| Answer::Yes) })
    })
    .await;
}

#[test]
fn a_step_that_conflicts_or_finds_the_store_unavailable_each_time_makes_its_saga_stuck_which_is_said_and_resumed_in_the_end()
 {
    let service = Service::wrong("trips", |_| fronts(front).saga(trip().shape())).right();
    for (what, kind) in [
        (Disturbance::EndlessConflict { store: "front".into() }, FaultKind::EndlessConflict),
        (Disturbance::EndlessUnavailable { store: "front".into() }, FaultKind::EndlessUnavailable),
    ] {
        makes_a_saga_stuck(&service, what, kind);
    }
}

fn makes_a_saga_stuck(service: &Service, what: Disturbance, kind: FaultKind) {
    let report = spoiled(service, what);
    let stuck = position(&report, |event| {
        has(event, |effect| {
            matches!(effect, Effect::SagaLogged { status: seaworthy_core::ports::SagaStatus::Stuck, .. })
        })
    });
    let said = position(&report, |event| matches!(event.what, What::Said { about: Work::Saga(_), .. }));
    let redrive = position(&report, |event| matches!(event.what, What::Redrive { .. }));
    assert!(stuck < said && said < redrive);
    // Had nobody resumed it, it would not have ended.
    assert_eq!(report.violations, []);
    assert_eq!(report.fired.iter().map(|fired| fired.kind).collect::<Vec<_>>(), [kind]);
}

#[test]
fn where_nobody_looks_after_what_is_dead_it_stays_dead() {
    let topology = |_| {
        let topology = listener(fronts(|boot| front_beside_relay(boot, placing)));
        topology.operator(Operator::Never)
    };
    let service = Service::wrong("listens", topology).right().fails_for_good();
    let report = spoiled(&service, Disturbance::EndlessConflict { store: "listener".into() });
    let exhumed = |event: &Event| has(event, |effect| matches!(effect, Effect::Exhumed { .. }));
    assert!(!report.trace.iter().flatten().any(exhumed));
}
