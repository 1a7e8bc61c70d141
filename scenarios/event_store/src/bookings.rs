//! The writers: each replica books what it is asked for, against all others, by the versions of the streams.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    aggregate::{AggregateError, Cause, UpdateError},
    backoff::Backoff,
    events::Ledger,
    ids::{OperationId, derive},
    ports::{Ports, StoreError},
};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use uuid::Uuid;

use crate::{
    account::{Account, Command, Entry, NotEnough, ledger},
    messages::{BOOK, Booking, CASH},
    parts::{Denied, answer},
};

/// Number of times that a booking is decided again after a conflict before its caller has to ask again.
const RETRIES: u32 = 8;
/// Pauses between these.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(200));
/// Largest amount of one booking, in cents.
const CENTS_MAX: u64 = 1_000_000_000;
/// Ids of bookings' operations lie below this one.
const BOOKINGS: Uuid = Uuid::from_u128(0xb00c_1265_5f3a_4d0e_9c67_21d4_8e5b_a0c3);

/// Handler of the requests of a replica: makes bookings.
#[async_trait]
pub trait RequestHandler: Send + Sync {
    /// Makes a booking, once for each id.
    ///
    /// # Errors
    /// [`Denied`] says whether it never will be made, or whether the caller has to ask again.
    async fn book(&self, booking: &Booking) -> Result<(), Denied>;
}

/// Runs one replica until a stop is asked for.
pub async fn take_bookings(ports: Ports) {
    let teller = Teller::new(&ports);
    take_bookings_with(ports, Arc::new(teller)).await;
}

/// As [`take_bookings`], with this handler.
pub async fn take_bookings_with(ports: Ports, handler: Arc<dyn RequestHandler>) {
    let serve = |operation: SmolStr, body: Bytes| {
        let handler = handler.clone();
        async move {
            if operation != BOOK {
                return Err(Denied::Refused(format_smolstr!("the desk can't {operation}")));
            }
            let booking: Booking =
                serde_json::from_slice(&body).map_err(|error| Denied::Refused(error.to_smolstr()))?;
            if booking.from == booking.to || !(1..=CENTS_MAX).contains(&booking.cents) {
                return Err(Denied::Refused("a booking moves money from one account to another".into()));
            }
            handler.book(&booking).await.map(|()| Bytes::new())
        }
    };
    answer(&ports, serve).await;
}

/// The handler that appends by `Exact`: both sides of a booking in one transaction, each under the version that it was decided
/// on, and decided again where somebody else was faster.
#[derive(Clone)]
pub struct Teller {
    ports: Ports,
    ledger: Ledger<Account>,
}

impl Teller {
    /// A handler of this process.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone(), ledger: ledger(ports) }
    }

    async fn attempt(&self, booking: &Booking) -> Result<(), UpdateError<NotEnough>> {
        let mut tx = self.ports.store.begin().await?;
        for (account, command) in sides(booking) {
            self.ledger.execute_in(&mut *tx, account, &command, cause(booking)).await?;
        }
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl RequestHandler for Teller {
    async fn book(&self, booking: &Booking) -> Result<(), Denied> {
        let mut retries = 0;
        loop {
            match self.attempt(booking).await {
                Ok(()) => return Ok(()),
                Err(UpdateError::Aggregate(AggregateError::Store(StoreError::Conflict(_)))) if retries < RETRIES => {
                    self.ports.clock.sleep(BACKOFF.delay(retries, &*self.ports.random)).await;
                    retries += 1;
                }
                Err(error) => return Err(denied(error)),
            }
        }
    }
}

/// Returns the commands that a booking is, by account: first the one that may be refused.
pub fn sides(booking: &Booking) -> [(&SmolStr, Command); 2] {
    let Booking { id, from, to, cents, purpose } = booking;
    let entry = Entry { booking: Some(id.clone()), cents: *cents, purpose: purpose.clone() };
    let debit = if from == CASH { Command::Overdraw } else { Command::Debit };
    [(from, debit(entry.clone())), (to, Command::Credit(entry))]
}

/// Returns the cause of a booking's events: derived from its id, so that they have the same ids whoever asks again.
pub fn cause(booking: &Booking) -> Cause<'static> {
    let id = derive(BOOKINGS, &[&booking.id]);
    Cause::Operation { id: OperationId(id), correlation_id: id }
}

/// Returns what the caller hears of a booking that failed.
pub fn denied(error: UpdateError<NotEnough>) -> Denied {
    match error {
        UpdateError::Aggregate(AggregateError::Store(error)) => error.into(),
        error => Denied::Refused(error.to_smolstr()),
    }
}
