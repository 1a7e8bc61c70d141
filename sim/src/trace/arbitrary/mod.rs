//! Arbitrary traces, and that each is the same after it was in a file. A kind of event or effect for which nothing is drawn
//! here does not compile.

mod values;

use std::sync::Arc;

use proptest::{
    collection::vec,
    option,
    prelude::*,
    strategy::{Union, ValueTree},
    test_runner::TestRunner,
};
use seaworthy_core::ports::Timestamp;
use smol_str::SmolStr;

use super::{Effect, Event, KeptRows, ProcessIndex, TraceFile, What, event::Ending};
use values::*;

/// One strategy for each variant of an enum. The match makes the list whole, and the patterns say that each is its own.
macro_rules! variants {
    ($kind:ident as $name:ident: $($pattern:pat => $strategy:expr,)*) => {
        fn $name() -> Vec<(fn(&$kind) -> bool, BoxedStrategy<$kind>)> {
            let _whole = |value: &$kind| match value { $($pattern => (),)* };
            vec![$((|value| matches!(value, $pattern), $strategy.boxed()),)*]
        }
    };
}

variants! { Effect as effect_kinds:
    Effect::Document { .. } => (text(), text(), any::<u64>(), option::of(bytes()))
        .prop_map(|(collection, id, version, body)| Effect::Document { collection, id, version, body }),
    Effect::Staged(_) => message().prop_map(Effect::Staged),
    Effect::Handled { .. } => (text(), message_id())
        .prop_map(|(consumer, message)| Effect::Handled { consumer, message }),
    Effect::Failed { .. } => (text(), message_id(), any::<u32>(), text())
        .prop_map(|(consumer, message, failures, error)| Effect::Failed { consumer, message, failures, error }),
    Effect::Buried { .. } => (text(), message_id(), text())
        .prop_map(|(consumer, message, reason)| Effect::Buried { consumer, message, reason }),
    Effect::Exhumed { .. } => (text(), message_id())
        .prop_map(|(consumer, message)| Effect::Exhumed { consumer, message }),
    Effect::SagaCreated { .. } => (saga(), definition(), text())
        .prop_map(|(saga, definition, key)| Effect::SagaCreated { saga, definition, key }),
    Effect::SagaLogged { .. } => (saga(), any::<u64>(), any::<u64>(), vec(bytes(), 0..3), status())
        .prop_map(|(saga, epoch, length, records, status)| Effect::SagaLogged { saga, epoch, length, records, status }),
    Effect::Operation { .. } => (operation_id(), state()).prop_map(|(id, state)| Effect::Operation { id, state }),
    Effect::Checkpoint { .. } => (text(), any::<u64>())
        .prop_map(|(consumer, position)| Effect::Checkpoint { consumer, position }),
    Effect::Observed { .. } => (text(), text(), any::<i64>())
        .prop_map(|(fact, subject, value)| Effect::Observed { fact, subject, value }),
    Effect::Dispatched(_) => message_id().prop_map(Effect::Dispatched),
    Effect::GivenUp { .. } => (message_id(), text())
        .prop_map(|(message, reason)| Effect::GivenUp { message, reason }),
    Effect::Row(_) => row_change().prop_map(Effect::Row),
    Effect::Entry { .. } => (text(), text(), any::<i64>())
        .prop_map(|(table, key, rows)| Effect::Entry { table, key, rows }),
    Effect::Amount { .. } => (text(), any::<i64>()).prop_map(|(sum, by)| Effect::Amount { sum, by }),
    Effect::Lock { .. } => (text(), text(), any::<bool>())
        .prop_map(|(table, name, held)| Effect::Lock { table, name, held }),
    Effect::Appended { .. } => (text(), any::<u64>(), any::<u64>(), message())
        .prop_map(|(stream, version, position, event)| Effect::Appended { stream, version, position, event }),
    Effect::Snapshot { .. } => (text(), any::<u64>())
        .prop_map(|(stream, version)| Effect::Snapshot { stream, version }),
}

variants! { What as what_kinds:
    What::Boot { .. } => any::<u32>().prop_map(|release| What::Boot { release }),
    What::Crash => Just(What::Crash),
    What::Panic { .. } => text().prop_map(|message| What::Panic { message }),
    What::Fault { .. } => (any::<u32>(), fault(), option::of(operation()))
        .prop_map(|(index, kind, point)| What::Fault { index, kind, point }),
    What::FaultOver { .. } => any::<u32>().prop_map(|index| What::FaultOver { index }),
    What::Healed => Just(What::Healed),
    What::Quiet => Just(What::Quiet),
    What::OutOfBudget { .. } => text().prop_map(|waiting| What::OutOfBudget { waiting }),
    What::Request { .. } => (any::<u64>(), text())
        .prop_map(|(request, operation)| What::Request { request, operation }),
    What::Reply { .. } => (any::<u64>(), any::<bool>(), outcome())
        .prop_map(|(request, accepted, outcome)| What::Reply { request, accepted, outcome }),
    What::Begin { .. } => (tx(), outcome()).prop_map(|(tx, outcome)| What::Begin { tx, outcome }),
    What::Statement { .. } => (tx(), operation(), text(), outcome())
        .prop_map(|(tx, point, on, outcome)| What::Statement { tx, point, on, outcome }),
    What::DuplicateSeen { .. } => (tx(), text(), message_id())
        .prop_map(|(tx, consumer, message)| What::DuplicateSeen { tx, consumer, message }),
    What::Commit { .. } => (tx(), text(), outcome(), effects(), effects()).prop_map(
        |(tx, store, outcome, effects, tried)| {
            What::Commit { tx, store, outcome, effects: effects.into(), tried: tried.into() }
        },
    ),
    What::Abort { .. } => (tx(), effects()).prop_map(|(tx, tried)| What::Abort { tx, tried: tried.into() }),
    What::Claim { .. } => (text(), token(), claimed(), outcome())
        .prop_map(|(store, token, rows, outcome)| What::Claim { store, token, rows, outcome }),
    What::Settle { .. } => (text(), token(), settled(), outcome())
        .prop_map(|(store, token, rows, outcome)| What::Settle { store, token, rows, outcome }),
    What::Acquire { .. } => (text(), vec((saga(), any::<u64>()), 0..3), outcome())
        .prop_map(|(store, sagas, outcome)| What::Acquire { store, sagas: sagas.into(), outcome }),
    What::StoreCall { .. } => (text(), operation(), any::<u64>(), outcome(), vec(message_id(), 0..3)).prop_map(
        |(store, operation, count, outcome, messages)| {
            let messages = messages.into_iter().collect();
            What::StoreCall { store, operation, count, outcome, messages }
        },
    ),
    What::Publish { .. } => (message(), outcome(), text())
        .prop_map(|(message, outcome, why)| What::Publish { message, outcome, why }),
    What::Subscribe { .. } => (text(), outcome()).prop_map(|(group, outcome)| What::Subscribe { group, outcome }),
    What::Deliver { .. } => (text(), any::<u64>(), message(), any::<u32>())
        .prop_map(|(group, tag, message, redeliveries)| What::Deliver { group, tag, message, redeliveries }),
    What::ReceiveFailed { .. } => (text(), outcome())
        .prop_map(|(group, outcome)| What::ReceiveFailed { group, outcome }),
    What::Ack { .. } => (text(), any::<u64>(), message_id(), outcome())
        .prop_map(|(group, tag, message, outcome)| What::Ack { group, tag, message, outcome }),
    What::Nack { .. } => (text(), any::<u64>(), message_id(), outcome())
        .prop_map(|(group, tag, message, outcome)| What::Nack { group, tag, message, outcome }),
    What::External { .. } => (text(), text(), operation_id(), text(), any::<bool>(), outcome()).prop_map(
        |(service, operation, operation_id, subject, acted, outcome)| {
            What::External { service, operation, operation_id, subject, acted, outcome }
        },
    ),
    What::Restored { .. } => (text(), any::<u64>(), vec(message_id(), 0..3), vec(saga(), 0..3)).prop_map(
        |(store, since, messages, sagas)| What::Restored {
            store,
            since,
            messages: messages.into_iter().collect(),
            sagas: sagas.into(),
        },
    ),
    What::Kept { .. } => vec((text(), table(), any::<u64>()), 0..3).prop_map(|rows| What::Kept {
        rows: rows.into_iter().map(|(store, table, rows)| KeptRows { store, table, rows }).collect(),
    }),
    What::Redrive { .. } => (any::<u64>(), any::<u64>())
        .prop_map(|(parked, after_ms)| What::Redrive { parked, after_ms }),
    What::Caught { .. } => text().prop_map(|message| What::Caught { message }),
    What::Spoils { .. } => (any::<u32>(), work()).prop_map(|(index, what)| What::Spoils { index, what }),
    What::Said { .. } => (work(), text()).prop_map(|(about, text)| What::Said { about, text }),
    What::PartEnded { .. } => (text(), text()).prop_map(|(part, why)| What::PartEnded { part, why }),
    What::Exit { .. } => text().prop_map(|reason| What::Exit { reason }),
    What::NeverReturned { .. } => (operation(), option::of(tx()), any::<u64>(), option::of(tx()), text())
        .prop_map(|(point, tx, since, behind, whom)| What::NeverReturned { point, tx, since, behind, whom }),
}

fn effects() -> impl Strategy<Value = Vec<Effect>> {
    vec(Union::new(effect_kinds().into_iter().map(|(_, strategy)| strategy)), 0..3)
}

fn event() -> impl Strategy<Value = Event> {
    let what = Union::new(what_kinds().into_iter().map(|(_, strategy)| strategy));
    (any::<u64>(), any::<u64>(), any::<u16>(), any::<u32>(), any::<u32>(), what).prop_map(
        |(number, at, process, incarnation, task, what)| Event {
            number,
            at,
            process: ProcessIndex(process),
            incarnation,
            task,
            what,
        },
    )
}

fn file(scenario: &str, seed: u64, epoch: i64, processes: &[SmolStr], events: Vec<Event>) -> TraceFile {
    TraceFile::new(scenario, seed, Timestamp::from_micros(epoch), processes, events, Ending::OutOfBudget)
}

/// Kind of a value: a test that a value is of this kind, and the strategy that draws it.
type Kind<T> = (fn(&T) -> bool, BoxedStrategy<T>);

/// Draws one value of each kind.
fn one_of_each<T: std::fmt::Debug>(kinds: Vec<Kind<T>>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let drawn = kinds.into_iter().map(|(is_its_own, strategy)| {
        let value = strategy.new_tree(&mut runner).expect("nothing is filtered").current();
        assert!(is_its_own(&value), "{value:?} is drawn for another kind");
        value
    });
    drawn.collect()
}

#[test]
fn each_kind_of_event_and_effect_is_drawn_and_stands_under_its_name() {
    let effects: Arc<[Effect]> = one_of_each(effect_kinds()).into();
    let whats = one_of_each(what_kinds());
    for what in &whats {
        let json = serde_json::to_string(what).expect("plain data");
        assert_eq!(json.split('"').nth(1), Some(what.name()));
    }
    let all = What::Abort { tx: super::TxId(1), tried: effects.iter().cloned().collect() };
    let numbered = whats.into_iter().chain([all]).zip(0..).map(|(what, number)| Event {
        number,
        at: number,
        process: ProcessIndex(0),
        incarnation: 1,
        task: 1,
        what,
    });
    let file = file("every kind", 7, 0, &["one-1".into()], numbered.collect());
    assert_eq!(TraceFile::parse(&file.print()).expect("its own"), file);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn whatever_is_printed_reads_back_as_it_was(
        scenario in text(),
        seed in any::<u64>(),
        epoch in any::<i64>(),
        processes in vec(text(), 0..4),
        events in vec(event(), 0..12),
    ) {
        let file = file(&scenario, seed, epoch, &processes, events);
        let text = file.print();
        prop_assert_eq!(text.lines().count(), file.events.len() + 1);
        let read = TraceFile::parse(&text).expect("its own");
        prop_assert!(read.is_intact(), "the fingerprint is another one");
        prop_assert_eq!(read, file);
    }
}
