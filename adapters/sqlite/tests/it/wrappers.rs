//! What stands before a store passes on what a simulation asks of it, too: the rows of watched tables, facts, labels.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::ports::{
    Answers, Call, DelegateStore, DelegateTransaction, Intercept, InterceptTransaction, Intercepted, PortError, Store,
    StoreError, Transaction, connection,
};

use crate::support::in_memory;

/// Notes the labels of a user's statements, and the facts that it hears of.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, note: String) {
        self.0.lock().expect("one thread").push(note);
    }
}

impl Intercept for Notes {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        inner.await
    }
}

impl InterceptTransaction for Notes {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if let Call::Statement { label } = call {
            self.note(format!("statement {label}"));
        }
        inner.await
    }

    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        self.note(format!("{fact} {subject} {value}"));
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        inner?.commit().await
    }
}

/// A store, and transactions, that change nothing.
struct Through(Arc<dyn Store>);

#[async_trait]
impl DelegateStore for Through {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(ThroughTransaction(self.0.begin().await?)))
    }
}

struct ThroughTransaction(Box<dyn Transaction>);

impl DelegateTransaction for ThroughTransaction {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }
}

async fn run(tx: &mut dyn Transaction, label: &str, sql: &str) {
    tx.label(label);
    let own: &mut Connection = connection(tx).await.unwrap();
    own.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn rows_facts_and_labels_come_through_a_delegate_and_an_interceptor() {
    let notes = Notes::default();
    let inner: Arc<dyn Store> = Arc::new(in_memory().0);
    let store: Arc<dyn Store> = Arc::new(Through(Arc::new(Intercepted::new(inner, notes.clone()))));
    store.watch(&["own".into()]).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(!tx.has_written());
    run(&mut *tx, "make", "CREATE TABLE own (id INTEGER PRIMARY KEY); INSERT INTO own VALUES (7)").await;
    assert!(tx.has_written());
    let told = tx.row_changes().await.unwrap();
    assert_eq!((told.len(), told[0].table.as_str(), told[0].before.is_none()), (1, "own", true));
    tx.observe("sold", "order-17", 3);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    run(&mut *tx, "look", "SELECT * FROM own").await;
    assert_eq!((tx.has_written(), tx.row_changes().await.unwrap()), (false, vec![]));
    assert_eq!(*notes.0.lock().unwrap(), ["statement make", "sold order-17 3", "statement look"]);
}
