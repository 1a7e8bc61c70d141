//! A store has the parts that it says it has, whole, and no others.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    conformance::{
        BrokenPromise, Outcome, StoreSubject, Verdict,
        outcome::expect,
        samples::{
            CONSUMER, DEFINITION, acquire, append, claim, entry, events, letters, lone, new_saga, operation_id, purge,
            received, saga_id, signal, sweep, tail, token,
        },
    },
    ports::{
        DeadRowRequest, Expected, ExpectedVersion, IdRange, OperationRecord, OperationState, Part, RepublishRequest,
        SagaListRequest, Store, StoreError, Timestamp, WhenDead,
    },
};

/// Answers of the methods of a part, by their names.
type Answers = Vec<(&'static str, Result<(), StoreError>)>;

/// Calls each method of a part once, the writes each in a transaction of its own.
async fn answers(part: Part, store: &dyn Store) -> Result<Answers, StoreError> {
    let (second, all) = (Duration::from_secs(1), IdRange::all());
    macro_rules! inside {
        ($($name:ident($($argument:expr),*))*) => {
            vec![$({
                // Over before the next one begins: the store may have a single writer.
                let mut tx = store.begin().await?;
                let answer = tx.$name($($argument),*).await.map(drop);
                (stringify!($name), answer)
            },)*]
        };
    }
    macro_rules! outside {
        ($($name:ident($($argument:expr),*))*) => {
            vec![$((stringify!($name), store.$name($($argument),*).await.map(drop)),)*]
        };
    }
    let (within, without): (Answers, Answers) = match part {
        Part::Documents => (
            inside! {
                get("a", "1") put("a", "1", Expected::Any, Bytes::new()) put_if("a", "1", Expected::Any, Bytes::new())
                delete("a", "1", Expected::Any) delete_range("a", &all, 1) scan("a", None, 1) scan_range("a", &all, 1)
            },
            Vec::new(),
        ),
        Part::Outbox => (
            inside! { stage(&lone(1)) outbox_dispatched(&[lone(1).id]) outbox_bury(lone(1).id, "too large") outbox_settled_to(WhenDead::BlockKey) },
            outside! {
                claim(&claim(1, 1, second)) settle(token(1), &[]) tail(&tail(1)) dead_rows(&DeadRowRequest::new(1))
                redrive(&DeadRowRequest::new(1)) purge_dispatched(&purge(1)) purge_dead(&DeadRowRequest::new(1))
                republish(&RepublishRequest::new(Timestamp::EPOCH, Timestamp::EPOCH, 1))
                next_available()
            },
        ),
        Part::Inbox => (
            inside! {
                inbox_insert(&entry(1)) inbox_failed(&entry(1), "it broke")
                inbox_bury(&entry(1), &received(1, "key"), "poison") inbox_exhume(&entry(1))
            },
            outside! { dead_letters(&letters(1)) ask_redrive(&letters(1)) purge_inbox(CONSUMER, &sweep(1)) },
        ),
        Part::Sagas => (
            inside! { saga_create(&new_saga(1, second)) saga_append(&append(1, 1, 0, second)) saga_signal(&signal(1)) },
            outside! {
                acquire_sagas(&acquire(1, second)) renew_saga(saga_id(1), 1, second) saga(saga_id(1))
                saga_by_key(DEFINITION, "order-1") sagas(&SagaListRequest::new(1))
                saga_log(saga_id(1), 0, 1) purge_saga_logs(&purge(1)) purge_sagas(&purge(1))
            },
        ),
        Part::Operations => {
            let record = OperationRecord { id: operation_id(1), state: OperationState::Compensated };
            (inside! { operation(operation_id(1)) put_operation(&record) }, outside! { purge_operations(&purge(1)) })
        }
        Part::Checkpoints => (inside! { checkpoint("report") set_checkpoint("report", 1) }, Vec::new()),
        Part::Events => (
            inside! {
                append_events(&events("account", ExpectedVersion::Any, &[1])) read_stream("account", 0, 1)
                stream_snapshot("account") put_stream_snapshot("account", 0, Bytes::new())
            },
            outside! { read_events(0, 1) },
        ),
    };
    Ok([within, without].concat())
}

/// No method of a part that the store says it has answers that there is no such part.
pub async fn a_part_that_a_store_has_is_not_refused(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for part in store.parts().iter() {
        for (method, answer) in answers(part, &*store).await? {
            let promise = format!("a store that says it has the part `{part}` has it ({method})");
            expect(&promise, answer != Err(part.refusal()), || format!("{answer:?}"))?;
        }
    }
    Ok(Verdict::Held)
}

/// Every method of the other parts answers that there is no such part, whatever it is asked.
pub async fn a_part_that_a_store_has_not_is_refused(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let missing: Vec<Part> = Part::ALL.iter().copied().filter(|part| !store.parts().has(*part)).collect();
    if missing.is_empty() {
        return Ok(Verdict::NotApplicable("the store has every part"));
    }
    for part in missing {
        for (method, answer) in answers(part, &*store).await? {
            refused(part, method, answer)?;
        }
    }
    Ok(Verdict::Held)
}

fn refused(part: Part, method: &str, answer: Result<(), StoreError>) -> Result<(), BrokenPromise> {
    let promise = format!("a store that says it has not the part `{part}` refuses with `Part::refusal` ({method})");
    expect(&promise, answer == Err(part.refusal()), || format!("{answer:?}"))
}
