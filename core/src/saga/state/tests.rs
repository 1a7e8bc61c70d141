use std::{sync::Arc, time::Duration};

use smol_str::{SmolStr, format_smolstr};

use crate::{
    ports::Timestamp,
    saga::{
        Action, ActionState, CompensatableGroup, CompensationCause, Next, NothingToUndo, Record, RetryPolicy,
        SagaBuilder, Shape, Signal, State, Status, StepState, Value, Wait, Waiting, next, next_move, state::Arrival,
        work,
    },
};

const NOW: Timestamp = Timestamp::from_millis(1_000);

/// Signals for which the steps of a group wait.
#[derive(Clone, Copy, PartialEq)]
enum Waits {
    OneName,
    OwnNames,
    OwnKeys,
}

impl Waits {
    fn name(self, step: usize) -> SmolStr {
        if self == Self::OwnNames { format_smolstr!("paid-{step}") } else { "paid".into() }
    }

    fn key(self, step: usize) -> Option<SmolStr> {
        (self == Self::OwnKeys).then(|| format_smolstr!("invoice-{step}"))
    }

    /// A group of so many steps that wait.
    fn shape(self, steps: usize) -> Arc<Shape> {
        let wait = |step: usize| {
            let wait = Wait::signal(&self.name(step));
            if self == Self::OwnKeys { wait.keyed(move |_| self.key(step)) } else { wait }
        };
        let definition = SagaBuilder::<()>::new("wide", 1)
            .parallel(|group| (0..steps).fold(group, |group, step| group.wait(&format!("step-{step}"), wait(step))));
        definition.build().unwrap().shape().clone()
    }
}

/// Does what an executor does where all signals come first: each is kept, each step comes to its wait, and each receives what
/// is its own. After each entry it asks what follows.
fn carry_out(shape: &Arc<Shape>, waits: Waits) -> State {
    let mut state =
        next(State::new(shape.clone()), &Record::Started { deadline_us: None, traceparent: None }, NOW).unwrap();
    let mut write = |record: &dyn Fn(usize, &State) -> Record| {
        for index in shape.group_of(0) {
            let was = state.clone();
            state = next(state.clone(), &record(index, &was), NOW).unwrap();
            assert!(!state.concerns_siblings(&was));
            let _ = state.has_work();
        }
    };
    let path = |index: usize| shape.steps[index].path.clone();
    write(&|index, _| Record::Signalled {
        name: waits.name(index),
        id: format_smolstr!("id-{index}"),
        key: waits.key(index),
        payload: Value::NULL,
    });
    write(&|index, _| Record::Waiting {
        step: path(index),
        signal: Some(waits.name(index)),
        limit_us: None,
        until: None,
        key: waits.key(index),
    });
    write(&|index, state| {
        let Some(Arrival::Signal(signal)) = state.arrival(index, NOW) else { panic!("nothing for step {index}") };
        assert_eq!(signal.id, format_smolstr!("id-{index}"), "in their order, or by their names and keys");
        Record::Received { step: path(index), signal: signal.id.clone(), output: Value::NULL }
    });
    state
}

#[test]
fn a_signal_of_many_costs_little_more_than_one_of_few() {
    for waits in [Waits::OneName, Waits::OwnNames, Waits::OwnKeys] {
        let cost = |steps: usize| {
            let shape = waits.shape(steps);
            work::of(|| assert_eq!(next_move(&carry_out(&shape, waits), NOW), Next::Complete)) / steps
        };
        let (few, many) = (cost(100), cost(10_000));
        // The trees are twice as deep: with a look at each signal or step it would be a hundred times as much.
        assert!(many < 3 * few, "a signal of 100 costs {few} looks and copies, one of 10,000 {many}");
    }
}

#[test]
fn a_plan_looks_at_each_step_of_a_group_and_not_at_each_signal_for_each_step() {
    let cost = |steps: usize| {
        let shape = Waits::OwnKeys.shape(steps);
        let mut state = State::new(shape.clone());
        state.status = Status::Running;
        for step in 0..steps {
            let (name, id) = (SmolStr::new("paid"), format_smolstr!("id-{step}"));
            let key = Waits::OwnKeys.key(step);
            state = next(state, &Record::Signalled { name, id, key, payload: Value::NULL }, NOW).unwrap();
        }
        work::of(|| assert!(matches!(next_move(&state, NOW), Next::Run(due) if due.len() == steps))) / steps
    };
    let (few, many) = (cost(100), cost(10_000));
    assert!(many < 3 * few, "a step of 100 costs {few} looks, one of 10,000 {many}");
}

/// A summary stands for the log also for signals that are still to come.
#[test]
fn a_summary_knows_the_signals_that_were_received_and_those_that_are_kept() {
    let waits = Waits::OneName;
    let shape = waits.shape(3);
    let signalled = |id: &str| {
        let (name, id) = ("paid".into(), id.into());
        Record::Signalled { name, id, key: None, payload: Value::NULL }
    };
    let received = Record::Received { step: "step-1".into(), signal: "b".into(), output: Value::NULL };
    let mut state = State::new(shape.clone());
    state.status = Status::Running;
    for record in [signalled("a"), signalled("b"), signalled("a"), received] {
        state = next(state, &record, NOW).unwrap();
    }
    let summary = Box::new(state.summary(&Default::default()));
    let mut condensed = next(State::new(shape), &Record::Condensed { summary }, NOW).unwrap();
    assert_eq!(condensed, state);
    let heard = next(state.clone(), &signalled("e"), NOW).unwrap();
    assert_ne!(heard, state, "states that differ in their signals alone");
    // The first two came before; the third is one, the fourth one too many.
    for (id, kept) in [("a", 1), ("b", 1), ("c", 2), ("d", 2)] {
        condensed = next(condensed, &signalled(id), NOW).unwrap();
        assert_eq!(condensed.signals.to_vec().len(), kept, "{id}");
    }
}

struct Remote;
impl Action<()> for Remote {
    fn is_remote(&self) -> bool {
        true
    }
}

const LATER: Timestamp = Timestamp::from_millis(9_000);

/// Two steps side by side, the second of which is to be done within twenty seconds.
fn pair() -> Arc<Shape> {
    let two = |group: CompensatableGroup<()>| {
        group.compensatable("a", Remote, NothingToUndo).compensatable("b", Remote, NothingToUndo)
    };
    let mut shape = Shape::clone(SagaBuilder::new("pair", 1).parallel(two).build().unwrap().shape());
    shape.steps[1].deadline = Some(Duration::from_secs(20));
    Arc::new(shape)
}

fn started(shape: Arc<Shape>, deadline: Option<Duration>) -> State {
    let deadline_us = deadline.map(|deadline| deadline.as_micros() as u64);
    next(State::new(shape), &Record::Started { deadline_us, traceparent: None }, NOW).unwrap()
}

fn attempting(step: &str) -> Record {
    Record::Attempting { step: step.into(), attempt: 1 }
}

/// Each looks whether it goes on as soon as that may have changed, and at no other entry of those beside it.
#[test]
fn those_under_way_hear_of_a_turn_of_an_earlier_deadline_and_of_nothing_else() {
    let after = |state: &State, record: &Record| {
        let after = next(state.clone(), record, NOW).unwrap();
        (after.concerns_siblings(state), after)
    };
    let minute = Some(Duration::from_secs(60));
    for (deadline, shape) in [(None, pair()), (minute, pair())] {
        let (hears, state) = after(&started(shape, deadline), &attempting("a"));
        assert!(!hears, "the saga turns when it would have turned, or never");
        let (hears, state) = after(&state, &attempting("b"));
        assert!(hears, "it turns earlier, after twenty seconds");
        let done = Record::Done { step: "b".into(), output: Value::NULL };
        let (hears, _) = after(&state, &done);
        assert!(!hears, "it turns later, or never");
        let rejected = Record::Rejected { step: "b".into(), reason: "no".into(), maybe_executed: false };
        let (hears, turning) = after(&state, &rejected);
        assert!(hears, "it is about to turn");
        let begun = Record::CompensationBegun { cause: CompensationCause::Rejected };
        assert!(after(&turning, &begun).0, "it has turned");
        assert!(after(&state, &Record::Stuck { reason: "nobody can say".into() }).0, "an operator has to look at it");
    }
}

/// A group of a step that is given up, and of one in this state beside it.
fn beside_one_given_up(edit: impl FnOnce(&mut StepState), waits: bool) -> State {
    let once = RetryPolicy::default().crashes_max(1);
    let builder = SagaBuilder::new("pair", 1).retry(once);
    let builder = match waits {
        true => builder.parallel(|group| {
            group.compensatable("a", Remote, NothingToUndo).compensatable("b", Wait::signal("visa"), NothingToUndo)
        }),
        false => builder.parallel(|group| {
            group.compensatable("a", Remote, NothingToUndo).compensatable("b", Remote, NothingToUndo)
        }),
    };
    let mut state = started(builder.build().unwrap().shape().clone(), None);
    state.edit(0).forward.lost = 1;
    edit(&mut state.edit(1));
    state
}

/// While anything is left to be tried, what was given up waits with it; once nothing is, it follows at once.
#[test]
fn a_saga_has_work_while_a_step_of_its_group_may_still_be_tried() {
    let waiting = |until| Some(Waiting { until, is_asked_for: false });
    let cases: [(&str, State, bool); 5] = [
        ("one that is due", beside_one_given_up(|_| (), false), true),
        ("one that backs off", beside_one_given_up(|step| step.forward.not_before = Some(LATER), false), true),
        (
            "one that is never due",
            beside_one_given_up(|step| step.forward.not_before = Some(Timestamp::MAX), false),
            false,
        ),
        ("one that has yet to begin its wait", beside_one_given_up(|_| (), true), true),
        ("one that waits for ever", beside_one_given_up(|step| step.waiting = waiting(None), true), false),
    ];
    for (case, state, has_work) in cases {
        assert_eq!(state.has_work(), has_work, "{case}");
        assert_eq!(matches!(next_move(&state, NOW), Next::GiveUp(_)), !has_work, "{case}");
    }
}

/// As many as there are steps that may want them: the rest is nobody's, and would make the log grow.
#[test]
fn no_more_signals_are_kept_than_steps_wait_for() {
    let shape =
        SagaBuilder::new("visas", 1).wait("one", Wait::<(), _>::signal("visa")).wait("two", Wait::signal("visa"));
    let mut state = started(shape.compensatable("last", Remote, NothingToUndo).build().unwrap().shape().clone(), None);
    for id in ["1", "1", "2", "3"] {
        state.keep(&Signal::new("visa", id));
    }
    let kept: Vec<_> = state.signals.to_vec().into_iter().map(|signal| signal.id).collect();
    assert_eq!(kept, ["1", "2"]);
    state.keep(&Signal::new("other", "4"));
    assert_eq!(state.signals.to_vec().len(), 2, "nobody waits for it");
}

/// A message may come by a key although no version waits for it by one: whoever waits for its name takes it.
#[test]
fn a_signal_by_a_key_is_for_any_step_where_none_has_keys() {
    let shape = Waits::OneName.shape(1);
    let mut state = started(shape, None);
    state.keep(&Signal { key: Some("invoice-7".into()), ..Signal::new("paid", "1") });
    assert!(matches!(state.arrival(0, NOW), Some(Arrival::Signal(signal)) if signal.id == "1"));
}

/// As its entry says: by a limit of its own, at a moment that was asked for, or never.
#[test]
fn the_end_of_a_wait_is_one_that_was_asked_for_only_where_no_limit_gives_it() {
    let later = Some(LATER);
    let second = Timestamp::from_millis(2_000);
    for (limit_us, until, expected) in [
        (None, None, (None, false)),
        (None, later, (later, true)),
        (Some(1_000_000), None, (Some(second), false)),
        (Some(1_000_000), later, (Some(second), false)),
    ] {
        let (step, signal) = ("step-0".into(), Some("paid".into()));
        let waiting = Record::Waiting { step, signal, limit_us, until, key: None };
        let state = next(started(Waits::OneName.shape(1), None), &waiting, NOW).unwrap();
        let Some(Waiting { until, is_asked_for }) = state.steps[0].waiting else { panic!("it waits") };
        assert_eq!((until, is_asked_for), expected);
    }
}

/// Their number is that of the signals that are to come no more.
#[test]
fn waits_that_are_settled_are_counted_once_and_no_more_once_they_are_open_again() {
    let mut state = started(Waits::OneName.shape(2), None);
    let settled = |state: &State| state.steps.settled(&"paid".into());
    for _ in 0..2 {
        state.edit(0).action = ActionState::Done;
        assert_eq!(settled(&state), 1);
    }
    state.edit(0).error = Some("looked at once more".into());
    state.edit(1).error = Some("looked at".into());
    assert_eq!(settled(&state), 1);
    state.edit(0).action = ActionState::Pending;
    assert_eq!(settled(&state), 0);
}

/// A step that is undone may have happened; a pivot that has is not rejected.
#[test]
fn a_rejection_may_leave_doubt_only_where_the_step_can_be_undone() {
    let builder = SagaBuilder::new("pair", 1).compensatable("a", Remote, NothingToUndo).pivot("b", Remote);
    let shape = builder.build().unwrap().shape().clone();
    let rejected = |step: &str, maybe_executed| {
        let record = Record::Rejected { step: step.into(), reason: "no".into(), maybe_executed };
        let mut state = started(shape.clone(), None);
        state.edit(0).action = if step == "b" { ActionState::Done } else { ActionState::Pending };
        next(state, &record, NOW).is_ok()
    };
    assert_eq!([rejected("a", true), rejected("a", false), rejected("b", false)], [true; 3]);
    assert!(!rejected("b", true));
}

/// Skipped is only what was never attempted.
#[test]
fn a_step_that_was_attempted_is_not_skipped() {
    let skipped = Record::Skipped { step: "a".into() };
    let fresh = started(pair(), None);
    assert!(next(fresh.clone(), &skipped, NOW).is_ok());
    assert!(next(next(fresh, &attempting("a"), NOW).unwrap(), &skipped, NOW).is_err());
}

/// That of a request is the saga's however long its log was; that of a message stands with the message.
#[test]
fn a_summary_keeps_the_trace_of_the_request_or_the_message() {
    let shape = pair();
    let trace = Some(SmolStr::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    let request =
        next(State::new(shape.clone()), &Record::Started { deadline_us: None, traceparent: trace.clone() }, NOW);
    let message = crate::ids::MessageId(uuid::Uuid::from_u128(7));
    let caused = next(started(shape.clone(), None), &Record::Caused { message, traceparent: trace.clone() }, NOW);
    for state in [request.unwrap(), caused.unwrap()] {
        assert_eq!(state.traceparent(), trace.as_ref());
        let summary = Box::new(state.summary(&Default::default()));
        assert_eq!(summary.traceparent.is_some(), state.origin().is_none());
        let condensed = next(State::new(shape.clone()), &Record::Condensed { summary }, NOW).unwrap();
        assert_eq!((condensed.traceparent(), condensed.origin()), (trace.as_ref(), state.origin()));
    }
}
