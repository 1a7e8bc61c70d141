//! Streams of events: appended as expected or not at all, never changed, and read as one log without a gap.

use bytes::Bytes;

use super::steps::{SINGLE_WRITER, message_ids};
use crate::{
    conformance::{
        BrokenPromise, CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_conflict, expect_eq},
        poll::{persist, race, settled, step},
        samples::{self, message},
    },
    ids::MessageId,
    message::Message,
    ports::{Appended, EventAppend, ExpectedVersion, RecordedEvent, Store, StoreError, StreamSnapshot},
};

const STREAM: &str = "account-17";

/// Events by their numbers, made for another key than their stream's.
fn events(numbers: &[u64]) -> Vec<Message> {
    numbers.iter().map(|number| message(*number, "elsewhere")).collect()
}

async fn append(
    store: &dyn Store,
    stream: &str,
    expected: ExpectedVersion,
    numbers: &[u64],
) -> Result<Appended, StoreError> {
    let mut tx = store.begin().await?;
    let appended = tx.append_events(&samples::events(stream, expected, numbers)).await?;
    tx.commit().await?;
    Ok(appended)
}

async fn stream(store: &dyn Store, stream: &str) -> Result<Vec<RecordedEvent>, StoreError> {
    store.begin().await?.read_stream(stream, 0, 99).await
}

fn ids(events: &[RecordedEvent]) -> Vec<MessageId> {
    events.iter().map(|event| event.message.id).collect()
}

fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

/// With its stream for a key and its place in it, and otherwise as it came.
pub async fn an_event_is_recorded_as_it_was_appended(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let first = append(&*store, STREAM, ExpectedVersion::NoStream, &[1, 2]).await?;
    let other = append(&*store, "account-18", ExpectedVersion::Any, &[3]).await?;
    let recorded = stream(&*store, STREAM).await?;
    let promise = "an event is recorded as it was appended";
    for (event, (before, position)) in recorded.iter().zip(events(&[1, 2]).into_iter().zip(&first.positions)) {
        let epoch = event.message.epoch;
        expect(promise, epoch > 0, || "an event without the epoch of its store".into())?;
        let expected = Message { partition_key: STREAM.into(), sequence: *position, epoch, gap: 0, ..before };
        expect_eq(promise, event.message.clone(), expected)?;
    }
    expect_eq("versions of a stream count from one", (versions(&recorded), first.version), (vec![1, 2], 2))?;
    expect_eq("each stream has versions of its own", other.version, 1)?;
    let log = store.read_events(0, 99).await?;
    let positions: Vec<_> = first.positions.iter().chain(&other.positions).copied().collect();
    let promise = "the log shows each event at the position that its append has answered";
    expect_eq(promise, log.iter().map(RecordedEvent::position).collect(), positions)?;
    expect_eq("the log and the stream show the same event", log[..2].to_vec(), recorded)?;
    Ok(CheckVerdict::Held)
}

/// Events that were decided on an older state of the stream are not appended.
pub async fn an_append_that_expects_another_version_conflicts(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let promise = "an append that expects another version is a conflict";
    for wrong in [ExpectedVersion::Exact(1), ExpectedVersion::Exact(7)] {
        expect_conflict(promise, append(&*store, STREAM, wrong, &[1]).await)?;
    }
    append(&*store, STREAM, ExpectedVersion::Exact(0), &[1]).await?;
    append(&*store, STREAM, ExpectedVersion::Exact(1), &[2]).await?;
    for wrong in [ExpectedVersion::NoStream, ExpectedVersion::Exact(1), ExpectedVersion::Exact(3)] {
        expect_conflict(promise, append(&*store, STREAM, wrong, &[3]).await)?;
        expect_conflict(promise, append(&*store, STREAM, wrong, &[]).await)?;
    }
    let nothing = append(&*store, STREAM, ExpectedVersion::Exact(2), &[]).await?;
    expect_eq("an append of nothing answers the version", nothing, Appended { version: 2, positions: Vec::new() })?;
    let appended = append(&*store, STREAM, ExpectedVersion::Any, &[4]).await?;
    expect_eq("an append that expects nothing goes to the end", appended.version, 3)?;
    let expected = message_ids(&events(&[1, 2, 4]));
    expect_eq("an append that conflicts leaves nothing", ids(&stream(&*store, STREAM).await?), expected)?;
    Ok(CheckVerdict::Held)
}

/// Neither by its id nor by its place is an event written over.
pub async fn an_event_that_was_appended_never_changes(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    append(&*store, STREAM, ExpectedVersion::NoStream, &[1, 2]).await?;
    let before = store.read_events(0, 99).await?;
    let promise = "an event of an id is appended once, to one stream";
    for elsewhere in [STREAM, "account-18"] {
        let mut tx = store.begin().await?;
        let changed = Message { data: Bytes::from_static(b"{\"order\":\"forged\"}"), ..message(1, "elsewhere") };
        let again = EventAppend::new(elsewhere, ExpectedVersion::Any, vec![changed]);
        let answer = match tx.append_events(&again).await {
            Ok(_) => tx.commit().await,
            Err(error) => Err(error),
        };
        expect_conflict(promise, answer)?;
    }
    let mut tx = store.begin().await?;
    tx.append_events(&EventAppend::new(STREAM, ExpectedVersion::Any, events(&[3]))).await?;
    let again = tx.append_events(&EventAppend::new("account-18", ExpectedVersion::Any, events(&[3]))).await;
    expect_conflict("an event is appended once, in one transaction too", again)?;
    drop(tx);
    expect_eq("an event that was appended never changes", store.read_events(0, 99).await?, before)?;
    Ok(CheckVerdict::Held)
}

/// Also where appends were rolled back, and within one transaction.
pub async fn a_stream_has_versions_without_a_gap(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    append(&*store, STREAM, ExpectedVersion::NoStream, &[1]).await?;
    let mut undone = store.begin().await?;
    undone.append_events(&EventAppend::new(STREAM, ExpectedVersion::Exact(1), events(&[2, 3]))).await?;
    drop(undone);
    let mut tx = store.begin().await?;
    for (expected, numbers) in [(1, [4, 5]), (3, [6, 7])] {
        tx.append_events(&EventAppend::new(STREAM, ExpectedVersion::Exact(expected), events(&numbers))).await?;
    }
    let promise = "a transaction sees what it has appended";
    expect_eq(promise, versions(&tx.read_stream(STREAM, 0, 99).await?), vec![1, 2, 3, 4, 5])?;
    expect_eq(promise, versions(&tx.read_stream(STREAM, 1, 3).await?), vec![2, 3, 4])?;
    tx.commit().await?;
    let all = stream(&*store, STREAM).await?;
    expect_eq("a stream has versions without a gap", versions(&all), vec![1, 2, 3, 4, 5])?;
    expect_eq("a stream has its events in order", ids(&all), message_ids(&events(&[1, 4, 5, 6, 7])))?;
    let mut tx = store.begin().await?;
    let page = async |tx: &mut dyn crate::ports::Transaction, after, limit| tx.read_stream(STREAM, after, limit).await;
    let promise = "a stream is read from a version on, and no further than its limit";
    expect_eq(promise, versions(&page(&mut *tx, 2, 2).await?), vec![3, 4])?;
    expect_eq(promise, versions(&page(&mut *tx, 5, 2).await?), Vec::new())?;
    expect_eq("a stream that was never appended to is empty", tx.read_stream("none", 0, 9).await?, Vec::new())?;
    Ok(CheckVerdict::Held)
}

/// Eight writers that decide by what they read: each decision is one event, and none is lost or overwritten.
pub async fn racing_appends_leave_no_gap_in_a_stream(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let done = race(8, async |writer| {
        for round in 0..3 {
            let number = writer as u64 * 10 + round;
            let appended = persist(async || {
                let mut tx = store.begin().await?;
                let version = tx.read_stream(STREAM, 0, 99).await?.len() as u64;
                step().await;
                let decided = EventAppend::new(STREAM, ExpectedVersion::Exact(version), events(&[number]));
                let appended = tx.append_events(&decided).await?;
                step().await;
                tx.commit().await?;
                Ok(appended.version == version + 1)
            });
            if !appended.await? {
                return Err(StoreError::Refused("an event has another version than the next".into()));
            }
        }
        Ok::<(), StoreError>(())
    });
    for done in done.await {
        done?;
    }
    let all = stream(&*store, STREAM).await?;
    expect_eq("racing appends leave no gap in a stream", versions(&all), (1..=24).collect())?;
    Ok(CheckVerdict::Held)
}

/// Of two that decided on the same version one conflicts, whichever way the store finds out.
pub async fn of_two_overlapping_appends_that_expect_one_version_one_conflicts(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    append(&*store, STREAM, ExpectedVersion::NoStream, &[1]).await?;
    let mut first = store.begin().await?;
    let mut second = store.begin().await?;
    first.append_events(&EventAppend::new(STREAM, ExpectedVersion::Exact(1), events(&[2]))).await?;
    let late = EventAppend::new(STREAM, ExpectedVersion::Exact(1), events(&[3]));
    let mut appending = Box::pin(async {
        second.append_events(&late).await?;
        Ok::<_, StoreError>(second)
    });
    let early = settled(&mut appending).await;
    first.commit().await?;
    let overtaken = match match early {
        Some(answer) => answer,
        None => appending.await,
    } {
        Ok(second) => second.commit().await,
        Err(error) => Err(error),
    };
    expect_conflict("of two overlapping appends that expect one version one is a conflict", overtaken)?;
    expect_eq("the first append stands", versions(&stream(&*store, STREAM).await?), vec![1, 2])?;
    Ok(CheckVerdict::Held)
}

/// Reads on from where it was, as a reader does that keeps nothing but a position.
async fn read_on(store: &dyn Store, seen: &mut Vec<RecordedEvent>) -> Result<(), BrokenPromise> {
    let at = seen.last().map_or(0, RecordedEvent::position);
    let page = store.read_events(at, 99).await?;
    let positions: Vec<u64> = page.iter().map(RecordedEvent::position).collect();
    let rises = positions.iter().zip(positions.iter().skip(1)).all(|(one, next)| one < next);
    let is_behind = positions.first().is_none_or(|first| *first > at);
    expect("the log is read in the order of positions, on from one", rises && is_behind, || format!("{positions:?}"))?;
    seen.extend(page);
    Ok(())
}

/// Two transactions that commit in another order than they appended in, and one that is rolled back.
pub async fn the_log_shows_no_event_whose_predecessors_may_still_commit(subject: &dyn StoreSubject) -> Outcome {
    if !subject.concurrent_writers() {
        return Ok(CheckVerdict::NotApplicable(SINGLE_WRITER));
    }
    let store = subject.fresh().await;
    let mut seen = Vec::new();
    let open = async |stream: &str, numbers: &[u64]| {
        let mut tx = store.begin().await?;
        tx.append_events(&EventAppend::new(stream, ExpectedVersion::Any, events(numbers))).await?;
        Ok::<_, StoreError>(tx)
    };
    let slow = open("account-1", &[1]).await?;
    let undone = open("account-2", &[2]).await?;
    let quick = open("account-3", &[3, 4]).await?;
    read_on(&*store, &mut seen).await?;
    quick.commit().await?;
    read_on(&*store, &mut seen).await?;
    drop(undone);
    read_on(&*store, &mut seen).await?;
    slow.commit().await?;
    append(&*store, "account-4", ExpectedVersion::Any, &[5]).await?;
    read_on(&*store, &mut seen).await?;
    read_on(&*store, &mut seen).await?;
    let mut found = ids(&seen);
    found.sort_unstable();
    let expected = message_ids(&events(&[1, 3, 4, 5]));
    expect_eq("a reader that keeps a position misses no event, in whatever order they commit", found, expected)?;
    Ok(CheckVerdict::Held)
}

/// Writers that race, some of which roll back, and a reader beside them.
pub async fn a_reader_of_the_log_beside_racing_writers_sees_each_event_once(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let seen = futures_util::lock::Mutex::new(Vec::new());
    let done = race(6, async |writer| -> Result<(), BrokenPromise> {
        if writer == 0 {
            for _ in 0..40 {
                read_on(&*store, &mut *seen.lock().await).await?;
                step().await;
            }
            return Ok(());
        }
        for round in 0..4 {
            let name = format!("account-{writer}");
            let number = writer as u64 * 10 + round;
            let append = EventAppend::new(&*name, ExpectedVersion::Any, events(&[number]));
            persist(async || {
                let mut tx = store.begin().await?;
                tx.append_events(&append).await?;
                for _ in 0..writer {
                    step().await;
                }
                if round == 1 {
                    drop(tx);
                    return Ok(());
                }
                tx.commit().await
            })
            .await?;
        }
        Ok(())
    });
    for done in done.await {
        done?;
    }
    let mut seen = seen.into_inner();
    read_on(&*store, &mut seen).await?;
    let mut found = ids(&seen);
    found.sort_unstable();
    let committed = (1..6).flat_map(|writer| [0, 2, 3].map(|round| writer * 10 + round)).collect::<Vec<_>>();
    expect_eq("a reader of the log sees each event once", found, message_ids(&events(&committed)))?;
    let limited = store.read_events(0, 2).await?;
    expect_eq("a page of the log is no longer than its limit", limited, seen[..2].to_vec())?;
    Ok(CheckVerdict::Held)
}

/// Only the latest state is kept, whoever comes later with an older one.
pub async fn a_snapshot_is_kept_unless_there_is_a_later_one(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    append(&*store, STREAM, ExpectedVersion::NoStream, &[1, 2, 3]).await?;
    let put = async |version, state: &'static [u8]| {
        let mut tx = store.begin().await?;
        let kept = tx.put_stream_snapshot(STREAM, version, Bytes::from_static(state)).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(kept)
    };
    let kept = async || store.begin().await?.stream_snapshot(STREAM).await;
    let snapshot = |version, state: &'static [u8]| Some(StreamSnapshot { version, state: Bytes::from_static(state) });
    expect_eq("a stream has no snapshot until one is kept", kept().await?, None)?;
    expect_eq("a snapshot is kept", put(2, b"two").await?, true)?;
    expect_eq("a snapshot is kept as it is", kept().await?, snapshot(2, b"two"))?;
    expect_eq("a snapshot of an earlier version is not kept", put(1, b"one").await?, false)?;
    expect_eq("a snapshot of a later version stays", kept().await?, snapshot(2, b"two"))?;
    expect_eq("a snapshot of the same version is kept", put(2, b"new").await?, true)?;
    expect_eq("a snapshot of a later version is kept", put(3, b"three").await?, true)?;
    expect_eq("one snapshot of a stream is kept", kept().await?, snapshot(3, b"three"))?;
    expect_eq("each stream has a snapshot of its own", store.begin().await?.stream_snapshot("none").await?, None)?;
    Ok(CheckVerdict::Held)
}

/// It would hide what is still to be appended.
pub async fn a_snapshot_ahead_of_its_stream_is_refused(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    append(&*store, STREAM, ExpectedVersion::NoStream, &[1]).await?;
    for (stream, version) in [(STREAM, 2), ("none", 1)] {
        let mut tx = store.begin().await?;
        let answer = tx.put_stream_snapshot(stream, version, Bytes::new()).await;
        let is_refused = matches!(answer, Err(StoreError::Refused(_)));
        expect("a snapshot ahead of its stream is refused", is_refused, || format!("{answer:?}"))?;
    }
    let mut tx = store.begin().await?;
    tx.append_events(&EventAppend::new(STREAM, ExpectedVersion::Exact(1), events(&[2]))).await?;
    let own = tx.put_stream_snapshot(STREAM, 2, Bytes::from_static(b"two")).await?;
    expect_eq("a snapshot of what its transaction has appended is kept", own, true)?;
    let seen = tx.stream_snapshot(STREAM).await?.map(|snapshot| snapshot.version);
    expect_eq("a transaction sees the snapshot that it keeps", seen, Some(2))?;
    drop(tx);
    let left = store.begin().await?.stream_snapshot(STREAM).await?;
    expect_eq("a snapshot of a transaction that is rolled back is gone with it", left, None)?;
    Ok(CheckVerdict::Held)
}
