//! Invariants of orders and stock, read from what both contexts write. They are the same in both variants.

use std::collections::BTreeMap;

use seaworthy_order_inventory::{
    inventory::{RESERVATION_COLLECTION, Reservation, ReservationState, STOCK_COLLECTION, StockLevel},
    orders::{ORDER_COLLECTION, Order, OrderStatus},
};
use seaworthy_sim::{
    invariants::{Interest, Invariant},
    prelude::*,
};
use smol_str::SmolStr;

use super::Wishes;

/// The business invariants for a run of `wishes`.
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
        life_cycle(),
        units_conserved(wishes),
        order_and_stock_agree(),
        reached("order-confirmed", OrderStatus::Confirmed),
        reached("order-failed", OrderStatus::Failed),
        reached("order-cancelled", OrderStatus::Cancelled),
        given_back.boxed(),
        sometimes("duplicate-absorbed", ()).on_event(Interest::DUPLICATE_SEEN, |(), _| true).boxed(),
    ]
}

/// An order is pending first, and leaves that once: it never comes back from an end, or goes from one to another.
fn life_cycle() -> Box<dyn Invariant> {
    always("order-life-cycle", BTreeMap::<SmolStr, (OrderStatus, u64)>::new())
        .on_document(ORDER_COLLECTION, |orders, order: Written<'_, Order>| {
            let (id, status) = (order.id, order.value.status);
            let before = orders.insert(id.clone(), (status, order.event.number));
            let sentence = match before {
                None if status == OrderStatus::Pending => return Ok(()),
                None => format!("order {id} is {status:?} from the beginning"),
                Some((OrderStatus::Pending, _)) => return Ok(()),
                Some((before, _)) if before == status => return Ok(()),
                Some((before, _)) => format!("order {id} was {before:?}, and is {status:?}"),
            };
            let broken = Broken::new(id.as_str(), sentence);
            let broken = before.map_or(broken.clone(), |(_, event)| broken.at(event));
            Err(broken.at(order.event))
        })
        .boxed()
}

/// Units of an article only move between available, reserved and sold: their sum stays, none is negative, and in the end
/// nothing stays reserved for nobody.
fn units_conserved(wishes: &Wishes) -> Box<dyn Invariant> {
    let initial = wishes.stock.clone();
    always("units-conserved", BTreeMap::<SmolStr, (StockLevel, u64)>::new())
        .on_document(STOCK_COLLECTION, move |articles, level: Written<'_, StockLevel>| {
            let (sku, &StockLevel { available, reserved, sold }) = (level.id, level.value);
            let before = articles.insert(sku.clone(), (*level.value, level.event.number));
            let (sum, first) = (available + reserved + sold, initial.get(sku).copied().unwrap_or(0));
            let sentence = if u64::try_from(sum) != Ok(first) {
                format!("{sku} has {sum} units in all, and had {first} at the start")
            } else if available < 0 || reserved < 0 || sold < 0 {
                format!("{sku} has {available} units available, {reserved} reserved, {sold} sold")
            } else {
                return Ok(());
            };
            let broken = Broken::new(sku.as_str(), sentence);
            let broken = before.map_or(broken.clone(), |(_, event)| broken.at(event));
            Err(broken.at(level.event))
        })
        .at_rest(|articles| {
            let left = std::mem::take(articles).into_iter().filter(|(_, (level, _))| level.reserved != 0);
            left.map(|(sku, (level, event))| {
                let sentence = format!("{} units of {sku} stay reserved for nobody", level.reserved);
                Broken::new(sku.as_str(), sentence).at(event)
            })
        })
        .boxed()
}

/// An order and the stock, as they were last written.
#[derive(Default)]
struct Seen {
    orders: BTreeMap<SmolStr, (Order, u64)>,
    sold: BTreeMap<SmolStr, (i64, u64)>,
}

/// In the end no order is pending, and of each article as much is sold as the confirmed orders want.
fn order_and_stock_agree() -> Box<dyn Invariant> {
    eventually("order-and-stock-agree", Seen::default())
        .on_document(ORDER_COLLECTION, |seen, order: Written<'_, Order>| {
            seen.orders.insert(order.id.clone(), (order.value.clone(), order.event.number));
        })
        .on_document(STOCK_COLLECTION, |seen, level: Written<'_, StockLevel>| {
            seen.sold.insert(level.id.clone(), (level.value.sold, level.event.number));
        })
        .at_rest(|seen| {
            let Seen { orders, sold } = std::mem::take(seen);
            let pending = orders.iter().filter(|(_, (order, _))| order.status == OrderStatus::Pending);
            let mut broken: Vec<Broken> = pending
                .map(|(id, (_, event))| Broken::new(id.as_str(), format!("order {id} is pending for ever")).at(*event))
                .collect();
            let mut wanted = BTreeMap::<SmolStr, i64>::new();
            for (order, _) in orders.values().filter(|(order, _)| order.status == OrderStatus::Confirmed) {
                for line in &order.lines {
                    *wanted.entry(line.sku.clone()).or_default() += i64::from(line.units);
                }
            }
            for (sku, (sold, event)) in sold {
                let wanted = wanted.remove(&sku).unwrap_or(0);
                if sold != wanted {
                    let sentence = format!("{sold} units of {sku} are sold, and confirmed orders want {wanted}");
                    broken.push(Broken::new(sku.as_str(), sentence).at(event));
                }
            }
            let missing = wanted.into_iter().map(|(sku, wanted)| {
                Broken::new(sku.as_str(), format!("no unit of {sku} is sold, and confirmed orders want {wanted}"))
            });
            broken.extend(missing);
            broken
        })
        .boxed()
}
