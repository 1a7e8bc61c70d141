use std::collections::BTreeMap;

use seaworthy_core::ports::{Expected, StoreError, Transaction};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::stock::{StockLevel, level, write_level};
use crate::{
    messages::{Answer, Goods},
    parts::encode,
};

/// Collection of reservations, by order.
pub const RESERVATION_COLLECTION: &str = "reservation";

/// Goods that are, or were, reserved for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Units of each article; empty where there never were any.
    pub units: BTreeMap<SmolStr, u32>,
    /// State of the reservation.
    pub state: ReservationState,
}

/// State of a reservation. It leaves `Reserved` once, and the others never.
///
/// Closed on purpose: whoever decides by it has to decide on a new state, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// The units are held.
    Reserved,
    /// They are sold.
    Settled,
    /// They were given back, or never taken: whatever comes later for this order gets nothing.
    Released,
    /// There were not enough of them, for this reason; none was taken.
    Refused(SmolStr),
}

/// Reserves all that is wanted or nothing, once for each order: whoever asks again gets the same answer. An article that
/// stands in several lines is wanted as often.
///
/// # Errors
/// Any [`StoreError`]; what was written before it goes with the transaction.
pub async fn reserve(tx: &mut dyn Transaction, goods: &Goods) -> Result<Answer, StoreError> {
    if let Some((reservation, _)) = find(tx, &goods.order).await? {
        return Ok(match reservation.state {
            ReservationState::Reserved | ReservationState::Settled => Answer::Success,
            ReservationState::Released => Answer::Failed { reason: "the reservation was called off".into() },
            ReservationState::Refused(reason) => Answer::Failed { reason },
        });
    }
    let mut units = BTreeMap::new();
    for line in &goods.lines {
        let wanted: &mut u32 = units.entry(line.sku.clone()).or_default();
        *wanted = wanted.saturating_add(line.units);
    }
    // All of them are looked at before the first one is touched.
    let mut levels = Vec::with_capacity(units.len());
    for (sku, wanted) in &units {
        let (stock, expected) = level(tx, sku).await?;
        if stock.available < i64::from(*wanted) {
            let reason = format_smolstr!("not enough of {sku}: {wanted} wanted");
            let refused = Reservation { units: BTreeMap::new(), state: ReservationState::Refused(reason.clone()) };
            write(tx, &goods.order, Expected::Absent, &refused).await?;
            return Ok(Answer::Failed { reason });
        }
        levels.push((stock, expected));
    }
    for ((sku, wanted), (stock, expected)) in units.iter().zip(levels) {
        let wanted = i64::from(*wanted);
        let taken = StockLevel { available: stock.available - wanted, reserved: stock.reserved + wanted, ..stock };
        write_level(tx, sku, expected, &taken).await?;
    }
    let reservation = Reservation { units, state: ReservationState::Reserved };
    write(tx, &goods.order, Expected::Absent, &reservation).await?;
    Ok(Answer::Success)
}

/// Sells what is reserved for an order; nothing where it is sold already.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Refused`] if nothing is reserved for it.
pub async fn settle(tx: &mut dyn Transaction, order: &str) -> Result<(), StoreError> {
    let Some((reservation, expected)) = find(tx, order).await? else {
        return Err(StoreError::Refused(format_smolstr!("nothing is reserved for {order}")));
    };
    match reservation.state {
        ReservationState::Settled => return Ok(()),
        ReservationState::Reserved => {}
        state => return Err(StoreError::Refused(format_smolstr!("what was reserved for {order} is {state:?}"))),
    }
    for (sku, units) in &reservation.units {
        let (stock, expected) = level(tx, sku).await?;
        let units = i64::from(*units);
        let sold = StockLevel { reserved: stock.reserved - units, sold: stock.sold + units, ..stock };
        write_level(tx, sku, expected, &sold).await?;
    }
    write(tx, order, expected, &Reservation { state: ReservationState::Settled, ..reservation }).await
}

/// Gives back what is reserved for an order. Where nothing is, it leaves a mark, so that what comes late gets nothing.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Refused`] if it is sold.
pub async fn release(tx: &mut dyn Transaction, order: &str) -> Result<(), StoreError> {
    let Some((reservation, expected)) = find(tx, order).await? else {
        return mark_released(tx, order).await;
    };
    match reservation.state {
        ReservationState::Released | ReservationState::Refused(_) => return Ok(()),
        ReservationState::Settled => return Err(StoreError::Refused(format_smolstr!("{order} is sold"))),
        ReservationState::Reserved => {}
    }
    for (sku, units) in &reservation.units {
        let (stock, expected) = level(tx, sku).await?;
        let units = i64::from(*units);
        let back = StockLevel { available: stock.available + units, reserved: stock.reserved - units, ..stock };
        write_level(tx, sku, expected, &back).await?;
    }
    write(tx, order, expected, &Reservation { state: ReservationState::Released, ..reservation }).await
}

/// Notes that nothing is to be reserved for an order that is not known yet.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Conflict`] if it has become known meanwhile.
pub async fn mark_released(tx: &mut dyn Transaction, order: &str) -> Result<(), StoreError> {
    let never = Reservation { units: BTreeMap::new(), state: ReservationState::Released };
    write(tx, order, Expected::Absent, &never).await
}

async fn find(tx: &mut dyn Transaction, order: &str) -> Result<Option<(Reservation, Expected)>, StoreError> {
    let Some(document) = tx.get(RESERVATION_COLLECTION, order).await? else { return Ok(None) };
    let reservation = serde_json::from_slice(&document.body)
        .map_err(|error| StoreError::Refused(format_smolstr!("the reservation for {order} can't be read: {error}")))?;
    Ok(Some((reservation, Expected::Version(document.version))))
}

async fn write(
    tx: &mut dyn Transaction,
    order: &str,
    expected: Expected,
    reservation: &Reservation,
) -> Result<(), StoreError> {
    tx.put(RESERVATION_COLLECTION, order, expected, encode(reservation)).await.map(drop)
}
