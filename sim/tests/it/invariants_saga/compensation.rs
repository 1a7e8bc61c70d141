//! What is undone, in which order, and what is not.

use std::sync::Arc;

use seaworthy_core::{
    ids::Direction,
    ports::SagaStatus::{Abandoned, Compensating, Completed, Running, Stuck},
    saga::{AttemptFailure, Phase, Record, RetryPolicy, Shape, StepShape},
};
use seaworthy_sim::invariants::FullCompensation;

use super::{Saga, attempting, compensated, judge, sentences};

/// `reserve`, then `charge` beside `insure`, then the pivot `confirm`, then `ship`.
fn shape() -> Arc<Shape> {
    let step = |path: &str, phase, group, remote| StepShape {
        path: path.into(),
        phase,
        group,
        remote,
        awaits: None,
        retry: RetryPolicy::default(),
        compensation_retry: RetryPolicy::default(),
        deadline: None,
    };
    let steps = vec![
        step("reserve", Phase::Compensatable, 0, false),
        step("charge", Phase::Compensatable, 1, true),
        step("insure", Phase::Compensatable, 1, true),
        step("confirm", Phase::Pivot, 2, false),
        step("ship", Phase::Retriable, 3, true),
    ];
    Arc::new(Shape::new("checkout".into(), 1, None, steps))
}

fn compensation() -> FullCompensation {
    FullCompensation::from_shapes(&[shape()])
}

#[test]
fn a_saga_that_undoes_everything_in_reverse_passes() {
    let script = Saga::start().done(&["reserve", "insure", "charge"]).back(&["insure", "charge", "reserve"]).end();
    assert_eq!(judge(compensation(), &script), [], "steps of one group may go in any order");
    assert_eq!(judge(FullCompensation::from_shapes(&[]), &script), [], "and without a shape");
}

#[test]
fn a_step_that_is_never_undone_leaves_the_saga_half_compensated() {
    for invariant in [compensation(), FullCompensation::from_shapes(&[])] {
        let script = Saga::start().done(&["reserve", "charge"]).back(&["charge"]).end();
        assert_eq!(
            sentences(&judge(invariant, &script)),
            ["saga `checkout` of `order-17` counts as compensated although step `reserve` is done and was never \
                 undone"]
        );
    }
}

#[test]
fn a_step_in_doubt_must_be_undone_too() {
    let doubts: [&[Record]; 4] = [
        // A crash left the attempt without an answer.
        &[attempting("charge", 1)],
        &[attempting("charge", 1), attempting("charge", 2)],
        &[attempting("charge", 1), retry("charge", AttemptFailure::Unknown)],
        &[attempting("charge", 1), rejected("charge", true)],
    ];
    for doubt in doubts {
        let mut saga = Saga::start().done(&["reserve"]);
        for record in doubt {
            saga.log(record.clone(), Running);
        }
        let script = saga.back(&["reserve"]).end();
        assert_eq!(
            sentences(&judge(compensation(), &script)),
            [
                "saga `checkout` of `order-17` compensated step `reserve` before the later step `charge`",
                "saga `checkout` of `order-17` counts as compensated although step `charge` may have been done and was \
                 never undone",
            ],
            "{doubt:?}"
        );
    }
}

fn retry(step: &str, failure: AttemptFailure) -> Record {
    let error = "timed out".to_owned();
    Record::Retry {
        step: step.into(),
        direction: Direction::Action,
        attempt: 1,
        failure,
        delay_us: 1_000,
        error,
        panicked: false,
        own: false,
    }
}

fn rejected(step: &str, maybe_executed: bool) -> Record {
    Record::Rejected { step: step.into(), reason: "declined".to_owned(), maybe_executed }
}

#[test]
fn a_step_that_certainly_did_nothing_needs_no_undoing() {
    let certain: [&[Record]; 3] = [
        &[attempting("charge", 1), retry("charge", AttemptFailure::Transient)],
        &[attempting("charge", 1), rejected("charge", false)],
        &[Record::Skipped { step: "charge".into() }],
    ];
    for records in certain {
        let mut saga = Saga::start().done(&["reserve"]);
        for record in records {
            saga.log(record.clone(), Running);
        }
        let script = saga.back(&["reserve"]).end();
        assert_eq!(judge(compensation(), &script), [], "{records:?}");
    }
}

#[test]
fn a_pivot_that_was_in_doubt_and_then_refused_is_not_compensated() {
    let mut saga = Saga::start().done(&["reserve"]);
    for record in [attempting("confirm", 1), retry("confirm", AttemptFailure::Unknown), attempting("confirm", 2)] {
        saga.log(record, Running);
    }
    saga.log(rejected("confirm", false), Running);
    let script = saga.back(&["reserve"]).end();
    assert_eq!(judge(compensation(), &script), []);
    assert_eq!(
        judge(FullCompensation::from_shapes(&[]), &script),
        [],
        "a rejected step without a shape may be the pivot"
    );
}

#[test]
fn compensation_out_of_order_twice_or_of_nothing_is_caught() {
    let told = |saga: Saga| {
        let found = judge(compensation(), &saga.end());
        found.into_iter().map(|violation| violation.sentence).collect::<Vec<_>>()
    };
    assert_eq!(
        told(Saga::start().done(&["reserve", "charge"]).back(&["reserve", "charge"])),
        ["saga `checkout` of `order-17` compensated step `reserve` before the later step `charge`"]
    );
    assert_eq!(
        told(Saga::start().done(&["reserve", "charge"]).back(&["charge", "charge", "reserve"])),
        ["saga `checkout` of `order-17` compensated step `charge` twice"]
    );
    assert_eq!(
        told(Saga::start().done(&["reserve"]).back(&["charge", "reserve"])),
        ["saga `checkout` of `order-17` compensated step `charge`, which was never begun"]
    );
}

#[test]
fn nothing_is_undone_once_the_pivot_is_done() {
    let script = Saga::start().done(&["reserve", "charge", "confirm"]).back(&["charge", "reserve"]).end();
    assert_eq!(
        sentences(&judge(compensation(), &script)),
        ["saga `checkout` of `order-17` turned back after its pivot was done"]
    );
}

#[test]
fn a_saga_undoes_nothing_without_turning_back_and_never_completes_after_it() {
    let mut saga = Saga::start().done(&["reserve"]);
    saga.log(compensated("reserve"), Running);
    assert_eq!(
        sentences(&judge(compensation(), &saga.script)),
        ["saga `checkout` of `order-17` compensated step `reserve` without having turned back"]
    );
    let mut saga = Saga::start().done(&["reserve"]).back(&["reserve"]);
    saga.log(Record::Completed, Completed);
    assert_eq!(
        sentences(&judge(compensation(), &saga.script)),
        ["saga `checkout` of `order-17` completed although it had turned back"]
    );
}

#[test]
fn an_exhausted_compensation_holds_nobody_up_and_a_skipped_one_is_settled() {
    let mut saga = Saga::start().done(&["reserve", "charge"]).back(&[]);
    saga.log(Record::CompensationExhausted { step: "charge".into(), error: "closed".to_owned() }, Compensating);
    saga.log(compensated("reserve"), Compensating);
    saga.log(Record::Stuck { reason: "exhausted".to_owned() }, Stuck);
    assert_eq!(judge(compensation(), &saga.script), []);
    saga.log(Record::SkippedByOperator { step: "charge".into(), reason: "refunded by hand".to_owned() }, Stuck);
    saga.log(Record::Resumed, Compensating);
    assert_eq!(judge(compensation(), &saga.end()), []);
}

#[test]
fn an_abandoned_saga_owes_nothing() {
    let mut saga = Saga::start().done(&["reserve"]).back(&[]);
    saga.log(Record::Abandoned { reason: "closed by hand".to_owned() }, Abandoned);
    assert_eq!(judge(compensation(), &saga.script), []);
}
