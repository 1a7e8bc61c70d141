//! The transaction that a handler is lent does whatever the store's own does.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rusqlite::Connection;
use seaworthy_core::{
    inbox::HandlerError,
    ports::{
        Answers, Call, Intercept, InterceptTransaction, Intercepted, PortError, Ports, StoreError, Transaction,
        connection,
    },
};

use crate::support::{
    Kind,
    inbox::{Scripted, order},
    on,
};

/// Notes the labels of a user's statements, and the facts that it hears of.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, note: String) {
        self.0.lock().expect("no panic with it in hand").push(note);
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

/// Sells what was ordered, in a table of its own, and notes what its transaction says of that.
async fn sell(notes: &Notes, tx: &mut dyn Transaction) -> Result<(), HandlerError> {
    tx.label("sell");
    let own: &mut Connection = connection(tx).await?;
    own.execute_batch("INSERT INTO sold VALUES (7)").expect("a table with room");
    tx.observe("sold", "order-1", 3);
    let rows = tx.row_changes().await?;
    let rows: Vec<&str> = rows.iter().map(|row| row.table.as_str()).collect();
    notes.note(format!("written {} in {rows:?}", tx.has_written()));
    let after = notes.clone();
    tx.after_commit(Box::new(move || after.note("committed".into())));
    Ok(())
}

#[test]
fn labels_facts_rows_and_work_for_after_the_commit_come_through_what_a_handler_is_lent() {
    on(Kind::Sqlite, async |world| {
        let notes = Notes::default();
        let store = Arc::new(Intercepted::new(world.ports.store.clone(), notes.clone()));
        let mut tx = world.ports.store.begin().await.expect("up");
        let own: &mut Connection = connection(&mut *tx).await.expect("sqlite");
        own.execute_batch("CREATE TABLE sold (id INTEGER PRIMARY KEY)").expect("a table");
        tx.commit().await.expect("up");
        world.ports.store.watch(&["sold".into()]).await.expect("up");
        let handler = Scripted::new({
            let notes = notes.clone();
            move |tx, _| {
                let notes = notes.clone();
                Box::pin(async move { sell(&notes, tx).await })
            }
        });
        world.publish([order(1)]).await;
        let ports = Ports { store, ..world.ports.clone() };
        ports.spawn("shop", handler.consumer(&ports, |config| config).run());
        world.pass(Duration::from_secs(1)).await;
        let told = notes.0.lock().expect("no panic with it in hand").clone();
        assert_eq!(told, ["statement sell", "sold order-1 3", "written true in [\"sold\"]", "committed"]);
    });
}
