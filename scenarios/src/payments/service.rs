//! A replica: it takes payments, and runs the poller and the ledger beside.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use seaworthy_core::ports::{Ports, Request, StoreError, connection, draw_id};
use seaworthy_sqlite::store_error;

use super::{
    PAY, Payment,
    ledger::{self, Ack, Book},
    poller::{self, Lock, Publish},
    tables::CONSTRAINTS,
};

/// The parts of the service that people get wrong.
#[derive(Clone, Copy)]
pub struct Variant {
    /// Makes a payment durable, and the message that tells of it.
    pub record: fn(Ports, Payment) -> BoxFuture<'static, Result<(), StoreError>>,
    /// Takes or renews the poller's lock for an owner, at a time in milliseconds. Says whether the owner has it.
    pub lock: Lock,
    /// Publishes what is due.
    pub publish: Publish,
    /// Books the payment that a message tells of.
    pub book: Book,
    /// Moment of the acknowledgement of a message.
    pub ack: Ack,
    /// Constraints of the database itself, in SQL.
    pub constraints: &'static str,
}

impl Default for Variant {
    fn default() -> Self {
        Self {
            record: |ports, payment| Box::pin(record(ports, payment)),
            lock: poller::lock,
            publish: |ports, due| Box::pin(poller::publish(ports, due)),
            book: |ports, message| Box::pin(ledger::book(ports, message)),
            ack: Ack::AfterCommit,
            constraints: CONSTRAINTS,
        }
    }
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variant")
    }
}

/// The service's program.
pub(super) async fn payments(ports: Ports, variant: Variant) {
    ports.spawn("poller", poller::poll(ports.clone(), variant.lock, variant.publish));
    ports.spawn("ledger", ledger::consume(ports.clone(), variant.book, variant.ack));
    while let Some(request) = ports.ingress.next().await {
        // A task for each request, as a web server has one. It is dropped with the connection of its caller.
        let (serving, answer) = (ports.clone(), answer(ports.clone(), variant, request));
        ports.spawn("request", async move { _ = serving.scope(answer).await });
    }
}

async fn answer(ports: Ports, variant: Variant, request: Request) {
    match Payment::decode(&request.body) {
        Ok(payment) if request.operation == PAY => {
            // Without an answer the client asks again.
            if (variant.record)(ports, payment).await.is_ok() {
                request.response.accept(Bytes::new());
            }
        }
        Ok(_) => request.response.refuse("the service can pay"),
        Err(error) => request.response.refuse(error.to_string()),
    }
}

/// Writes the payment and its message in one transaction, unless the payment is there already.
async fn record(ports: Ports, payment: Payment) -> Result<(), StoreError> {
    let now = ports.clock.now().as_millis();
    let mut tx = ports.store.begin().await?;
    tx.label("insert payment");
    let sql: &mut Connection = connection(&mut *tx).await?;
    if insert_payment(sql, &payment, now)? {
        tx.label("insert outbox row");
        insert_message(connection(&mut *tx).await?, &ports, &payment)?;
    }
    tx.commit().await
}

/// Inserts a payment; says whether it was not there before.
pub(super) fn insert_payment(sql: &Connection, payment: &Payment, now: i64) -> Result<bool, StoreError> {
    sql.prepare_cached("INSERT OR IGNORE INTO payments (id, account, cents, paid_at) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut insert| insert.execute((&*payment.id, &*payment.account, payment.cents, now)))
        .map(|inserted| inserted == 1)
        .map_err(|error| store_error("insert a payment", &error))
}

/// Inserts the message that tells of a payment, under an id of its own.
pub(super) fn insert_message(sql: &Connection, ports: &Ports, payment: &Payment) -> Result<(), StoreError> {
    let message_id = draw_id(&*ports.clock, &*ports.random).to_string();
    sql.prepare_cached("INSERT INTO outbox (message_id, account, payment_id, cents, body) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut insert| {
            let body = payment.encode();
            insert.execute((message_id, &*payment.account, &*payment.id, payment.cents, &body[..]))
        })
        .map(drop)
        .map_err(|error| store_error("insert a message", &error))
}
