//! Invariants of orders and stock, read from what both contexts write. They are the same in both variants.

use std::collections::BTreeMap;

use seaworthy_order_inventory::{
    inventory::{RESERVATION_COLLECTION, Reservation, ReservationState, STOCK_COLLECTION, StockLevel},
    messages::INVENTORY,
    orders::{ORDER_COLLECTION, Order, OrderStatus},
};
use seaworthy_sim::{
    invariants::{Conservation, Interest, Invariant, Property},
    prelude::*,
};
use smol_str::SmolStr;

use super::Wishes;

/// The business invariants: all but one and the goals are what the harness makes of a name, a collection and a closure.
pub(super) fn business(wishes: &Wishes) -> Vec<Box<dyn Invariant>> {
    let reached = |goal, status| {
        let is_it = move |(): &mut (), order: Written<'_, Order>| order.value.status == status;
        sometimes(goal, ()).on_document(ORDER_COLLECTION, is_it).boxed()
    };
    let given_back = sometimes("reservation-given-back", ()).on_document(
        RESERVATION_COLLECTION,
        |(), reservation: Written<'_, Reservation>| {
            reservation.value.state == ReservationState::Released && !reservation.value.units.is_empty()
        },
    );
    vec![
        stays("order-life-cycle", ORDER_COLLECTION, |order: &Order| {
            (order.status != OrderStatus::Pending).then_some(order.status)
        })
        .boxed(),
        ends("orders-end", ORDER_COLLECTION, |order: &Order| {
            (order.status == OrderStatus::Pending).then(|| format!("the word of `{INVENTORY}`"))
        })
        .boxed(),
        reservations_stay().boxed(),
        ends("reservations-end", RESERVATION_COLLECTION, |reservation: &Reservation| {
            (reservation.state == ReservationState::Reserved).then(|| "the end of its order".to_owned())
        })
        .boxed(),
        units_conserved(wishes).boxed(),
        units_reserved().boxed(),
        units_sold().boxed(),
        stock_by_article(wishes),
        reached("order-confirmed", OrderStatus::Confirmed),
        reached("order-failed", OrderStatus::Failed),
        reached("order-cancelled", OrderStatus::Cancelled),
        given_back.boxed(),
        sometimes("duplicate-absorbed", ()).on_event(Interest::DUPLICATE_SEEN, |(), _| true).boxed(),
    ]
}

/// A reservation that was sold, given back or refused stays so.
fn reservations_stay() -> Property<impl Send + 'static, Result<(), Broken>> {
    stays("reservation-life-cycle", RESERVATION_COLLECTION, |reservation: &Reservation| {
        (reservation.state != ReservationState::Reserved).then(|| reservation.state.clone())
    })
}

/// Units only move between available, reserved and sold, and of none of these there are ever fewer than none.
fn units_conserved(wishes: &Wishes) -> Conservation {
    let units = conserved("units-conserved")
        .on_parts(STOCK_COLLECTION, |level: &StockLevel| [level.available, level.reserved, level.sold]);
    wishes.stock.iter().fold(units, |units, (sku, first)| {
        units.prepared(STOCK_COLLECTION, sku.clone(), i64::try_from(*first).unwrap_or(i64::MAX))
    })
}

/// Units that the stock holds back are those of reservations, in each commit.
fn units_reserved() -> Conservation {
    conserved("units-reserved").on_document(STOCK_COLLECTION, |level: &StockLevel| level.reserved).on_document(
        RESERVATION_COLLECTION,
        |reservation: &Reservation| {
            let is_held = reservation.state == ReservationState::Reserved;
            if is_held { -reservation.units.values().copied().map(i64::from).sum::<i64>() } else { 0 }
        },
    )
}

/// In the end as many units are sold as confirmed orders want.
fn units_sold() -> Conservation {
    conserved("units-sold")
        .on_document(STOCK_COLLECTION, |level: &StockLevel| level.sold)
        .on_document(ORDER_COLLECTION, |order: &Order| {
            let is_confirmed = order.status == OrderStatus::Confirmed;
            if is_confirmed { -order.lines.iter().map(|line| i64::from(line.units)).sum::<i64>() } else { 0 }
        })
        .at_rest()
}

/// Orders and stock, as they were last written.
#[derive(Default)]
struct Seen {
    orders: BTreeMap<SmolStr, Order>,
    stock: BTreeMap<SmolStr, (StockLevel, u64)>,
}

/// In the end of each article as much is sold as the confirmed orders want, and the rest is available: the sums above, which are of
/// all articles together, asked of each.
fn stock_by_article(wishes: &Wishes) -> Box<dyn Invariant> {
    let initial = wishes.stock.clone();
    eventually("stock-by-article", Seen::default())
        .on_document(ORDER_COLLECTION, |seen, order: Written<'_, Order>| {
            seen.orders.insert(order.id.clone(), order.value.clone());
        })
        .on_document(STOCK_COLLECTION, |seen, level: Written<'_, StockLevel>| {
            seen.stock.insert(level.id.clone(), (*level.value, level.event.number));
        })
        .at_rest(move |seen| {
            let Seen { orders, stock } = std::mem::take(seen);
            let mut wanted = BTreeMap::<SmolStr, i64>::new();
            for order in orders.values().filter(|order| order.status == OrderStatus::Confirmed) {
                for line in &order.lines {
                    *wanted.entry(line.sku.clone()).or_default() += i64::from(line.units);
                }
            }
            let mut broken = Vec::new();
            for (sku, (is, event)) in stock {
                let sold = wanted.remove(&sku).unwrap_or(0);
                let first = initial.get(&sku).map_or(0, |first| i64::try_from(*first).unwrap_or(i64::MAX));
                let expected = StockLevel { available: first - sold, reserved: 0, sold };
                if is != expected {
                    let sentence = format!("{sku} ends with {is:?}, and confirmed orders make it {expected:?}");
                    broken.push(Broken::new(sku.as_str(), sentence).at(event));
                }
            }
            broken.extend(wanted.into_iter().map(|(sku, wanted)| {
                Broken::new(sku.as_str(), format!("no unit of {sku} is sold, and confirmed orders want {wanted}"))
            }));
            broken
        })
        .boxed()
}
