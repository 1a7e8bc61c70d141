//! A write to each part of a store, and what it leaves there.

use bytes::Bytes;

use crate::{
    conformance::{
        StoreSubject,
        samples::{DEFINITION, append, claim, entry, events, letters, lone, new_saga, operation_id, received, saga_id},
    },
    ports::{
        Expected, ExpectedVersion, InboxInsert, OperationRecord, OperationState, Part, Parts, Store, StoreError,
        Transaction,
    },
};

/// Writes to every part that a store has.
pub(super) async fn write_everything(
    subject: &dyn StoreSubject,
    parts: Parts,
    tx: &mut dyn Transaction,
) -> Result<(), StoreError> {
    let lease = subject.unit() * 10;
    for part in parts.iter() {
        match part {
            Part::Documents => {
                tx.put("orders", "17", Expected::Absent, Bytes::from_static(b"pending")).await?;
            }
            Part::Outbox => tx.stage(&lone(1)).await?,
            Part::Inbox => {
                tx.inbox_insert(&entry(1)).await?;
                tx.inbox_bury(&entry(2), &received(2, "key"), "poison").await?;
            }
            Part::Sagas => {
                tx.saga_create(&new_saga(1, lease)).await?;
                tx.saga_append(&append(1, 1, 0, lease)).await?;
            }
            Part::Operations => tx.put_operation(&executed(1)).await?,
            Part::Checkpoints => tx.set_checkpoint("projection", 42).await?,
            Part::Events => {
                tx.append_events(&events("account", ExpectedVersion::NoStream, &[5])).await?;
                tx.put_stream_snapshot("account", 1, Bytes::from_static(b"open")).await?;
            }
        }
    }
    Ok(())
}

/// Returns what [`write_everything`] leaves, as [`seen`] names it.
pub(super) fn everything(parts: Parts) -> Vec<&'static str> {
    parts.iter().flat_map(traces).copied().collect()
}

fn traces(part: Part) -> &'static [&'static str] {
    match part {
        Part::Documents => &["document"],
        Part::Outbox => &["outbox row"],
        Part::Inbox => &["dead letter", "inbox row"],
        Part::Sagas => &["saga", "saga log"],
        Part::Operations => &["operation"],
        Part::Checkpoints => &["checkpoint"],
        Part::Events => &["event", "event in the log", "snapshot of a stream"],
    }
}

/// Names what a store holds of [`write_everything`], as far as it can be read: an inbox row shows to who inserts it again.
pub(super) async fn readable(subject: &dyn StoreSubject, store: &dyn Store) -> Result<Vec<&'static str>, StoreError> {
    let mut seen = Vec::new();
    for part in store.parts().iter() {
        seen.extend(read(part, subject, store).await?);
    }
    Ok(seen)
}

/// Names what a store holds of [`write_everything`]. An open transaction that has written it is waited for.
pub(super) async fn seen(subject: &dyn StoreSubject, store: &dyn Store) -> Result<Vec<&'static str>, StoreError> {
    let mut seen = Vec::new();
    for part in store.parts().iter() {
        seen.extend(read(part, subject, store).await?);
        if part == Part::Inbox && store.begin().await?.inbox_insert(&entry(1)).await? != InboxInsert::First {
            seen.push("inbox row");
        }
    }
    Ok(seen)
}

async fn read(part: Part, subject: &dyn StoreSubject, store: &dyn Store) -> Result<Vec<&'static str>, StoreError> {
    let found = match part {
        Part::Documents => vec![store.begin().await?.get("orders", "17").await?.is_some()],
        Part::Outbox => {
            let rows = store.claim(&claim(99, 9, subject.unit())).await?;
            vec![rows.iter().any(|row| row.message.id == lone(1).id)]
        }
        Part::Inbox => vec![!store.dead_letters(&letters(9)).await?.is_empty()],
        Part::Sagas => {
            let saga = store.saga_by_key(DEFINITION, "order-1").await?.is_some();
            vec![saga, !store.saga_log(saga_id(1), 0, 9).await?.is_empty()]
        }
        Part::Operations => vec![store.begin().await?.operation(operation_id(1)).await?.is_some()],
        Part::Checkpoints => vec![store.begin().await?.checkpoint("projection").await?.is_some()],
        Part::Events => {
            let log = store.read_events(0, 9).await?;
            let in_log = log.iter().any(|event| event.stream() == "account");
            let mut tx = store.begin().await?;
            let in_stream = !tx.read_stream("account", 0, 9).await?.is_empty();
            vec![in_stream, in_log, tx.stream_snapshot("account").await?.is_some()]
        }
    };
    Ok(traces(part).iter().zip(found).filter(|(_, there)| *there).map(|(trace, _)| *trace).collect())
}

/// Writes what makes [`write_stale`] stale.
pub(super) async fn prepare_stale(
    part: Part,
    subject: &dyn StoreSubject,
    tx: &mut dyn Transaction,
) -> Result<(), StoreError> {
    match part {
        Part::Documents => tx.put("orders", "18", Expected::Absent, Bytes::from_static(b"new")).await.map(drop),
        Part::Outbox => tx.stage(&lone(2)).await,
        Part::Inbox => tx.inbox_insert(&entry(3)).await.map(drop),
        Part::Sagas => tx.saga_create(&new_saga(2, subject.unit())).await.map(drop),
        Part::Operations => {
            let record = OperationRecord { id: operation_id(2), state: OperationState::Compensated };
            tx.put_operation(&record).await
        }
        Part::Checkpoints => tx.set_checkpoint("report", 9).await,
        Part::Events => tx.append_events(&events("closed", ExpectedVersion::NoStream, &[6])).await.map(drop),
    }
}

/// Writes what the store has to refuse, now or at commit.
pub(super) async fn write_stale(
    part: Part,
    subject: &dyn StoreSubject,
    tx: &mut dyn Transaction,
) -> Result<(), StoreError> {
    match part {
        Part::Documents => tx.put("orders", "18", Expected::Version(7), Bytes::new()).await.map(drop),
        Part::Outbox => tx.stage(&lone(2)).await,
        Part::Inbox => tx.inbox_bury(&entry(3), &received(3, "key"), "poison").await,
        Part::Sagas => tx.saga_append(&append(2, 1, 7, subject.unit())).await,
        Part::Operations => tx.put_operation(&executed(2)).await,
        Part::Checkpoints => tx.set_checkpoint("report", 3).await,
        Part::Events => tx.append_events(&events("closed", ExpectedVersion::Exact(7), &[7])).await.map(drop),
    }
}

fn executed(number: u128) -> OperationRecord {
    OperationRecord { id: operation_id(number), state: OperationState::Executed("done".into()) }
}
