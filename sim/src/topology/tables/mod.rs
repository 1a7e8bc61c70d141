//! Tables of a service's own that are judged as seaworthy's outbox and inbox are.
//!
//! Whoever keeps an outbox, an inbox or business rows in tables (or documents) of their own declares in the
//! [`Topology`](super::Topology) what they mean, and changes nothing in the code that production runs. Each commit's
//! changed rows are then told in the trace as what they mean, and the shipped invariants judge them:
//!
//! | declaration | a row is told as | judged by |
//! |---|---|---|
//! | [`OutboxTable`] | a staged message; later dispatched, or given up | `phantom-event`, `lost-event`, `per-key-order`, `no-row-stuck`, `dead-only-injected` |
//! | [`InboxTable`] | a message that a consumer has handled | `lost-event`, `per-key-order`, `duplicate-effect` |
//! | [`EffectTable`] | an entry under its business key | `duplicate-effect` |
//! | [`LockTable`] | a lock that is taken, or free again | `lock-stranded` |
//! | [`Conserved`] | what it adds to a sum | `conserved` |
//!
//! A run does not come to rest before every row of an [`OutboxTable`] is sent or dead, and every lock of a [`LockTable`]
//! is free, or is kept [for life](LockTable::for_life) by a process that is up.
//!
//! Documents are seen in any store. Tables are seen where the store shows their rows
//! ([`Store::watch`](seaworthy_core::ports::Store::watch)), as SQLite's does; a scenario that declares one on a store that
//! does not is refused with a panic, since it would prove nothing. On SQLite, which has one writer, some classic races of
//! other databases can't happen: write skew, lost updates, a sequence that commits out of order. That a service holds
//! there says nothing about them.
//!
//! ```
//! use seaworthy_sim::scenario::{Column, Conserved, EffectTable, InboxTable, OutboxTable, Topology};
//!
//! let topology = Topology::new()
//!     .group("ledger", &["payments"])
//!     .outbox_table(
//!         OutboxTable::sql("payments", "outbox")
//!             .id("message_id")
//!             .topic(Column::always("payments"))
//!             .key("account")
//!             .sent("sent_at")
//!             .dead("failed_at"),
//!     )
//!     .inbox_table(InboxTable::sql("ledger", "processed_messages").consumer(Column::always("ledger")).message("id"))
//!     .effect_table(EffectTable::sql("ledger", "entries").one_per("payment"))
//!     // Every payment is in the outbox, with its amount, from the moment at which it exists.
//!     .conserved(Conserved::new("what is paid is told").plus("payments", "payments", "cents").minus("payments", "outbox", "cents"));
//! # assert_eq!(topology.tables.outboxes.len(), 1);
//! ```

mod column;
mod conserved;
mod effect;
mod inbox;
mod lock;
mod outbox;
mod place;

pub use column::{Column, TableRow};
pub use conserved::Conserved;
pub use effect::EffectTable;
pub use inbox::InboxTable;
pub use lock::LockTable;
pub use outbox::OutboxTable;
pub(crate) use place::{Kind, Place};

use smol_str::SmolStr;

/// All declared tables of a topology.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Declared outbox tables.
    pub outboxes: Vec<OutboxTable>,
    /// Declared inbox tables.
    pub inboxes: Vec<InboxTable>,
    /// Tables of business rows.
    pub effects: Vec<EffectTable>,
    /// Tables of locks.
    pub locks: Vec<LockTable>,
    /// Sums that stand.
    pub conserved: Vec<Conserved>,
}

impl Tables {
    /// Returns `true` if nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.places().next().is_none() && self.conserved.is_empty()
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        let outboxes = self.outboxes.iter().map(|table| &table.place);
        let inboxes = self.inboxes.iter().map(|table| &table.place);
        let effects = self.effects.iter().map(|table| &table.place);
        let locks = self.locks.iter().map(|table| &table.place);
        let terms = self.conserved.iter().flat_map(|sum| sum.terms.iter().map(|term| &term.place));
        outboxes.chain(inboxes).chain(effects).chain(locks).chain(terms)
    }

    /// Returns `true` if any declaration is about a place.
    pub(crate) fn has(&self, place: &Place) -> bool {
        self.places().any(|declared| declared == place)
    }

    /// The tables, or the collections, that are declared in a store, each once.
    pub(crate) fn in_store(&self, store: &str, kind: Kind) -> Vec<SmolStr> {
        let mut names: Vec<SmolStr> = Vec::new();
        for place in self.places().filter(|place| place.store == store && place.kind == kind) {
            if !names.contains(&place.name) {
                names.push(place.name.clone());
            }
        }
        names
    }

    /// Returns `true` if the locks of a table are kept by a holder for as long as it lives.
    pub(crate) fn is_for_life(&self, store: &str, table: &str) -> bool {
        let mut of_it = self.locks.iter().filter(|locks| locks.place.store == store && locks.place.name == table);
        of_it.any(|locks| locks.is_for_life)
    }

    /// The stores that declarations name.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &SmolStr> {
        self.places().map(|place| &place.store)
    }
}
