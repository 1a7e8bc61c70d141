use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use crate::{
    ports::Timestamp,
    saga::{Next, Record, SagaBuilder, Shape, State, Status, Value, Wait, next, plan, state::Arrival, work},
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
    let mut state = next(State::new(shape.clone()), &Record::Started { deadline_us: None }, NOW).unwrap();
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
            work::of(|| assert_eq!(plan(&carry_out(&shape, waits), NOW), Next::Complete)) / steps
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
        work::of(|| assert!(matches!(plan(&state, NOW), Next::Run(due) if due.len() == steps))) / steps
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
    // The first two came before; the third is one, the fourth one too many.
    for (id, kept) in [("a", 1), ("b", 1), ("c", 2), ("d", 2)] {
        condensed = next(condensed, &signalled(id), NOW).unwrap();
        assert_eq!(condensed.signals.to_vec().len(), kept, "{id}");
    }
}
