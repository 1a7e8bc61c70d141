//! Invariants of sagas, on traces written by hand: what each catches and what it lets pass.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::{
        DefinitionRef,
        SagaStatus::{self, Abandoned, Compensated, Compensating, Completed, Running, Stuck},
    },
    saga::{Cause, Failure, Phase, Record, RetryPolicy, Shape, StepShape, Value},
};
use seaworthy_sim::{
    invariants::{
        Ending, FullCompensation, Invariant, OneSagaPerKey, Panel, SagaResolves, TerminalStateFinal, TornStep,
        Violation,
    },
    trace::{
        Effect, Outcome, ProcessIndex,
        script::{self, Script, created, executed, undone},
    },
};

fn judge(invariant: impl Invariant + 'static, script: &Script) -> Vec<Violation> {
    Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet).violations
}

fn sentences(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.sentence.as_str()).collect()
}

/// A saga `checkout` of `order-17`, its log written record by record.
struct Saga {
    script: Script,
    orders: ProcessIndex,
    length: u64,
}

impl Saga {
    fn start() -> Self {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        let mut saga = Self { script, orders, length: 0 };
        saga.log(Record::Started { deadline_us: None }, Running);
        saga
    }

    fn append(&mut self, record: Record, status: SagaStatus) -> Effect {
        let records = vec![record.encode()];
        let length = self.length;
        self.length += 1;
        Effect::SagaLogged { saga: script::saga(1), epoch: 1, length, records, status }
    }

    fn log(&mut self, record: Record, status: SagaStatus) -> u64 {
        let effect = self.append(record, status);
        self.script.commit(self.orders, "orders", Outcome::Done, [effect])
    }

    /// Forward, one step after the other.
    fn done(mut self, steps: &[&str]) -> Self {
        for step in steps {
            self.log(done(step), Running);
        }
        self
    }

    /// Back, one step after the other.
    fn back(mut self, steps: &[&str]) -> Self {
        self.log(Record::CompensationBegun { cause: Cause::Cancelled }, Compensating);
        for step in steps {
            self.log(compensated(step), Compensating);
        }
        self
    }

    fn end(mut self) -> Script {
        self.log(Record::RolledBack, Compensated);
        self.script
    }
}

fn done(step: &str) -> Record {
    Record::Done { step: step.into(), output: Value::NULL }
}

fn compensated(step: &str) -> Record {
    Record::Compensated { step: step.into(), maybe_executed: false }
}

fn attempting(step: &str, attempt: u32) -> Record {
    Record::Attempting { step: step.into(), attempt }
}

/// `reserve`, then `charge` beside `insure`, then the pivot `confirm`, then `ship`.
fn shape() -> Arc<Shape> {
    let step = |path: &str, phase, group, remote| StepShape {
        path: path.into(),
        phase,
        group,
        remote,
        retry: RetryPolicy::default(),
        compensation_retry: RetryPolicy::default(),
        deadline: None,
    };
    Arc::new(Shape {
        definition: DefinitionRef { name: "checkout".into(), version: 1, hash: 0 },
        deadline: None,
        steps: vec![
            step("reserve", Phase::Compensatable, 0, false),
            step("charge", Phase::Compensatable, 1, true),
            step("insure", Phase::Compensatable, 1, true),
            step("confirm", Phase::Pivot, 2, false),
            step("ship", Phase::Retriable, 3, true),
        ],
    })
}

fn compensation() -> FullCompensation {
    FullCompensation::of(&[shape()])
}

#[test]
fn a_saga_that_still_runs_or_is_stuck_at_rest_is_caught() {
    let mut saga = Saga::start();
    assert_eq!(
        sentences(&judge(SagaResolves::new(), &saga.script)),
        ["saga `checkout` of `order-17` is still running although the run has come to rest"]
    );
    saga.log(Record::Stuck { reason: "no more attempts".to_owned() }, Stuck);
    assert_eq!(
        sentences(&judge(SagaResolves::new(), &saga.script)),
        ["saga `checkout` of `order-17` is stuck and waits for an operator although the run has come to rest"]
    );
    assert_eq!(judge(SagaResolves::new().or_stuck(), &saga.script), []);
    saga.log(Record::Resumed, Compensating);
    assert_eq!(judge(SagaResolves::new().or_stuck(), &saga.script).len(), 1, "it moves again, and never ends");
}

#[test]
fn every_way_to_end_resolves_a_saga_even_where_nobody_heard_of_it() {
    for (record, status) in [
        (Record::Completed, Completed),
        (Record::RolledBack, Compensated),
        (Record::Abandoned { reason: "closed by hand".to_owned() }, Abandoned),
    ] {
        let mut saga = Saga::start();
        let end = saga.append(record, status);
        saga.script.commit(saga.orders, "orders", Outcome::DoneUnheard, [end]);
        assert_eq!(judge(SagaResolves::new(), &saga.script), []);
    }
    let mut saga = Saga::start();
    let end = saga.append(Record::Completed, Completed);
    saga.script.commit(saga.orders, "orders", Outcome::NotDoneUnheard, [end]);
    assert_eq!(judge(SagaResolves::new(), &saga.script).len(), 1, "an end that was not committed is none");
}

#[test]
fn a_run_without_budget_says_nothing_about_sagas_that_were_under_way() {
    let saga = Saga::start();
    let panel = Panel::new(vec![Box::new(SagaResolves::new())]);
    assert_eq!(panel.judge(&saga.script.events(), Ending::OutOfBudget).violations, []);
}

#[test]
fn nothing_changes_a_saga_that_has_ended() {
    let mut saga = Saga::start();
    let ended = saga.log(Record::Completed, Completed);
    assert_eq!(judge(TerminalStateFinal::new(), &saga.script), []);
    let late = saga.log(Record::CompensationBegun { cause: Cause::Deadline }, Compensating);
    let found = judge(TerminalStateFinal::new(), &saga.script);
    assert_eq!(sentences(&found), ["a saga that was completed became compensating"]);
    assert_eq!(found[0].events, [ended, late]);
}

#[test]
fn a_record_after_the_terminal_one_of_the_same_append_is_caught() {
    let mut saga = Saga::start();
    let records = vec![Record::Completed.encode(), done("ship").encode()];
    let torn = Effect::SagaLogged { saga: script::saga(1), epoch: 1, length: 1, records, status: Completed };
    saga.script.commit(saga.orders, "orders", Outcome::Done, [torn]);
    assert_eq!(
        sentences(&judge(TerminalStateFinal::new(), &saga.script)),
        ["the log of a saga goes on with `done` after `completed`"]
    );
}

#[test]
fn a_late_write_that_was_fenced_off_leaves_the_end_as_it_is() {
    let mut saga = Saga::start();
    saga.log(Record::Completed, Completed);
    let late = saga.append(done("ship"), Running);
    saga.script.commit(saga.orders, "orders", Outcome::Conflict, [late]);
    assert_eq!(judge(TerminalStateFinal::new(), &saga.script), []);
}

#[test]
fn a_business_key_has_one_saga_of_each_definition() {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.commit(orders, "orders", Outcome::DoneUnheard, [created(1, "checkout", "order-17")]);
    script.commit(orders, "orders", Outcome::Conflict, [created(2, "checkout", "order-17")]);
    script.commit(orders, "orders", Outcome::Done, [created(3, "refund", "order-17")]);
    script.commit(orders, "orders", Outcome::Done, [created(4, "checkout", "order-18")]);
    script.commit(orders, "archive", Outcome::Done, [created(5, "checkout", "order-17")]);
    assert_eq!(judge(OneSagaPerKey::new(), &script), []);

    script.commit(orders, "orders", Outcome::Done, [created(6, "checkout", "order-17")]);
    let found = judge(OneSagaPerKey::new(), &script);
    assert_eq!(sentences(&found), ["two sagas `checkout` were started for `order-17`"]);
    assert_eq!(found[0].events, [0, 5]);
}

#[test]
fn a_saga_that_undoes_everything_in_reverse_passes() {
    let script = Saga::start().done(&["reserve", "insure", "charge"]).back(&["insure", "charge", "reserve"]).end();
    assert_eq!(judge(compensation(), &script), [], "steps of one group may go in any order");
    assert_eq!(judge(FullCompensation::of(&[]), &script), [], "and without a shape");
}

#[test]
fn a_step_that_is_never_undone_leaves_the_saga_half_compensated() {
    for invariant in [compensation(), FullCompensation::of(&[])] {
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
        &[attempting("charge", 1), retry("charge", Failure::Unknown)],
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

fn retry(step: &str, failure: Failure) -> Record {
    let error = "timed out".to_owned();
    Record::Retry { step: step.into(), direction: Direction::Action, attempt: 1, failure, delay_us: 1_000, error }
}

fn rejected(step: &str, maybe_executed: bool) -> Record {
    Record::Rejected { step: step.into(), reason: "declined".to_owned(), maybe_executed }
}

#[test]
fn a_step_that_certainly_did_nothing_needs_no_undoing() {
    let certain: [&[Record]; 3] = [
        &[attempting("charge", 1), retry("charge", Failure::Transient)],
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
    for record in [attempting("confirm", 1), retry("confirm", Failure::Unknown), attempting("confirm", 2)] {
        saga.log(record, Running);
    }
    saga.log(rejected("confirm", false), Running);
    let script = saga.back(&["reserve"]).end();
    assert_eq!(judge(compensation(), &script), []);
    assert_eq!(judge(FullCompensation::of(&[]), &script), [], "a rejected step without a shape may be the pivot");
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
fn an_exhausted_compensation_holds_nobody_up_and_a_waived_one_is_settled() {
    let mut saga = Saga::start().done(&["reserve", "charge"]).back(&[]);
    saga.log(Record::CompensationExhausted { step: "charge".into(), error: "closed".to_owned() }, Compensating);
    saga.log(compensated("reserve"), Compensating);
    saga.log(Record::Stuck { reason: "exhausted".to_owned() }, Stuck);
    assert_eq!(judge(compensation(), &saga.script), []);
    saga.log(Record::Waived { step: "charge".into(), reason: "refunded by hand".to_owned() }, Stuck);
    saga.log(Record::Resumed, Compensating);
    assert_eq!(judge(compensation(), &saga.end()), []);
}

#[test]
fn an_abandoned_saga_owes_nothing() {
    let mut saga = Saga::start().done(&["reserve"]).back(&[]);
    saga.log(Record::Abandoned { reason: "closed by hand".to_owned() }, Abandoned);
    assert_eq!(judge(compensation(), &saga.script), []);
}

fn reserve_operation() -> OperationId {
    OperationId::derive(script::saga(1), "reserve", Direction::Action)
}

#[test]
fn a_step_that_is_logged_as_done_twice_is_torn() {
    let saga = Saga::start().done(&["reserve", "charge", "reserve"]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &saga.script)),
        ["step `reserve` of the saga of `order-17` was done twice"]
    );
}

#[test]
fn two_writers_at_one_place_of_a_log_are_caught() {
    let mut saga = Saga::start().done(&["reserve"]);
    saga.length = 1;
    let saga = saga.done(&["charge"]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &saga.script)),
        ["the log of the saga of `order-17` has 2 entries, and a writer appended after entry 1"]
    );
}

#[test]
fn a_local_operation_and_its_log_entry_commit_together() {
    let mut whole = Saga::start();
    let entry = whole.append(done("reserve"), Running);
    whole.script.commit(whole.orders, "orders", Outcome::DoneUnheard, [executed(reserve_operation()), entry]);
    assert_eq!(judge(TornStep::new(), &whole.script), []);

    let mut early = Saga::start();
    early.script.commit(early.orders, "orders", Outcome::Done, [executed(reserve_operation())]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &early.done(&["reserve"]).script)),
        ["the effects of step `reserve` of the saga of `order-17` were committed without its log entry"]
    );

    let mut late = Saga::start().done(&["reserve"]);
    late.script.commit(late.orders, "orders", Outcome::Done, [executed(reserve_operation())]);
    assert_eq!(
        sentences(&judge(TornStep::new(), &late.script)),
        ["step `reserve` of the saga of `order-17` was logged before its effects were committed"]
    );
}

#[test]
fn a_participant_with_a_store_of_its_own_commits_by_itself() {
    let mut saga = Saga::start();
    saga.script.commit(saga.orders, "stock", Outcome::Done, [executed(reserve_operation())]);
    assert_eq!(judge(TornStep::new(), &saga.done(&["reserve"]).script), []);
}

#[test]
fn a_local_operation_is_undone_by_the_commit_that_says_so() {
    let forward = || {
        let mut saga = Saga::start();
        let entry = saga.append(done("reserve"), Running);
        saga.script.commit(saga.orders, "orders", Outcome::Done, [executed(reserve_operation()), entry]);
        saga.back(&[])
    };
    let mut whole = forward();
    let entry = whole.append(compensated("reserve"), Compensating);
    whole.script.commit(whole.orders, "orders", Outcome::Done, [undone(reserve_operation()), entry]);
    assert_eq!(judge(TornStep::new(), &whole.end()), []);

    let mut torn = forward();
    torn.log(compensated("reserve"), Compensating);
    assert_eq!(
        sentences(&judge(TornStep::new(), &torn.end())),
        ["step `reserve` of the saga of `order-17` was logged as compensated without being undone"]
    );
}

#[test]
fn a_log_entry_that_nobody_can_read_is_caught() {
    let mut saga = Saga::start();
    let garbage = script::logged(1, &[Bytes::from_static(b"{\"dome\":1}")], Running);
    let Effect::SagaLogged { saga: id, epoch, records, status, .. } = garbage else { unreachable!("it is a log") };
    let garbage = Effect::SagaLogged { saga: id, epoch, length: 1, records, status };
    saga.script.commit(saga.orders, "orders", Outcome::Done, [garbage]);
    let found = judge(TornStep::new(), &saga.script);
    assert!(
        found[0].sentence.starts_with("an entry in the log of the saga of `order-17` can't be decoded"),
        "{found:?}"
    );
}
