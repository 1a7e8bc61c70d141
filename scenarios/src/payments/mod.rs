//! Payments as people write them: an outbox, an inbox and a lock in SQL tables of the service's own.
//!
//! `payments` (two replicas on one SQLite database) takes payments, tells of each through its `outbox`, which a poller
//! publishes every 100 ms, and books each in its ledger when it hears of it. Nothing of it uses the outbox, relay or inbox
//! of `seaworthy-core`; the scenario says in [`PaymentService::topology`] what the tables mean, and states no property of
//! its own.
//!
//! ```text
//! client ── pay ─► payments + outbox ── poller ─► broker ─► ledger: processed_messages + bookings + accounts
//! ```
//!
//! SQLite has one writer, and each transaction here holds it from its first moment. So the races that Postgres knows
//! between two open transactions (a read that another one overtakes, write skew, a sequence that commits out of order)
//! can't happen, and this scenario says nothing about them; [`bugs::check_then_insert`] therefore needs two transactions.

pub mod bugs;
pub mod ledger;
pub mod poller;
mod service;
mod tables;
mod workload;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::ports::StoreTable;
use seaworthy_sim::scenario::{
    Boot, Client, Column, Conserved, Draw, EffectTable, InboxTable, LockTable, OutboxTable, Scenario, StoreFactory,
    Topology,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use smol_str::{SmolStr, format_smolstr};

pub use service::Variant;
pub use workload::{Payment, Payments};

/// The service, its store, its topic and the source of its messages.
pub const PAYMENTS: &str = "payments";
/// The consumer group that books payments.
pub const LEDGER: &str = "ledger";
/// The one request.
pub const PAY: &str = "pay";

/// The scenario, and its variants with a bug: they differ in their [`Variant`] only.
#[derive(Clone, Debug)]
pub struct PaymentService {
    name: SmolStr,
    about: &'static str,
    variant: Variant,
}

impl Default for PaymentService {
    fn default() -> Self {
        Self::new()
    }
}

impl PaymentService {
    /// The service with everything right.
    pub fn new() -> Self {
        let about = "payments with an outbox, an inbox and a lock in SQL tables of their own; everything is right";
        Self { name: SmolStr::new_static(PAYMENTS), about, variant: Variant::default() }
    }

    /// Returns a scenario with a bug, which `variant` holds; `name` is appended to the name of the scenario.
    pub fn with_bug(name: &str, about: &'static str, variant: Variant) -> Self {
        Self { name: format_smolstr!("{PAYMENTS}/{name}"), about, variant }
    }
}

#[async_trait]
impl Scenario for PaymentService {
    type Workload = Payments;

    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        let variant = self.variant;
        let program = move |boot: Boot| service::payments(boot.ports, variant);
        // What it keeps is in tables of its own.
        let topology =
            StoreTable::ALL.into_iter().fold(Topology::new(), |topology, table| topology.keeps_at_most(table, 0));
        // Its poller counts nothing: a message that ends it each time holds all others up.
        topology
            .process("payments-1", PAYMENTS, PAYMENTS, program)
            .process("payments-2", PAYMENTS, PAYMENTS, program)
            .group(LEDGER, &[PAYMENTS])
            .outbox_table(
                OutboxTable::sql(PAYMENTS, "outbox")
                    .id("message_id")
                    .topic(Column::always(PAYMENTS))
                    .kind(Column::always(poller::PAYMENT_MADE))
                    .subject("payment_id")
                    .key("account")
                    .order("seq")
                    .sent("sent_at")
                    .dead("failed"),
            )
            .inbox_table(
                InboxTable::sql(PAYMENTS, "processed_messages").consumer(Column::always(LEDGER)).message("message_id"),
            )
            .effect_table(EffectTable::sql(PAYMENTS, "payments").one_per("id"))
            .effect_table(EffectTable::sql(PAYMENTS, "bookings").one_per("payment_id"))
            // The replica that polls keeps it for life: by a lease, so that another one takes over where it dies.
            .lock_table(LockTable::sql(PAYMENTS, "locks").named("name").held("owner").lease("lease_until").for_life())
            .conserved(
                Conserved::new("what is paid is told")
                    .plus(PAYMENTS, "payments", "cents")
                    .minus(PAYMENTS, "outbox", "cents"),
            )
            .conserved(
                Conserved::new("what is booked is on the accounts")
                    .plus(PAYMENTS, "bookings", "cents")
                    .minus(PAYMENTS, "accounts", "cents"),
            )
    }

    fn workload(&self, draw: &mut Draw) -> Payments {
        Payments::draw(draw)
    }

    /// With its tables, as a deployment migrates the database before it starts the service.
    fn store(&self) -> Option<StoreFactory> {
        let tables = [tables::TABLES, self.variant.constraints].concat();
        Some(Arc::new(move |_, clock| {
            let store = SqliteStore::open_in_memory_with(clock, SqliteConfig::simulation(), &tables);
            Arc::new(store.expect("SQLite opens a database in memory, and it takes the tables"))
        }))
    }

    async fn drive(&self, workload: &Payments, client: Client) {
        let mut now_ms = 0;
        for payment in &workload.payments {
            if payment.at_ms > now_ms {
                client.sleep(Duration::from_millis(payment.at_ms - now_ms)).await;
                now_ms = payment.at_ms;
            }
            let (asker, body) = (client.clone(), payment.encode());
            client.spawn(async move {
                // A refusal is an answer too.
                let _ = asker.ask(PAYMENTS, PAY, body).await;
            });
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}
