//! Appends beside a model that is a list for each stream.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{collection::vec, prelude::*};
use seaworthy_core::{
    conformance::block_on,
    message::{Message, MessageBuilder},
    ports::{EventAppend, ExpectedVersion, Store, StoreError, Timestamp},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use uuid::Uuid;

fn expected() -> impl Strategy<Value = ExpectedVersion> {
    prop_oneof![
        Just(ExpectedVersion::Any),
        Just(ExpectedVersion::NoStream),
        (0..6_u64).prop_map(ExpectedVersion::Exact)
    ]
}

fn event(number: usize) -> Message {
    let builder = MessageBuilder::new("bank", "account.credited", format!("event-{number}"));
    builder.derive(Uuid::from_u128(1), &[&number.to_string()], Timestamp::EPOCH)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is expected, of whichever stream, committed or not: a stream is the list of what was appended as expected.
    #[test]
    fn seed_65_a_store_of_events_is_a_list_for_each_stream_that_only_grows(
        appends in vec((0..3_usize, expected(), 0..4_usize, any::<bool>()), 1..30),
    ) {
        let clock = ManualClock::new();
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone()));
        let sqlite = SqliteStore::open_in_memory(clock, SqliteConfig::simulation()).expect("memory for a database");
        for store in [memory, Arc::new(sqlite)] {
            let (mut model, mut log): (BTreeMap<String, Vec<Message>>, Vec<Message>) = Default::default();
            let mut number = 0;
            for (stream, expected, count, commits) in &appends {
                let name = format!("account-{stream}");
                let events: Vec<Message> = (0..*count).map(|place| event(number + place)).collect();
                number += count;
                let held = model.entry(name.clone()).or_default();
                let fits = match expected {
                    ExpectedVersion::Any => true,
                    ExpectedVersion::NoStream => held.is_empty(),
                    ExpectedVersion::Exact(version) => *version == held.len() as u64,
                    other => panic!("an expectation that the model does not know: {other:?}"),
                };
                let answer = block_on(async {
                    let mut tx = store.begin().await?;
                    let appended = tx.append_events(&EventAppend::new(&*name, *expected, events.clone())).await?;
                    if *commits {
                        tx.commit().await?;
                    }
                    Ok::<_, StoreError>(appended.version)
                });
                if !fits {
                    prop_assert!(matches!(answer, Err(StoreError::Conflict(_))), "{answer:?}");
                    continue;
                }
                prop_assert_eq!(answer, Ok((held.len() + count) as u64));
                if *commits {
                    held.extend(events.iter().cloned());
                    log.extend(events);
                }
            }
            for (name, held) in &model {
                let found = block_on(async { store.begin().await?.read_stream(name, 0, 999).await }).expect("a store");
                let versions: Vec<u64> = found.iter().map(|event| event.version).collect();
                prop_assert_eq!(versions, (1..=held.len() as u64).collect::<Vec<_>>());
                prop_assert!(found.iter().map(|event| event.message.id).eq(held.iter().map(|event| event.id)));
            }
            let shown = block_on(store.read_events(0, 999)).expect("a store");
            prop_assert!(shown.iter().map(|event| event.message.id).eq(log.iter().map(|event| event.id)));
        }
    }
}
