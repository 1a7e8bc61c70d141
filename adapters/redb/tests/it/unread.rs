//! What can't be read is told as such, and hides nothing else.

use std::time::Duration;

use seaworthy_core::{
    ids::OperationId,
    inbox,
    message::Message,
    ports::{
        DeadLetterRequest, EventAppend, EventStore, ExpectedVersion, InboxEntry, InboxInsert, InboxPurgeRequest,
        InboxStore, OperationRecord, OperationState, OperationStore, OutboxStore, PurgeRequest, Seen, Store,
        StoreError, StoreTable,
    },
};
use serde_json::Value;
use uuid::Uuid;

use super::documents::File;
use crate::support::{message, put_raw, text_key};

/// Documents of letters and events that can't be read: broken, of a later format, and gone but for their place.
const UNREAD: [(&str, bool); 3] =
    [("{", false), (r#"{"v":2,"d":DOCUMENT}"#, true), (r#"{"v":1,"d":{"message":{}}}"#, false)];

fn unread(whole: &Value, how: &str) -> String {
    how.replace("DOCUMENT", &whole["d"].to_string())
}

#[tokio::test]
async fn a_letter_that_can_not_be_read_is_listed_as_such_and_can_be_discarded() {
    for (how, is_known) in UNREAD {
        let file = File::new();
        let store = file.open();
        let mut tx = store.begin().await.unwrap();
        for number in 1..=3 {
            let letter = message(number, "a");
            tx.inbox_bury(&InboxEntry::for_message("shop", &letter), &letter, "poison").await.unwrap();
        }
        tx.commit().await.unwrap();
        drop(store);
        let place = 2_u64.to_be_bytes();
        let whole = file.document("seaworthy_dead_letters", &place);
        put_raw(&file.path(), "seaworthy_dead_letters", &place, unread(&whole, how).as_bytes());
        let store = file.open();
        let letters = store.dead_letters(&DeadLetterRequest::new("shop", 9)).await.unwrap();
        assert_eq!(letters.iter().map(|letter| letter.number).collect::<Vec<_>>(), [1, 2, 3], "{how}");
        let told: Vec<bool> = letters.iter().map(|letter| letter.unreadable.is_some()).collect();
        assert_eq!(told, [false, true, false], "{how}");
        assert_eq!(letters[1].message == Message { sequence: 0, ..message(2, "a") }, is_known, "{how}");
        assert_eq!(store.ask_redrive(&DeadLetterRequest::new("shop", 9)).await.unwrap().len(), 2);
        let next = DeadLetterRequest::new("shop", 1).after(1);
        assert_eq!(store.ask_redrive(&next).await.unwrap(), [message(3, "a").id], "it takes no place: {how}");
        let named = DeadLetterRequest::new("shop", 9).only([message(2, "a").id]);
        assert_eq!(store.dead_letters(&named).await.unwrap().len(), 1, "by its own id, whatever it is shown as");
        let only = DeadLetterRequest::new("shop", 1).after(1);
        assert_eq!(inbox::discard(&store, &only).await.unwrap(), [letters[1].message.id], "{how}");
        assert_eq!(store.dead_letters(&DeadLetterRequest::new("shop", 9)).await.unwrap().len(), 2);
        assert_eq!(store.census().await.unwrap().dead_letters["shop"].count, 2);
        let mut tx = store.begin().await.unwrap();
        let again = tx.inbox_insert(&InboxEntry::for_message("shop", &message(2, "a"))).await.unwrap();
        assert_eq!(again, InboxInsert::Duplicate(Seen::Row), "its message is seen");
        drop(tx);
        let old = InboxPurgeRequest::new(Duration::ZERO, 9);
        assert_eq!(store.purge_inbox("shop", &old).await.unwrap(), 1, "and its row goes as any other");
    }
}

#[tokio::test]
async fn an_event_that_can_not_be_read_is_shown_in_its_place_and_hides_none_behind_it() {
    for (how, is_known) in UNREAD {
        let file = File::new();
        let store = file.open();
        let mut tx = store.begin().await.unwrap();
        let append = |stream: &str, numbers: [u128; 2]| {
            EventAppend::new(stream, ExpectedVersion::NoStream, numbers.map(|number| message(number, "")).to_vec())
        };
        tx.append_events(&append("account-1", [1, 2])).await.unwrap();
        tx.append_events(&append("account-2", [3, 4])).await.unwrap();
        tx.commit().await.unwrap();
        drop(store);
        let place = 2_u64.to_be_bytes();
        let whole = file.document("seaworthy_events", &place);
        put_raw(&file.path(), "seaworthy_events", &place, unread(&whole, how).as_bytes());
        let store = file.open();
        let log = store.read_events(0, 9).await.unwrap();
        assert_eq!(log.iter().map(|event| event.position()).collect::<Vec<_>>(), [1, 2, 3, 4], "{how}");
        let told: Vec<bool> = log.iter().map(|event| event.unreadable.is_some()).collect();
        assert_eq!(told, [false, true, false, false], "{how}");
        assert_eq!((log[1].stream().as_str(), log[1].version), ("account-1", 2), "{how}");
        assert_eq!(log[1].message.id == message(2, "").id, is_known, "{how}");
        let mut tx = store.begin().await.unwrap();
        let refused = tx.read_stream("account-1", 0, 9).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "an aggregate without it would be another: {refused}");
        drop(tx);
        assert_eq!(store.begin().await.unwrap().read_stream("account-2", 0, 9).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_snapshot_that_can_not_be_read_is_none() {
    let file = File::new();
    let store = file.open();
    let mut tx = store.begin().await.unwrap();
    tx.append_events(&EventAppend::new("account-1", ExpectedVersion::NoStream, vec![message(1, "")])).await.unwrap();
    assert!(tx.put_stream_snapshot("account-1", 1, "7".into()).await.unwrap());
    tx.commit().await.unwrap();
    drop(store);
    put_raw(&file.path(), "seaworthy_event_snapshots", &text_key("account-1"), br#"{"v":2}"#);
    let store = file.open();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.stream_snapshot("account-1").await.unwrap(), None);
    assert!(tx.put_stream_snapshot("account-1", 1, "8".into()).await.unwrap(), "it is made anew");
    assert!(tx.stream_snapshot("account-1").await.unwrap().is_some());
}

/// Each retention takes the oldest first, so one that it can't read would stop it for good.
#[tokio::test]
async fn what_can_not_be_read_stops_no_retention() {
    let file = File::new();
    let store = file.open();
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        let operation = OperationId(Uuid::from_u128(number));
        tx.put_operation(&OperationRecord { id: operation, state: OperationState::Compensated }).await.unwrap();
        tx.stage(&message(number, "a")).await.unwrap();
        tx.inbox_insert(&InboxEntry::for_message("shop", &message(number, "a"))).await.unwrap();
    }
    tx.outbox_dispatched(&[message(1, "a").id, message(2, "a").id]).await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    let id = Uuid::from_u128(1).into_bytes();
    put_raw(&file.path(), "seaworthy_operations", &id, b"{");
    put_raw(&file.path(), "seaworthy_outbox", &1_u64.to_be_bytes(), b"{");
    put_raw(&file.path(), "seaworthy_inbox", &[&text_key("shop")[..], &id[..]].concat(), b"{");
    let store = file.open();
    let one = PurgeRequest { older_than: Duration::ZERO, limit: 1 };
    for others in [0, 1] {
        assert_eq!(store.purge_dispatched(&one).await.unwrap().len(), others);
    }
    for _ in 0..2 {
        assert_eq!(store.purge_operations(&one).await.unwrap(), 1);
        assert_eq!(store.purge_inbox("shop", &InboxPurgeRequest::new(Duration::ZERO, 1)).await.unwrap(), 1);
    }
    let kept = store.row_counts().await.unwrap();
    assert_eq!(
        [StoreTable::Operations, StoreTable::Inbox].map(|table| kept[&table]),
        [1, 1],
        "what can't be read stays"
    );
}
