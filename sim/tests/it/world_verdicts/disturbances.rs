//! What goes wrong over a span of time strikes whom it names, for as long as it lasts, and nobody else.

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    invariants::Violation,
    plan::{CallFault, Disturbance, Fault, FaultKind, Restart, TimedFault, Verdict},
    trace::{Effect, Outcome, ProcessIndex, What},
};

use crate::world_verdicts::{
    everywhere::Seen,
    struck::{StruckRun, of},
};

/// The kinds that strike here; a pause is what `world_heal` and `world_rest` are about.
pub(crate) const KINDS: [FaultKind; 15] = [
    FaultKind::BrokerOutage,
    FaultKind::StoreOutage,
    FaultKind::ExternalOutage,
    FaultKind::TopicOutage,
    FaultKind::Poison,
    FaultKind::EndlessConflict,
    FaultKind::Rollout,
    FaultKind::Partition,
    FaultKind::Pause,
    FaultKind::SlowLink,
    FaultKind::ClockSkew,
    FaultKind::PoisonPublish,
    FaultKind::PoisonCall,
    FaultKind::Restore,
    FaultKind::EndlessUnavailable,
];

const ONLOOKER: ProcessIndex = ProcessIndex(1);

/// What the first calls at the store, the broker and the external service saw.
fn saw(seen: &Seen) -> [Option<&'static str>; 3] {
    [Operation::Begin, Operation::Publish, Operation::External].map(|point| seen.first(point))
}

fn onlooker_published(struck: &StruckRun) -> Outcome {
    let published = struck.trace().iter().find_map(|event| match &event.what {
        What::Publish { outcome, .. } if event.process == ONLOOKER => Some(*outcome),
        _ => None,
    });
    published.expect("the onlooker publishes at boot")
}

#[test]
fn an_outage_is_of_one_component_and_a_partition_of_one_process() {
    const OUT: Option<&str> = Some("unavailable");
    const UP: Option<&str> = Some("done");
    for (what, expected, onlooker) in [
        (Disturbance::BrokerOutage, [UP, OUT, UP], Outcome::Unavailable),
        (Disturbance::StoreOutage { store: "store".into() }, [OUT, UP, UP], Outcome::Done),
        (Disturbance::ExternalOutage { service: "bell".into() }, [UP, UP, OUT], Outcome::Done),
        (Disturbance::Partition { process: "one".into() }, [UP, OUT, UP], Outcome::Done),
        (Disturbance::Partition { process: "onlooker".into() }, [UP, UP, UP], Outcome::Unavailable),
    ] {
        let struck = StruckRun::over_time(0, 1_000, what.clone());
        assert_eq!(saw(&struck.seen), expected, "{what:?}");
        assert_eq!(onlooker_published(&struck), onlooker, "{what:?}");
        assert_eq!(struck.report.fired.len(), 1, "{what:?}");
    }
}

#[test]
fn an_outage_of_a_topic_is_of_no_other_and_may_not_be_heard_of() {
    for (unheard, outcome) in [(false, Outcome::Unavailable), (true, Outcome::NotDoneUnheard)] {
        let struck = StruckRun::over_time(0, 1_000, Disturbance::TopicOutage { topic: "topic".into(), unheard });
        let published = |topic: &str| {
            let of_topic = struck.trace().iter().filter_map(|event| match &event.what {
                What::Publish { message, outcome, .. } if event.at < 1_000_000 => {
                    (message.topic == topic).then_some(*outcome)
                }
                _ => None,
            });
            of_topic.collect::<Vec<_>>()
        };
        assert!(!published("topic").is_empty() && published("topic").iter().all(|said| *said == outcome), "{unheard}");
        assert!(
            !published("aside").is_empty() && published("aside").iter().all(|said| *said == Outcome::Done),
            "{unheard}"
        );
        assert_eq!((struck.deliveries("first"), struck.report.fired.len()), (0, 1), "{unheard}");
    }
}

#[test]
fn whoever_dies_after_a_call_dies_after_one_that_fails_too() {
    let restart = Restart { after_ms: 0, upgrade: false };
    for (point, what) in [
        (Operation::External, Disturbance::ExternalOutage { service: "bell".into() }),
        (Operation::Publish, Disturbance::BrokerOutage),
        (Operation::Begin, Disturbance::StoreOutage { store: "store".into() }),
    ] {
        let outage = Fault::Timed(TimedFault { from_ms: 0, to_ms: 1_000, what });
        let verdict = Verdict::CrashAfter(restart);
        let crash = Fault::Call(CallFault { process: "one".into(), point: point.into(), nth: 1, verdict });
        let struck = StruckRun::run(vec![outage, crash]);
        assert!(struck.report.fired.iter().any(|fired| fired.kind == FaultKind::CrashAfter), "{point:?}");
        assert_eq!(struck.boots(), 2, "{point:?}: the fault counts as fired, so the process must have died");
    }
}

#[test]
fn an_outage_is_over_when_the_plan_says() {
    let struck = StruckRun::over_time(0, 1_000, Disturbance::BrokerOutage);
    let joined = struck.trace().iter().find_map(|event| match of(&event.what) {
        Some((Operation::Subscribe, Some(Outcome::Done))) => Some(event.at),
        _ => None,
    });
    // It tries every 10 ms, and a call takes 1 ms.
    let joined = joined.expect("the consumer comes in");
    assert!((1_000_000..1_020_000).contains(&joined), "it joined at {joined} us");
}

#[test]
fn a_slow_link_takes_its_time_at_each_call_of_one_process() {
    let took = |struck: &StruckRun, from: fn(&What) -> bool| {
        let at = |what: fn(&What) -> bool| struck.trace().iter().find(|event| what(&event.what)).expect("there").at;
        at(|what| matches!(what, What::Begin { .. })) - at(from)
    };
    let asked = |what: &What| matches!(what, What::Request { .. });
    let slow = StruckRun::over_time(0, 60_000, Disturbance::SlowLink { process: "one".into(), extra_ms: 700 });
    assert_eq!(took(&slow, asked), 701_000, "1 ms and 700");
    let other = StruckRun::over_time(0, 60_000, Disturbance::SlowLink { process: "onlooker".into(), extra_ms: 700 });
    assert_eq!(took(&other, asked), 1_000);
}

#[test]
fn a_skewed_clock_steps_when_the_fault_begins_and_steps_again_when_it_ends() {
    for offset_ms in [-30_000, 30_000] {
        let skew = Disturbance::ClockSkew { process: "onlooker".into(), offset_ms };
        let struck = StruckRun::over_time(1_050, 2_050, skew);
        let clock = struck.seen.notes().clock.clone();
        let steps = clock.windows(2).enumerate().filter_map(|(number, pair)| {
            let passed = pair[1].as_millis() - pair[0].as_millis();
            (!(99..=101).contains(&passed)).then_some((number / 10, (passed - 100).abs_diff(offset_ms) < 3))
        });
        let steps: Vec<_> = steps.collect();
        // There at the eleventh reading, back at the twenty-first.
        assert_eq!(steps, [(1, true), (2, false)], "{offset_ms} ms: {clock:?}");
        assert!((clock[39].since(clock[0]).as_millis() as i64 - 3_900).abs() < 5, "it is right again: {clock:?}");
    }
}

/// Events that tell of a spoiled attempt.
fn spoiled(struck: &StruckRun) -> Vec<u64> {
    struck.trace().iter().filter(|event| matches!(event.what, What::Spoils { .. })).map(|event| event.at).collect()
}

#[test]
fn a_poisonous_message_panics_or_kills_whoever_handles_it_each_time_until_it_is_over() {
    for kills in [false, true] {
        let struck = StruckRun::over_time(0, 20_000, Disturbance::Poison { store: "store".into(), kills });
        let attempts = spoiled(&struck);
        assert!(attempts.len() >= 3 && attempts.iter().all(|at| *at < 20_000_000), "{kills}: {attempts:?}");
        let panics = struck.trace().iter().filter(|event| matches!(event.what, What::Panic { .. })).count();
        assert_eq!(panics, if kills { 0 } else { attempts.len() }, "{kills}");
        assert_eq!(struck.boots(), 1 + attempts.len(), "{kills}: it comes back each time");
        assert!(struck.seen.notes().answered.is_some(), "{kills}: the message is handled in the end");
        let is_panic = |violation: &Violation| violation.invariant == "panic";
        assert_eq!((struck.report.fired.len(), struck.report.violations.iter().find(|of| is_panic(of))), (1, None));
    }
}

#[test]
fn an_endless_conflict_is_one_of_one_message_and_over_when_the_plan_says() {
    let struck = StruckRun::over_time(0, 20_000, Disturbance::EndlessConflict { store: "store".into() });
    assert_eq!(struck.seen.first(Operation::InboxInsert), Some("conflict"));
    assert_eq!((spoiled(&struck).len(), struck.report.fired.len()), (1, 1));
    let aside = StruckRun::over_time(0, 20_000, Disturbance::EndlessConflict { store: "aside".into() });
    assert_eq!((aside.seen.first(Operation::InboxInsert), spoiled(&aside).len()), (Some("done"), 0));
}

/// What the store says of one message's transaction it says of no other, as an outage would: each begins.
#[test]
fn an_endless_unavailability_is_one_of_one_message_and_over_when_the_plan_says() {
    let struck = StruckRun::over_time(0, 20_000, Disturbance::EndlessUnavailable { store: "store".into() });
    assert_eq!(struck.seen.first(Operation::InboxInsert), Some("unavailable"));
    assert_eq!(struck.seen.first(Operation::Begin), Some("done"));
    assert_eq!((spoiled(&struck).len(), struck.report.fired.len()), (1, 1));
    let aside = StruckRun::over_time(0, 20_000, Disturbance::EndlessUnavailable { store: "aside".into() });
    assert_eq!((aside.seen.first(Operation::InboxInsert), spoiled(&aside).len()), (Some("done"), 0));
}

#[test]
fn a_release_that_is_rolled_out_is_taken_back_and_comes_for_good_in_the_end() {
    let struck = StruckRun::over_time(1_000, 30_000, Disturbance::Rollout { process: "onlooker".into() });
    let boots = struck.trace().iter().filter(|event| event.process == ONLOOKER).filter_map(|event| match event.what {
        What::Boot { release } => Some(release),
        _ => None,
    });
    assert_eq!(boots.collect::<Vec<_>>(), [1, 2, 1, 2]);
    assert_eq!(struck.report.fired.len(), 1);
}

#[test]
fn a_poisonous_publish_or_call_panics_or_kills_whoever_makes_it_each_time_until_it_is_over() {
    for kills in [false, true] {
        for what in [
            Disturbance::PoisonPublish { store: "store".into(), kills },
            Disturbance::PoisonCall { service: "bell".into(), kills },
        ] {
            let struck = StruckRun::over_time(0, 20_000, what.clone());
            let attempts = spoiled(&struck);
            assert!(attempts.len() >= 3 && attempts.iter().all(|at| *at < 20_000_000), "{what:?}: {attempts:?}");
            let panics = struck.trace().iter().filter(|event| matches!(event.what, What::Panic { .. })).count();
            assert_eq!(panics, if kills { 0 } else { attempts.len() }, "{what:?}");
            assert_eq!(struck.boots(), 1 + attempts.len(), "{what:?}: it comes back each time");
            let is_panic = |violation: &Violation| violation.invariant == "panic";
            assert_eq!((struck.report.fired.len(), struck.report.violations.iter().find(|of| is_panic(of))), (1, None));
        }
    }
}

#[test]
fn a_store_is_put_back_to_what_it_was_when_the_fault_began_and_its_processes_start_again() {
    let struck = StruckRun::over_time(0, 1_500, Disturbance::Restore { store: "store".into() });
    let restored = struck.trace().iter().find_map(|event| match &event.what {
        What::Restored { store, since, messages, .. } => {
            Some((event.at, store.clone(), *since, messages.iter().count()))
        }
        _ => None,
    });
    let (at, store, since, messages) = restored.expect("it is put back");
    assert_eq!((at, &*store, since < 10), (1_501_000, "store", true), "{since}");
    let staged = |from: u64, to: u64| {
        let effects =
            struck.trace().iter().filter(|event| (from..to).contains(&event.at)).flat_map(|event| event.effects());
        effects.filter(|effect| matches!(effect, Effect::Staged(_))).count()
    };
    assert!(messages > 0 && messages <= staged(0, at), "what was staged is gone: {messages}");
    assert_eq!((struck.boots(), struck.report.fired.len()), (2, 1));
    let aside = StruckRun::over_time(0, 1_500, Disturbance::Restore { store: "aside".into() });
    assert_eq!((aside.boots(), aside.report.fired.len()), (1, 1), "another store's processes live on");
}
