//! A handler that looks whether there is enough on an account, and appends the booking afterwards, whatever the stream has come to
//! since. Two bookings that each have enough are too much together.
//!
//! Threads: two bookings from one account. No fault is needed.
//!
//! Mechanism: the decision is appended without the version that it was taken on.
//!
//! Violates: `never-overdrawn`.
//!
//! Right: [`Ledger`](seaworthy_core::events::Ledger) appends by
//! [`Exact`](seaworthy_core::ports::ExpectedVersion::Exact), and decides again where somebody else was faster.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Cause, DomainEvent as _, UpdateError},
    events::{Ledger, Sourced as _},
    message::MessageBuilder,
    ports::{EventAppend, ExpectedVersion, Ports},
};
use seaworthy_event_store::{
    account::{Account, AccountEvent, NotEnough, ledger},
    bookings::{RequestHandler, cause, denied, sides, take_bookings_with},
    messages::{BANK, Booking, DESK},
    parts::{Denied, encode},
};
use smol_str::SmolStr;

use crate::event_store::EventStore;

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "a booking is decided by what was read before, and appended whatever came since";
    EventStore::with_mistake("appends-at-any-version", about, DESK, |ports| {
        let handler = Hasty { ledger: ledger(&ports), ports: ports.clone() };
        Box::pin(take_bookings_with(ports, Arc::new(handler)))
    })
}

struct Hasty {
    ledger: Ledger<Account>,
    ports: Ports,
}

#[async_trait]
impl RequestHandler for Hasty {
    async fn book(&self, booking: &Booking) -> Result<(), Denied> {
        let decided = self.decide(booking).await.map_err(denied)?;
        self.append(booking, decided).await.map_err(denied)
    }
}

impl Hasty {
    async fn decide(&self, booking: &Booking) -> Result<Vec<(SmolStr, AccountEvent)>, UpdateError<NotEnough>> {
        let mut tx = self.ports.store.begin().await?;
        let mut decided = Vec::new();
        for (account, command) in sides(booking) {
            let loaded = self.ledger.load(&mut *tx, account).await?;
            let events = loaded.state.decide(&command).map_err(UpdateError::Refused)?;
            decided.extend(events.into_iter().map(|event| (account.clone(), event)));
        }
        Ok(decided)
    }

    async fn append(
        &self,
        booking: &Booking,
        decided: Vec<(SmolStr, AccountEvent)>,
    ) -> Result<(), UpdateError<NotEnough>> {
        let Cause::Operation { id, correlation_id } = cause(booking) else { return Ok(()) };
        let mut tx = self.ports.store.begin().await?;
        for (account, event) in decided {
            let kind = format!("{}.{}", Account::NAME, event.name());
            let message = MessageBuilder::new(BANK, kind, account.clone()).correlation(correlation_id);
            let message = message.data("application/json", encode(&event));
            let message = message.derive(id.0, &[&account], self.ports.clock.now());
            let append = EventAppend::new(self.ledger.stream(&account), ExpectedVersion::Any, vec![message]);
            tx.append_events(&append).await?;
        }
        Ok(tx.commit().await?)
    }
}
