//! What can be a saga's definition, and what can't.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ports::{External, Transaction},
    saga::{
        Action, Compensation, Definition, DefinitionError, DefinitionPolicy, Migration, NothingToUndo, Phase, Registry,
        RegistryError, RetryPolicy, SagaBuilder, StepCall, StepError, StepSpec, Value,
    },
};

struct Local;
impl Action<u32> for Local {}

struct Remote;
impl Action<u32> for Remote {
    fn is_remote(&self) -> bool {
        true
    }
}

fn step(name: &str, phase: Phase) -> StepSpec<u32> {
    StepSpec {
        name: name.into(),
        phase,
        parallel: None,
        action: Arc::new(Local),
        compensation: (phase == Phase::Compensatable).then(|| Arc::new(NothingToUndo) as Arc<dyn Compensation<u32>>),
        retry: None,
        compensation_retry: None,
        deadline: None,
    }
}

fn define(steps: Vec<StepSpec<u32>>) -> Result<Definition<u32>, DefinitionError> {
    Definition::from_specs("order", 1, DefinitionPolicy::default(), steps)
}

/// The grammar, told in another way than the code under test: a state machine over the phases.
fn is_legal(phases: &[Phase]) -> bool {
    let mut rest = phases;
    while let [Phase::Compensatable, tail @ ..] = rest {
        rest = tail;
    }
    if let [Phase::Pivot, tail @ ..] = rest {
        rest = tail;
    }
    !phases.is_empty() && rest.iter().all(|phase| *phase == Phase::Retriable)
}

#[test]
fn seed_03_every_sequence_of_up_to_six_phases_is_accepted_exactly_if_it_is_legal() {
    let phases = [Phase::Compensatable, Phase::Pivot, Phase::Retriable];
    let (mut accepted, mut refused) = (0, 0);
    for length in 0..=6_u32 {
        for number in 0..3_usize.pow(length) {
            let sequence: Vec<_> = (0..length).map(|digit| phases[number / 3_usize.pow(digit) % 3]).collect();
            let steps = sequence.iter().enumerate().map(|(index, phase)| step(&format!("s{index}"), *phase));
            let defined = define(steps.collect());
            assert_eq!(defined.is_ok(), is_legal(&sequence), "{sequence:?}: {defined:?}");
            *(if defined.is_ok() { &mut accepted } else { &mut refused }) += 1;
        }
    }
    // c* p? r* has 2n + 1 words of length n > 0; there are 3^n words.
    assert_eq!(accepted, (1..=6).map(|length| 2 * length + 1).sum::<i32>());
    assert_eq!(accepted + refused, (0..=6).map(|length| 3_i32.pow(length)).sum::<i32>());
}

#[test]
fn seed_02_two_steps_of_one_name_are_refused() {
    let defined = SagaBuilder::<u32>::new("order", 1).pivot("a", Local).retriable("a", Local).build();
    assert_eq!(defined.unwrap_err(), DefinitionError::DuplicateStep("a".into()));
}

/// Does not bear to be run.
struct Untouchable;

#[async_trait]
impl Action<u32> for Untouchable {
    fn applies(&self, call: &StepCall<'_, u32>) -> bool {
        panic!("{} was asked for before any saga was started", call.step)
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        panic!("{} reached out before any saga was started", call.step)
    }

    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        panic!("{} ran before any saga was started", call.step)
    }
}

#[async_trait]
impl Compensation<u32> for Untouchable {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<(), StepError> {
        panic!("{} was undone before any saga was started", call.step)
    }
}

/// Up to five steps in an array, each beside its compensation, of which the last has none.
#[test]
fn seed_51_an_array_of_steps_is_the_definition_that_the_builder_makes_and_runs_none_of_them() {
    for undoable in 0..5 {
        let names: Vec<String> = (0..undoable).map(|number| format!("s{number}")).collect();
        let compensated =
            names.iter().map(|name| (name.as_str(), Some(Arc::new(Untouchable) as Arc<dyn Compensation<u32>>)));
        let steps = compensated.chain([("final", None)]).map(|(name, compensation)| StepSpec {
            action: Arc::new(Untouchable),
            compensation,
            ..step(name, if name == "final" { Phase::Pivot } else { Phase::Compensatable })
        });
        let listed = define(steps.collect()).expect("in order");
        let built = names.iter().fold(SagaBuilder::<u32>::new("order", 1), |builder, name| {
            builder.compensatable(name, Untouchable, Untouchable)
        });
        let built = built.pivot("final", Untouchable).build().expect("in order");
        assert_eq!((listed.reference(), listed.shape()), (built.reference(), built.shape()));
        let undone: Vec<bool> = listed.shape().steps.iter().map(|step| step.phase == Phase::Compensatable).collect();
        assert_eq!(undone, [vec![true; undoable], vec![false]].concat(), "all but the last can be undone");
    }
}

#[test]
fn a_definition_without_steps_is_refused() {
    assert_eq!(SagaBuilder::<u32>::new("order", 1).build().unwrap_err(), DefinitionError::Empty("order".into()));
}

#[test]
fn seed_02_a_compensation_is_needed_where_it_can_run_and_refused_where_it_can_not() {
    let mut without = step("a", Phase::Compensatable);
    without.compensation = None;
    assert_eq!(define(vec![without]).unwrap_err(), DefinitionError::NoCompensation("a".into()));
    let mut needless = step("a", Phase::Pivot);
    needless.compensation = Some(Arc::new(NothingToUndo));
    assert_eq!(define(vec![needless]).unwrap_err(), DefinitionError::NeedlessCompensation("a".into()));
}

#[test]
fn a_group_holds_steps_of_one_phase_and_no_pivot() {
    let group = |phases: [Phase; 2]| {
        let steps = phases.iter().enumerate().map(|(index, phase)| {
            let mut step = step(&format!("s{index}"), *phase);
            step.parallel = Some(1);
            step
        });
        define(steps.collect())
    };
    assert_eq!(group([Phase::Compensatable, Phase::Pivot]).unwrap_err(), DefinitionError::MixedGroup("s1".into()));
    assert_eq!(group([Phase::Compensatable, Phase::Retriable]).unwrap_err(), DefinitionError::MixedGroup("s1".into()));
    let shape = group([Phase::Retriable; 2]).unwrap().shape().clone();
    assert_eq!(shape.steps[0].group, shape.steps[1].group);
}

#[test]
fn a_retriable_step_has_no_deadline() {
    let defined =
        SagaBuilder::<u32>::new("order", 1).retriable("a", Local).step_deadline(Duration::from_secs(1)).build();
    assert_eq!(defined.unwrap_err(), DefinitionError::NeedlessDeadline("a".into()));
}

#[test]
fn a_setting_that_no_step_would_heed_is_refused() {
    let refused = |built: SagaBuilder<u32>| match built.compensatable("reserve", Local, NothingToUndo).build() {
        Err(DefinitionError::NeedlessSetting { setting, .. }) => setting,
        other => panic!("accepted: {:?}", other.map(|definition| definition.shape().clone())),
    };
    let new = || SagaBuilder::<u32>::new("checkout", 1);
    assert_eq!(refused(new().step_retry(RetryPolicy::default())), "step_retry");
    assert_eq!(refused(new().compensation_retry(RetryPolicy::default())), "compensation_retry");
    assert_eq!(refused(new().step_deadline(Duration::from_secs(1))), "step_deadline");
    assert_eq!(refused(new().parallel(|group| group).step_deadline(Duration::from_secs(1))), "step_deadline");

    let behind_a_pivot = new().pivot("confirm", Local).compensation_retry(RetryPolicy::default()).build();
    let error = behind_a_pivot.map(|_| ()).expect_err("a pivot has no compensation");
    assert_eq!(
        error.to_string(),
        "`compensation_retry` configures the preceding step, but it has no compensation: call it right after the step that it configures"
    );
    let fitting = new().compensatable("reserve", Local, NothingToUndo).compensation_retry(RetryPolicy::default());
    assert!(fitting.step_retry(RetryPolicy::default()).build().is_ok());
}

#[test]
fn a_name_that_could_be_taken_for_a_nested_step_is_refused() {
    let defined = SagaBuilder::<u32>::new("order", 1).pivot("a/b", Local).build();
    assert!(matches!(defined.unwrap_err(), DefinitionError::Name(_)));
    let defined = SagaBuilder::<u32>::new("order", 1).pivot("", Local).build();
    assert!(matches!(defined.unwrap_err(), DefinitionError::Name(_)));
}

#[test]
fn the_structure_hash_follows_structure_and_nothing_else() {
    let base = || SagaBuilder::<u32>::new("order", 1).compensatable("a", Local, NothingToUndo);
    let hash = |builder: SagaBuilder<u32>| builder.build().unwrap().reference().hash;
    // Stored with every saga: it must never change for the same structure, so the number itself is held here.
    assert_eq!(hash(base()), 0xea22_459a_5df1_add6_u64, "{:#x}", hash(base()));
    assert_eq!(
        hash(base()),
        hash(base().deadline(Duration::from_secs(1)).retry(RetryPolicy::default().attempts_max(Some(3))))
    );
    let renamed = SagaBuilder::<u32>::new("order", 1).compensatable("b", Local, NothingToUndo);
    assert_ne!(hash(base()), hash(renamed));
    let remote = SagaBuilder::<u32>::new("order", 1).compensatable("a", Remote, NothingToUndo);
    assert_ne!(hash(base()), hash(remote));
    let after = base().compensatable("b", Local, NothingToUndo);
    let beside = SagaBuilder::<u32>::new("order", 1)
        .parallel(|group| group.compensatable("a", Local, NothingToUndo).compensatable("b", Local, NothingToUndo));
    assert_ne!(hash(after), hash(beside));
}

#[test]
fn a_nested_saga_takes_the_phase_of_its_own_pivot() {
    let card = || {
        SagaBuilder::<u32>::new("card", 1)
            .compensatable("authorize", Remote, NothingToUndo)
            .pivot("capture", Remote)
            .retriable("receipt", Local)
            .build()
            .unwrap()
    };
    let order = SagaBuilder::<u32>::new("order", 1)
        .compensatable("reserve", Local, NothingToUndo)
        .nested_pivot("card", &card(), |data| data)
        .retriable("ship", Local)
        .build()
        .unwrap();
    let phases: Vec<_> = order.shape().steps.iter().map(|step| (step.path.as_str(), step.phase)).collect();
    assert_eq!(
        phases,
        [
            ("reserve", Phase::Compensatable),
            ("card/authorize", Phase::Compensatable),
            ("card/capture", Phase::Pivot),
            ("card/receipt", Phase::Retriable),
            ("ship", Phase::Retriable),
        ]
    );
    let refused = SagaBuilder::<u32>::new("order", 1).nested("card", &card(), |data| data).build();
    assert!(matches!(refused.unwrap_err(), DefinitionError::Nested { .. }));
    let refused = SagaBuilder::<u32>::new("order", 1).pivot("p", Local).nested("card", &card(), |data| data).build();
    assert!(matches!(refused.unwrap_err(), DefinitionError::Nested { .. }));
}

#[test]
fn a_nested_saga_keeps_the_policies_of_its_steps_and_can_not_keep_a_deadline_of_its_own() {
    let every = |seconds| RetryPolicy::default().base(Duration::from_secs(seconds));
    let card = || {
        SagaBuilder::<u32>::new("card", 1)
            .retry(every(3))
            .compensatable("authorize", Remote, NothingToUndo)
            .step_retry(every(1))
            .compensation_retry(every(2))
            .step_deadline(Duration::from_secs(9))
            .pivot("capture", Remote)
    };
    let order = SagaBuilder::<u32>::new("order", 1)
        .retry(every(4))
        .compensatable("reserve", Local, NothingToUndo)
        .nested_pivot("card", &card().build().unwrap(), |data| data)
        .build()
        .unwrap();
    let policy = |path: &str| {
        let step = &order.shape().steps[order.shape().index_of(path).unwrap()];
        (step.retry, step.compensation_retry, step.deadline)
    };
    assert_eq!(policy("card/authorize"), (every(1), every(2), Some(Duration::from_secs(9))));
    assert_eq!((policy("card/capture").0, policy("card/capture").2), (every(3), None));
    assert_eq!(policy("reserve").0, every(4));

    let hasty = card().deadline(Duration::from_secs(60)).build().unwrap();
    let refused = SagaBuilder::<u32>::new("order", 1).nested_pivot("card", &hasty, |data| data).build();
    let refused = refused.unwrap_err();
    assert!(matches!(refused, DefinitionError::Nested { .. }) && refused.to_string().contains("deadline"), "{refused}");
}

#[test]
fn a_nested_saga_that_is_undone_as_a_whole_is_compensatable() {
    let parcel = SagaBuilder::<u32>::new("parcel", 1)
        .parallel(|group| {
            group.compensatable("label", Local, NothingToUndo).compensatable("slip", Local, NothingToUndo)
        })
        .retriable("hand_over", Local)
        .build()
        .unwrap();
    let order = SagaBuilder::<u32>::new("order", 1)
        .nested_undone_by("parcel", &parcel, |data| data, NothingToUndo)
        .parallel(|group| group.compensatable("x", Local, NothingToUndo).compensatable("y", Local, NothingToUndo))
        .pivot("confirm", Local)
        .build()
        .unwrap();
    let steps: Vec<_> = order.shape().steps.iter().map(|step| (step.path.as_str(), step.group)).collect();
    assert_eq!(
        steps,
        [
            ("parcel", 0),
            ("parcel/label", 1),
            ("parcel/slip", 1),
            ("parcel/hand_over", 2),
            ("x", 3),
            ("y", 3),
            ("confirm", 4)
        ]
    );
    assert!(order.shape().steps[..6].iter().all(|step| step.phase == Phase::Compensatable));
}

/// Two of one kind, one after the other, each with steps side by side: none gets into the group of another.
#[test]
fn groups_of_nested_sagas_stay_apart() {
    let pair = |name: &str| {
        SagaBuilder::<u32>::new(name, 1)
            .parallel(|group| group.compensatable("a", Local, NothingToUndo).compensatable("b", Local, NothingToUndo))
            .compensatable("c", Local, NothingToUndo)
            .build()
            .unwrap()
    };
    let ends = SagaBuilder::<u32>::new("ends", 1)
        .retriable("first", Local)
        .parallel(|group| group.retriable("a", Local).retriable("b", Local))
        .build()
        .unwrap();
    let order = SagaBuilder::<u32>::new("order", 1)
        .parallel(|group| group.compensatable("x", Local, NothingToUndo).compensatable("y", Local, NothingToUndo))
        .nested("one", &pair("one"), |data| data)
        .nested("two", &pair("two"), |data| data)
        .pivot("confirm", Local)
        .nested("ends", &ends, |data| data)
        .retriable("last", Local)
        .build()
        .unwrap();
    let groups: Vec<_> = order.shape().steps.iter().map(|step| step.group).collect();
    assert_eq!(groups, [0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8]);
    // However many there are inside, and whatever stands beside them.
    type Before = SagaBuilder<u32>;
    let add_pair = |saga: Before, name: &str| {
        let (a, b) = (format!("{name}a"), format!("{name}b"));
        saga.parallel(|group| group.compensatable(&a, Local, NothingToUndo).compensatable(&b, Local, NothingToUndo))
    };
    let row = |saga: Before, name: &str, count: usize| {
        (0..count).fold(saga, |saga, number| add_pair(saga, &format!("{name}{number}")))
    };
    for (before, inside) in [(0, 2), (1, 4), (2, 3), (3, 3)] {
        let rows = row(SagaBuilder::new("rows", 1), "", inside).build().unwrap();
        let order = row(SagaBuilder::new("order", 1), "x", before).nested("rows", &rows, |data| data);
        let order = row(order, "y", 2).build().unwrap();
        let groups: Vec<_> = order.shape().steps.iter().map(|step| step.group as usize).collect();
        let expected: Vec<_> = (0..before + inside + 2).flat_map(|group| [group, group]).collect();
        assert_eq!(groups, expected, "{inside} groups behind {before}");
    }
    // What can't be undone may not stand before the pivot, and what must be undone not behind it.
    let before = SagaBuilder::<u32>::new("order", 1).nested("ends", &ends, |data| data).pivot("p", Local).build();
    assert!(matches!(before, Err(DefinitionError::Nested { .. })), "{before:?}");
    let behind = SagaBuilder::<u32>::new("order", 1).pivot("p", Local).nested("one", &pair("one"), |data| data);
    assert!(matches!(behind.build(), Err(DefinitionError::Nested { .. })));
    for name in ["", "a/b"] {
        let named = SagaBuilder::<u32>::new("order", 1).nested(name, &pair("one"), |data| data).build();
        assert!(matches!(named, Err(DefinitionError::Name(_))), "{name}: {named:?}");
    }
}

#[test]
fn a_registry_refuses_what_would_be_ambiguous() {
    let order = |version, name: &str| SagaBuilder::<u32>::new("order", version).pivot(name, Local).build().unwrap();
    let mut registry = Registry::new();
    registry.register(order(2, "b")).unwrap();
    assert_eq!(registry.register(order(2, "b")).unwrap_err(), RegistryError::Duplicate("order".into(), 2));
    let refused = |registry: &mut Registry, migration| registry.migration(migration).map(drop).unwrap_err();
    assert_eq!(refused(&mut registry, Migration::new("order", 1, 3)), RegistryError::NoTarget("order".into(), 3));
    assert_eq!(refused(&mut registry, Migration::new("order", 2, 2)), RegistryError::Needless("order".into(), 2));
    for (from, to) in [("a", "c"), ("b", "b")] {
        let migration = Migration::new("order", 1, 2).rename(from, to);
        assert!(matches!(refused(&mut registry, migration), RegistryError::Rename { .. }));
    }
    registry.migration(Migration::new("order", 1, 2).rename("a", "b")).unwrap();
    assert_eq!(registry.register(order(1, "a")).unwrap_err(), RegistryError::Needless("order".into(), 1));
}
