//! Values are bound and never become part of a statement: text that is SQL, or would end it, is stored as it is.

use std::time::Duration;

use crate::support::{asking, in_memory, message, settled, token};
use seaworthy_core::{
    ids::{MessageId, OperationId, SagaId},
    message::{Headers, Message},
    ports::{
        AcquireRequest, DeadLetterRequest, DeadRowRequest, DefinitionRef, Expected, InboxEntry, InboxInsert,
        InboxPurgeRequest, InboxStore, NewSaga, OperationRecord, OperationState, OutboxStore, PurgeRequest, SagaAppend,
        SagaStatus, SagaStore, Seen, SettleOutcome, Store, StoreError,
    },
};
use seaworthy_sqlite::SqliteStore;
use uuid::Uuid;

/// What would end a literal, a name, a statement or a string of C, or be taken for a parameter.
const HOSTILE: [&str; 8] = [
    "'; DROP TABLE seaworthy_outbox; --",
    "\"); DELETE FROM seaworthy_sagas; --",
    "' OR '1' = '1",
    "?1",
    ":name @name $name",
    "nul\0nul",
    "%_\\",
    "",
];

const ALL: PurgeRequest = PurgeRequest { older_than: Duration::ZERO, limit: 100 };

/// The text as a header, without the control characters that no header has.
fn headers(text: &str) -> Headers {
    let mut headers = Headers::new();
    headers.insert("hostile", text.replace(char::is_control, "?")).unwrap();
    headers
}

fn hostile_message(number: u128, text: &str) -> Message {
    Message {
        source: text.into(),
        kind: text.into(),
        topic: text.into(),
        subject: text.into(),
        content_type: text.into(),
        traceparent: Some(text.into()),
        headers: headers(text),
        data: text.as_bytes().to_vec().into(),
        ..message(number, text)
    }
}

#[tokio::test]
async fn documents_and_checkpoints_are_found_under_hostile_names_and_no_other() {
    let (store, _) = in_memory();
    for text in HOSTILE {
        let mut tx = store.begin().await.unwrap();
        tx.put(text, text, Expected::Absent, text.as_bytes().to_vec().into()).await.unwrap();
        tx.put("plain", text, Expected::Absent, "{}".into()).await.unwrap();
        tx.set_checkpoint(text, 7).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut tx = store.begin().await.unwrap();
    for text in HOSTILE {
        let found = tx.scan(text, None, 100).await.unwrap();
        assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), [text]);
        assert_eq!(tx.get(text, text).await.unwrap().unwrap().body, text.as_bytes());
        assert_eq!(tx.checkpoint(text).await.unwrap(), Some(7));
        tx.put(text, text, Expected::Version(1), "{}".into()).await.unwrap();
        tx.delete(text, text, Expected::Version(2)).await.unwrap();
    }
    assert_eq!(tx.scan("plain", None, 100).await.unwrap().len(), HOSTILE.len(), "nothing else was deleted");
}

#[tokio::test]
async fn messages_with_hostile_envelopes_pass_through_the_outbox_unchanged() {
    for (number, text) in (1..).zip(HOSTILE) {
        let (store, _) = in_memory();
        let staged = hostile_message(number, text);
        // Of the same topic: of two, either may be first.
        let plain = Message { topic: text.into(), ..message(100, "plain") };
        crate::support::stage(&store, &[staged.clone(), plain]).await;
        let rows = store.claim(&asking(1, 1)).await.unwrap();
        let found = Message { sequence: 0, epoch: 0, ..rows[0].message.clone() };
        assert_eq!(found, staged);
        store.settle(token(1), &settled(&rows, &SettleOutcome::Dead { reason: text.into() })).await.unwrap();
        assert_eq!(store.dead_rows(&DeadRowRequest::new(9)).await.unwrap()[0].reason, text);
        let only = DeadRowRequest::new(9).only(vec![staged.id]);
        assert_eq!(store.redrive(&only).await.unwrap().len(), 1);
        let rows = store.claim(&asking(2, 1)).await.unwrap();
        let retry = SettleOutcome::Retry { delay: Duration::ZERO, error: text.into() };
        store.settle(token(2), &settled(&rows, &retry)).await.unwrap();
        let mut elsewhere = asking(3, 9);
        elsewhere.except_topics = vec![text.into()];
        assert_eq!(store.claim(&elsewhere).await.unwrap(), [], "its topic is left alone");
        assert_eq!(store.backlog().await.unwrap().outbox_unsettled, 2, "the other message is untouched");
    }
}

#[tokio::test]
async fn consumers_with_hostile_names_keep_their_inbox_apart() {
    let (store, _) = in_memory();
    for (number, text) in (1..).zip(HOSTILE) {
        let message = Message { sequence: 5, ..hostile_message(number, text) };
        let entry = InboxEntry::for_message(text, &message);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.inbox_failed(&entry, text).await.unwrap(), 1);
        tx.inbox_bury(&entry, &message, text).await.unwrap();
        tx.commit().await.unwrap();
        let letters = store.dead_letters(&DeadLetterRequest::new(text, 9)).await.unwrap();
        assert_eq!((letters.len(), &letters[0].message, letters[0].reason.as_str()), (1, &message, text));
        let mut tx = store.begin().await.unwrap();
        assert!(tx.inbox_exhume(&entry).await.unwrap());
        tx.commit().await.unwrap();
    }
    // Purged, each leaves its watermark under its own name.
    for (number, text) in (1..).zip(HOSTILE) {
        assert_eq!(store.purge_inbox(text, &InboxPurgeRequest::new(ALL.older_than, ALL.limit)).await.unwrap(), 1);
        let late = Message { sequence: 5, id: MessageId(Uuid::from_u128(900)), ..hostile_message(number, text) };
        let mut tx = store.begin().await.unwrap();
        assert_eq!(
            tx.inbox_insert(&InboxEntry::for_message(text, &late)).await.unwrap(),
            InboxInsert::Duplicate(Seen::Watermark)
        );
        assert_eq!(tx.inbox_insert(&InboxEntry::for_message("plain", &late)).await.unwrap(), InboxInsert::First);
    }
}

async fn saga(store: &SqliteStore, number: u128, text: &str) -> Result<(), StoreError> {
    let id = SagaId(Uuid::from_u128(number));
    let mut tx = store.begin().await?;
    let definition = DefinitionRef { name: text.into(), version: 1, hash: 1 };
    let input = text.as_bytes().to_vec().into();
    let new = NewSaga { id, definition, key: text.into(), input, correlation_id: Uuid::nil(), lease: Duration::ZERO };
    tx.saga_create(&new).await?;
    let append = SagaAppend {
        saga: id,
        epoch: 1,
        expected_length: 0,
        records: vec![text.as_bytes().to_vec().into()],
        status: SagaStatus::Running,
        lease: Duration::ZERO,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    };
    tx.saga_append(&append).await?;
    let state = OperationState::Executed(text.as_bytes().to_vec().into());
    tx.put_operation(&OperationRecord { id: OperationId(id.0), state }).await?;
    tx.commit().await
}

#[tokio::test]
async fn sagas_of_hostile_definitions_and_keys_are_found_and_taken_over_one_by_one() {
    let (store, _) = in_memory();
    for (number, text) in (1..).zip(HOSTILE) {
        saga(&store, number, text).await.unwrap();
    }
    for (number, text) in (1..).zip(HOSTILE) {
        let id = SagaId(Uuid::from_u128(number));
        assert_eq!(store.saga_by_key(text, text).await.unwrap().unwrap().id, id);
        assert_eq!(store.saga_log(id, 0, 9).await.unwrap()[0].record, text.as_bytes());
        let request =
            AcquireRequest { only: None, definitions: vec![text.into()], limit: 9, lease: Duration::from_secs(1) };
        let taken = store.acquire_sagas(&request).await.unwrap();
        assert_eq!(taken.iter().map(|saga| saga.id).collect::<Vec<_>>(), [id]);
        let mut tx = store.begin().await.unwrap();
        let answer = OperationState::Executed(text.as_bytes().to_vec().into());
        assert_eq!(tx.operation(OperationId(id.0)).await.unwrap(), Some(answer));
    }
}
