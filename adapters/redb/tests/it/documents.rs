//! The documents of a file as they are documented, and what the store makes of those that it can't read.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    ids::SagaId,
    ports::{
        AcquireRequest, ClaimRequest, DeadRowRequest, DefinitionRef, Expected, NewSaga, OutboxStore, SagaStore, Store,
        StoreError, WhenDead,
    },
};
use seaworthy_redb::{OpenError, RedbConfig, RedbStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{HandClock, asking, message, numbers, put_raw, raw, stage, text_key};

pub(crate) struct File {
    folder: TempDir,
    clock: Arc<HandClock>,
}

impl File {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: HandClock::new() }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("db")
    }

    fn try_open(&self) -> Result<RedbStore, OpenError> {
        RedbStore::open(self.path(), Arc::clone(&self.clock) as _, RedbConfig::default())
    }

    pub(crate) fn open(&self) -> RedbStore {
        self.try_open().unwrap()
    }

    pub(crate) fn document(&self, table: &str, key: &[u8]) -> Value {
        serde_json::from_slice(&raw(&self.path(), table, key)).unwrap()
    }
}

fn new_saga(number: u128) -> NewSaga {
    NewSaga {
        id: SagaId(Uuid::from_u128(number)),
        definition: DefinitionRef { name: "checkout".into(), version: 3, hash: 7 },
        key: format!("order-{number}").into(),
        input: "{\"order\": 17}".into(),
        correlation_id: Uuid::from_u128(number),
        lease: Duration::ZERO,
    }
}

fn acquiring() -> AcquireRequest {
    let (definitions, lease) = (vec!["checkout".into()], Duration::from_secs(10));
    AcquireRequest { only: None, definitions, limit: 9, lease }
}

/// The shape is a promise: a person reads it, and so does the next release.
#[test]
fn seed_57_what_the_core_keeps_is_a_document_with_a_version() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write_and_look());
}

async fn write_and_look() {
    let file = File::new();
    let store = file.open();
    let mut tx = store.begin().await.unwrap();
    tx.put("orders", "17", Expected::Absent, "{\"state\": \"pending\"}".into()).await.unwrap();
    tx.put("orders", "18", Expected::Absent, vec![0xFF].into()).await.unwrap();
    tx.stage(&message(1, "a")).await.unwrap();
    tx.saga_create(&new_saga(9)).await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    let order = [text_key("orders"), text_key("17")].concat();
    let text = String::from_utf8(raw(&file.path(), "seaworthy_documents", &order)).unwrap();
    assert_eq!(text, r#"{"v":1,"d":{"version":1,"body":{"json":{"state": "pending"}}}}"#, "to the byte");
    let order = [text_key("orders"), text_key("18")].concat();
    assert_eq!(file.document("seaworthy_documents", &order)["d"]["body"], json!({ "base64": "/w==" }));
    let first = 1_u64.to_be_bytes();
    let staged = file.document("seaworthy_outbox_messages", &first);
    assert_eq!(
        (&staged["v"], &staged["d"]["sequence"], &staged["d"]["type"]),
        (&1.into(), &1.into(), &"order.confirmed".into())
    );
    assert_eq!(
        file.document("seaworthy_outbox", &first),
        json!({ "v": 1, "d": {
            "id": Uuid::from_u128(1), "topic": "orders", "key": "a", "time": 5_000, "state": "pending", "lane": "first",
            "due": 0, "attempts": 0,
        } })
    );
    let saga = file.document("seaworthy_sagas", &first);
    assert_eq!((&saga["d"]["key"], &saga["d"]["status"]), (&"order-9".into(), &"running".into()), "{saga}");
    assert_eq!(file.document("seaworthy_meta", &text_key("format")), json!({ "v": 1, "d": { "format": 1 } }));
}

#[tokio::test]
async fn a_file_of_a_later_format_is_refused_with_what_to_do_and_left_as_it_is() {
    let file = File::new();
    drop(file.open());
    put_raw(&file.path(), "seaworthy_meta", &text_key("format"), br#"{"v":1,"d":{"format":2}}"#);
    let refused = file.try_open().unwrap_err();
    assert!(matches!(refused, OpenError::NewerFormat { found: 2, known: 1, .. }), "{refused}");
    let said = refused.to_string();
    assert!(said.contains(&file.path().display().to_string()) && said.contains("deploy a newer program"), "{said}");
    // What the document of the format says can't be read either once its own format is later.
    put_raw(&file.path(), "seaworthy_meta", &text_key("format"), br#"{"v":2,"format":2}"#);
    let said = file.try_open().unwrap_err().to_string();
    assert!(said.contains("it has format 2, this program knows 1: deploy a newer program"), "{said}");
}

/// A row that no relay can be given would hold up its key for ever.
#[tokio::test]
async fn a_message_that_can_not_be_read_is_dead_with_the_reason_and_others_go_on() {
    for by_log in [false, true] {
        let file = File::new();
        let store = file.open();
        stage(&store, &[message(1, "a"), message(2, "a"), message(3, "b"), message(4, "b")]).await;
        drop(store);
        put_raw(&file.path(), "seaworthy_outbox_messages", &1_u64.to_be_bytes(), br#"{"v":1,"d":{"id":"#);
        put_raw(&file.path(), "seaworthy_outbox_messages", &4_u64.to_be_bytes(), br#"{"v":2}"#);
        let store = file.open();
        let rows = if by_log {
            store.tail(&crate::support::tailing(9)).await.unwrap()
        } else {
            let request = ClaimRequest { when_dead: WhenDead::SkipDead, ..asking(1, 9) };
            store.claim(&request).await.unwrap()
        };
        assert_eq!(numbers(&rows), [3], "by the log: {by_log}");
        if !by_log {
            // The first of the key is dead now, and what follows it passes it.
            let request = ClaimRequest { when_dead: WhenDead::SkipDead, ..asking(2, 9) };
            assert_eq!(numbers(&store.claim(&request).await.unwrap()), [2]);
            let outcome = seaworthy_core::ports::SettleOutcome::Dispatched;
            store.settle(crate::support::token(1), &crate::support::settled(&rows, &outcome)).await.unwrap();
            assert!(store.claim(&asking(3, 9)).await.unwrap().is_empty());
        }
        let dead = store.dead_rows(&DeadRowRequest::new(9)).await.unwrap();
        let reasons: Vec<(u128, &str)> =
            dead.iter().map(|dead| (dead.row.message.id.0.as_u128(), dead.reason.as_str())).collect();
        assert_eq!(reasons[0].0, 1, "{reasons:?}");
        assert!(reasons[0].1.contains("can't be read, mend it or delete it"), "{reasons:?}");
        if !by_log {
            assert!(reasons[1].0 == 4 && reasons[1].1.contains("it has format 2"), "{reasons:?}");
        }
        assert_eq!(store.purge_dead(&DeadRowRequest::new(9)).await.unwrap().len(), dead.len());
    }
}

#[tokio::test]
async fn a_document_that_can_not_be_read_is_refused_with_its_place() {
    let file = File::new();
    let store = file.open();
    let mut tx = store.begin().await.unwrap();
    tx.put("orders", "17", Expected::Absent, "{}".into()).await.unwrap();
    tx.put("orders", "18", Expected::Absent, "{}".into()).await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    put_raw(&file.path(), "seaworthy_documents", &[text_key("orders"), text_key("17")].concat(), b"{}");
    let store = file.open();
    let refused = store.begin().await.unwrap().get("orders", "17").await.unwrap_err();
    let StoreError::Refused(why) = refused else { panic!("{refused}") };
    assert!(why.contains("seaworthy_documents") && why.contains("17") && why.contains("mend it"), "{why}");
    assert!(store.begin().await.unwrap().get("orders", "18").await.unwrap().is_some(), "others are read");
}

#[tokio::test]
async fn a_saga_that_can_not_be_read_is_set_aside_and_others_are_acquired() {
    let file = File::new();
    let store = file.open();
    let mut tx = store.begin().await.unwrap();
    for number in 1..=3 {
        tx.saga_create(&new_saga(number)).await.unwrap();
    }
    tx.commit().await.unwrap();
    drop(store);
    put_raw(&file.path(), "seaworthy_sagas", &1_u64.to_be_bytes(), b"{");
    let store = file.open();
    let acquired = store.acquire_sagas(&acquiring()).await.unwrap();
    assert_eq!(acquired.len(), 2);
    let listed = store.sagas(&seaworthy_core::ports::SagaListRequest::new(9)).await.unwrap();
    assert_eq!(listed.len(), 2, "one that can't be read hides no other");
}
