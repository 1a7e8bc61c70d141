//! Each verdict at each point that it fits does what it says: to the world, and to whoever made the call.

mod disturbances;
mod everywhere;
mod struck;

use everywhere::{Probe, Seen};
use seaworthy_core::ports::{Operation, Port};
use seaworthy_sim::{
    plan::{FaultKind, Restart, Verdict},
    scenario::Scenario,
    trace::{Event, Outcome, What},
};
use struck::{StruckRun, of};

const RESTART: Restart = Restart { after_ms: 0, upgrade: false };
/// Longer than anything else in this run takes, and shorter than the client's patience.
const DELAY_MS: u32 = 1_500;

const VERDICTS: [Verdict; 18] = [
    Verdict::Delay { ms: DELAY_MS },
    Verdict::Conflict,
    Verdict::Unavailable,
    Verdict::Reject,
    Verdict::LoseReply,
    Verdict::LoseRequest,
    Verdict::Duplicate { after_ms: 5 },
    Verdict::DropAck,
    Verdict::PartialBatch { accepted: 1 },
    Verdict::CrashBefore(RESTART),
    Verdict::CrashAfter(RESTART),
    Verdict::Stop(RESTART),
    Verdict::StatementError,
    Verdict::Unroutable,
    Verdict::Cancel { after: false },
    Verdict::Cancel { after: true },
    Verdict::Hang { after: false },
    Verdict::Hang { after: true },
];

fn fitting() -> impl Iterator<Item = (Operation, Verdict)> {
    let all = Operation::ALL.iter().copied().flat_map(|point| VERDICTS.map(|verdict| (point, verdict)));
    all.filter(|(point, verdict)| verdict.fits(*point))
}

#[test]
fn no_kind_of_fault_is_left_out() {
    let at_calls = VERDICTS.map(Verdict::kind);
    let lasting: Vec<FaultKind> = FaultKind::ALL.iter().copied().filter(|kind| !at_calls.contains(kind)).collect();
    assert_eq!(lasting, disturbances::KINDS, "strike with the new kind, here or in `disturbances`");
}

#[test]
fn every_verdict_strikes_at_every_point_that_it_fits_and_is_counted_there() {
    for (point, verdict) in fitting() {
        let struck = StruckRun::by(point, verdict);
        let fired: Vec<_> = struck.report.fired.iter().map(|fired| (fired.kind, fired.point)).collect();
        assert_eq!(fired, [(verdict.kind(), Some(point))]);
    }
}

#[test]
fn a_crash_comes_before_the_call_or_after_its_effect_and_the_caller_never_hears() {
    for (point, verdict) in fitting() {
        let is_after = match verdict {
            Verdict::CrashBefore(_) => false,
            Verdict::CrashAfter(_) => true,
            _ => continue,
        };
        let struck = StruckRun::by(point, verdict);
        let after = struck.after_fault();
        let crash = after.iter().position(|event| event.what == What::Crash);
        let crash = crash.unwrap_or_else(|| panic!("{verdict:?} at {point:?}: nobody died"));
        let calls: Vec<_> = after[..crash].iter().filter_map(|event| of(&event.what)).collect();
        let calls: Vec<_> = calls.into_iter().filter(|(found, _)| *found == point).collect();
        assert_eq!(calls.is_empty(), !is_after, "{verdict:?} at {point:?}: {calls:?}");
        assert!(
            calls.iter().all(|call| call.1.is_none_or(Outcome::took_effect)),
            "{verdict:?} at {point:?}: {calls:?}"
        );
        assert_eq!(struck.boots(), 2, "{verdict:?} at {point:?}");
    }
}

#[test]
fn work_is_dropped_before_the_call_or_after_its_effect_and_its_process_lives_on() {
    for (point, verdict) in fitting() {
        let Verdict::Cancel { after: is_after } = verdict else { continue };
        let struck = StruckRun::by(point, verdict);
        assert_eq!(struck.boots(), 1, "{verdict:?} at {point}");
        let after = struck.after_fault();
        assert!(after.iter().all(|event| event.what != What::Crash), "{verdict:?} at {point}");
        // Whoever makes the call again does so without a fault.
        let call = after.iter().filter_map(|event| of(&event.what)).find(|(found, _)| *found == point);
        match (is_after, call) {
            (true, Some((_, outcome))) => {
                assert!(outcome.is_none_or(|outcome| outcome == Outcome::DoneUnheard), "{point}: {outcome:?}");
            }
            (true, None) => panic!("{point} has no effect"),
            (false, call) => {
                assert!(call.is_none_or(|(_, outcome)| outcome != Some(Outcome::DoneUnheard)), "{point}: {call:?}");
            }
        }
        let is_statement = point.port() == Port::Transaction && !is_after;
        let aborts = after.iter().filter(|event| matches!(event.what, What::Abort { .. })).count();
        assert_eq!(aborts, usize::from(is_statement), "{verdict:?} at {point}: an open transaction rolls back");
        // Everything else of the request goes on: it is answered, and no request is made twice.
        assert!(struck.seen.notes().answered.is_some(), "{verdict:?} at {point}");
    }
}

#[test]
fn a_process_that_is_asked_to_stop_finishes_what_it_is_at_and_comes_back() {
    for operation in Operation::ALL.iter().copied() {
        let struck = StruckRun::by(operation, Verdict::Stop(RESTART));
        let after = struck.after_fault();
        let gone = |what: &What| matches!(what, What::Exit { .. } | What::Crash);
        let gone = after.iter().position(|event| gone(&event.what)).unwrap_or_else(|| panic!("{operation}: it stays"));
        let calls: Vec<_> = after[..gone].iter().filter_map(|event| of(&event.what)).collect();
        // The call goes on as if nothing were; an answer is the last that is heard of a request.
        let outcome = calls.iter().find(|(found, _)| *found == operation).map(|(_, outcome)| *outcome);
        assert!(outcome.is_some_and(|outcome| outcome.is_none_or(|outcome| outcome == Outcome::Done)), "{calls:?}");
        assert_eq!(struck.boots(), 2, "{operation}");
    }
}

#[test]
fn a_process_that_does_not_stop_when_it_is_asked_is_ended_ten_seconds_later() {
    let struck = StruckRun::deaf(Verdict::Stop(RESTART));
    let after = struck.after_fault();
    let crash = after.iter().find(|event| event.what == What::Crash).expect("it is ended");
    assert_eq!(crash.at - after[0].at, 10_000_000);
    assert!(after.iter().all(|event| !matches!(event.what, What::Exit { .. })));
    assert!(after.iter().any(|event| event.process == crash.process && matches!(event.what, What::Boot { .. })));
}

#[test]
fn a_statement_that_is_broken_off_takes_its_transaction_with_it() {
    let statements = Operation::ALL.iter().copied().filter(|operation| Verdict::StatementError.fits(*operation));
    for operation in statements {
        let struck = StruckRun::by(operation, Verdict::StatementError);
        let after = struck.after_fault();
        let ends = |event: &&Event| matches!(event.what, What::Commit { .. } | What::Abort { .. });
        let end = after.iter().find(ends).expect("the transaction ends");
        assert!(matches!(end.what, What::Abort { .. }), "{operation}: {end:?}");
    }
}

#[test]
fn a_delay_is_as_long_as_the_plan_says() {
    for (point, verdict) in fitting().filter(|(_, verdict)| matches!(verdict, Verdict::Delay { .. })) {
        let struck = StruckRun::by(point, verdict);
        let (from, to, outcome) = struck.call(point);
        let to = match point {
            // An answer is sent at once and is late on its way: the client knows how late.
            Operation::Reply => {
                let answered = struck.seen.notes().answered.expect("answered");
                let start = Probe(Seen::default()).epoch();
                answered.since(start).as_micros() as u64
            }
            _ => to,
        };
        assert!(to >= from + u64::from(DELAY_MS) * 1_000, "{point:?}: from {from} to {to} us");
        assert!(to < from + u64::from(DELAY_MS + 100) * 1_000, "{point:?}: from {from} to {to} us");
        assert!(outcome.is_none_or(|outcome| outcome == Outcome::Done), "{point:?}: {outcome:?}");
        assert_eq!(struck.seen.first(point), Some("done"), "{point:?}");
        assert_eq!(struck.requests(), 1, "{point:?}: the client was patient");
    }
}

/// Nobody here has a limit of its own, so it is the end of the storm that brings the answer.
#[test]
fn a_call_that_hangs_comes_back_when_the_storm_is_over_with_its_effect_then_or_long_since() {
    for (point, verdict) in fitting() {
        let Verdict::Hang { after: is_after } = verdict else { continue };
        let struck = StruckRun::by(point, verdict);
        let (from, told, outcome) = struck.call(point);
        let healed = struck.trace().iter().find(|event| matches!(event.what, What::Healed)).expect("the storm ends").at;
        assert!(healed >= from + 20_000_000, "{verdict:?} at {point}: the world heals at {healed} us");
        // What is only a wait may have come to its effect at once, in the same moment in which it was let go.
        assert_eq!(told < healed, is_after, "{verdict:?} at {point}: told at {told} us, healed at {healed} us");
        assert_ne!(outcome, Some(Outcome::NotDoneUnheard), "{verdict:?} at {point}");
        assert_eq!(struck.seen.first(point), Some("done"), "{verdict:?} at {point}");
        assert_eq!(struck.boots(), 1, "{verdict:?} at {point}");
    }
}

#[test]
fn what_is_refused_or_lost_is_so_in_truth_and_the_caller_sees_no_more_than_it_can_know() {
    for (point, verdict) in fitting() {
        let (saw, outcome) = match (verdict, point) {
            // Whoever answers hears nothing of it either way.
            (Verdict::LoseReply | Verdict::LoseRequest, Operation::Reply) => ("done", Outcome::NotDoneUnheard),
            (Verdict::Conflict, _) => ("conflict", Outcome::Conflict),
            (Verdict::Unavailable | Verdict::StatementError, _) => ("unavailable", Outcome::Unavailable),
            (Verdict::Unroutable, _) => ("done", Outcome::BelievedDone),
            (Verdict::Reject, Operation::Publish) => ("first rejected", Outcome::Rejected),
            (Verdict::Reject, _) => ("rejected", Outcome::Rejected),
            (Verdict::LoseReply, _) => ("unknown", Outcome::DoneUnheard),
            (Verdict::LoseRequest, _) => ("unknown", Outcome::NotDoneUnheard),
            (Verdict::DropAck, _) => ("done", Outcome::BelievedDone),
            (Verdict::PartialBatch { .. }, _) => ("second unavailable", Outcome::Done),
            _ => continue,
        };
        let struck = StruckRun::by(point, verdict);
        assert_eq!(struck.seen.first(point), Some(saw), "{verdict:?} at {point:?}");
        assert_eq!(struck.call(point).2, Some(outcome), "{verdict:?} at {point:?}");
        let (first, second) = (struck.deliveries("first"), struck.deliveries("second"));
        match (point, verdict) {
            (Operation::Publish, Verdict::Reject) => assert_eq!((first, second), (0, 2)),
            (Operation::Publish, Verdict::PartialBatch { .. }) => assert_eq!((first, second), (1, 0)),
            (Operation::Publish, Verdict::Unroutable) => assert_eq!((first, second), (0, 2)),
            (Operation::Publish, Verdict::LoseReply) => assert_eq!((first, second), (1, 2)),
            (Operation::Publish, _) => assert_eq!((first, second), (0, 0), "{verdict:?}"),
            // Unless the broker heard the acknowledgement, it delivers again.
            (Operation::Ack, Verdict::LoseReply) => assert_eq!((first, second), (1, 2)),
            (Operation::Ack, _) => assert_eq!((first, second), (2, 2), "{verdict:?}"),
            _ => {}
        }
        let acted = struck.trace().iter().any(|event| matches!(event.what, What::External { acted: true, .. }));
        assert_eq!(acted, point != Operation::External || verdict == Verdict::LoseReply, "{verdict:?} at {point:?}");
        assert_eq!(struck.requests(), if point == Operation::Reply { 2 } else { 1 }, "{verdict:?} at {point:?}");
    }
}

#[test]
fn a_duplicate_comes_once_more_and_the_caller_does_not_know() {
    let duplicate = Verdict::Duplicate { after_ms: 5 };
    let published = StruckRun::by(Operation::Publish, duplicate);
    assert_eq!(published.seen.first(Operation::Publish), Some("done"));
    assert_eq!((published.deliveries("first"), published.deliveries("second")), (2, 2));
    assert_eq!(StruckRun::by(Operation::Request, duplicate).requests(), 2);
    let calm = StruckRun::by(Operation::Backlog, Verdict::Delay { ms: 0 });
    assert_eq!((calm.deliveries("first"), calm.deliveries("second"), calm.requests()), (1, 2, 1));
}
