//! The operator's tool on the database of the shop: whatever is stuck or dead in it is found, told and mended from outside,
//! by a program that has none of the shop's definitions.

mod looking;
mod mending;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use seaworthy_core::{
    ids::{ClaimToken, Direction, SagaId},
    message::{Message, MessageBuilder},
    ports::{
        ClaimRequest, DefinitionRef, InboxEntry, NewSaga, OutboxOrder, OutboxStore, SagaAppend, SagaStatus,
        SettleOutcome, Settlement, Store, Timestamp, WhenDead,
    },
    saga::{AttemptFailure, Record, saga_id},
};
use seaworthy_order_fulfillment::{
    ClockAndRandom,
    checkout::{CHECKOUT, checkout},
    json::encode,
};
use seaworthy_scenarios::order_fulfillment::orders_file::read_orders;
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::TokioClock;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orders.csv");

/// A folder with the shop's database.
struct Shop {
    folder: TempDir,
    /// A checkout that waits for an operator.
    stuck: SagaId,
    /// Its business key.
    key: String,
    /// An outbox row that no broker would take.
    row: Message,
    /// A message that a consumer has given up.
    letter: Message,
}

impl Shop {
    /// The database as the services have left it: the first order's checkout is stuck before its first step.
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let order = read_orders(Path::new(ORDERS)).expect("ours").orders[0].request();
        let stuck = saga_id(CHECKOUT, &order.id);
        let message = |number: u128, topic: &str| {
            let id = seaworthy_core::ids::MessageId(Uuid::from_u128(number));
            MessageBuilder::new("orders", "invoice.due", "17").topic(topic).build(id, Timestamp::EPOCH)
        };
        let (row, letter) = (message(7, "invoices"), message(8, "orders"));
        runtime.block_on(async {
            let store = open(&folder.path().join("shop.db"));
            let definition = checkout(&ClockAndRandom::dummy()).expect("ours").reference().clone();
            let lease = Duration::ZERO;
            let mut tx = store.begin().await.unwrap();
            let (key, input) = (order.id.clone(), encode(&order));
            tx.saga_create(&NewSaga { id: stuck, definition, key, input, correlation_id: stuck.0, lease })
                .await
                .unwrap();
            let error = "the file system is full".to_owned();
            let (step, direction, failure) = ("open_order".into(), Direction::Action, AttemptFailure::Transient);
            let failed = Record::Retry {
                step,
                direction,
                attempt: 1,
                failure,
                delay_us: 0,
                error: error.clone(),
                panicked: false,
                own: false,
            };
            let reason = format!("step `open_order` has used up its attempts: {error}");
            let outcome = serde_json::json!({ "stuck": { "reason": reason } }).to_string();
            let records = [Record::Started { deadline_us: None, traceparent: None }, failed, Record::Stuck { reason }];
            tx.saga_append(&SagaAppend {
                saga: stuck,
                epoch: 1,
                expected_length: 0,
                records: records.iter().map(Record::encode).collect(),
                status: SagaStatus::Stuck,
                lease,
                sleep: lease,
                definition: None,
                forgets: false,
                keys: Vec::new(),
                outcome: Some(outcome.into()),
            })
            .await
            .unwrap();
            tx.stage(&row).await.unwrap();
            tx.inbox_bury(&InboxEntry::for_message("orders", &letter), &letter, "it has no amount").await.unwrap();
            tx.commit().await.unwrap();
            let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
            let (token, lease) = (ClaimToken(Uuid::from_u128(1)), Duration::from_secs(60));
            let claim = ClaimRequest { token, limit: 1, lease, ordering, when_dead, except_topics: Vec::new() };
            let claimed = store.claim(&claim).await.unwrap().remove(0);
            let outcome = SettleOutcome::Dead { reason: "there is no topic invoices".into() };
            store.settle(token, &[Settlement { row: claimed.row, outcome }]).await.unwrap();
        });
        Self { folder, stuck, key: order.id.to_string(), row, letter }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// Adds a loan, a saga of anybody's: with these entries, in this status. It sleeps for a day.
    fn loan(&self, number: u128, records: &[Record], status: SagaStatus) -> SagaId {
        let saga = SagaId(Uuid::from_u128(number));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let store = open(&self.path());
            let definition = DefinitionRef { name: "loan".into(), version: 1, hash: 1 };
            let lease = Duration::ZERO;
            let (key, input) = (number.to_string().into(), Vec::new().into());
            let mut tx = store.begin().await.unwrap();
            tx.saga_create(&NewSaga { id: saga, definition, key, input, correlation_id: saga.0, lease }).await.unwrap();
            tx.saga_append(&SagaAppend {
                saga,
                epoch: 1,
                expected_length: 0,
                records: records.iter().map(Record::encode).collect(),
                status,
                lease,
                sleep: Duration::from_secs(86_400),
                definition: None,
                forgets: false,
                keys: Vec::new(),
                outcome: None,
            })
            .await
            .unwrap();
            tx.commit().await.unwrap();
        });
        saga
    }

    /// Adds a loan that waits for its approval.
    fn waiting_loan(&self) -> SagaId {
        let waiting = Record::Waiting {
            step: "approval".into(),
            signal: Some("approved".into()),
            limit_us: Some(86_400_000_000),
            until: None,
            key: None,
        };
        self.loan(17, &[Record::Started { deadline_us: None, traceparent: None }, waiting], SagaStatus::Running)
    }

    /// Calls the program; returns what it printed.
    fn operate(&self, arguments: &[&str]) -> String {
        let (code, out, error) = operate(&self.path(), arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{error}");
        assert_eq!(error, "", "{arguments:?}");
        out
    }

    /// Calls the program for a document.
    fn document(&self, arguments: &[&str]) -> Value {
        let out = self.operate(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Calls the program for what it refuses; returns what it says.
    fn refused(&self, arguments: &[&str]) -> String {
        refused(&self.path(), arguments)
    }

    /// Everything that an operator can see.
    fn everything(&self) -> Vec<Value> {
        let counts = self.document(&["counts"]);
        let counts =
            ["/outbox_pending/count", "/outbox_dead/count", "/dead_letters/orders/count", "/sagas/stuck/count"]
                .map(|count| counts.pointer(count).cloned().unwrap_or_default());
        let key = format!("{CHECKOUT}/{}", self.key);
        [&["sagas"][..], &["show", &key], &["dead-rows"], &["dead-letters"]]
            .map(|list| self.document(list))
            .into_iter()
            .chain(counts)
            .collect()
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Arc::new(TokioClock), SqliteConfig::default()).expect("a database")
}

fn operate(path: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.args(["operate", "--store", &format!("sqlite:{}", path.display()), "--by", "ops"]).args(arguments);
    let Output { status, stdout, stderr } = command.output().expect("the program was built for this test");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn refused(path: &Path, arguments: &[&str]) -> String {
    let (code, out, error) = operate(path, arguments);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {error}");
    error
}
