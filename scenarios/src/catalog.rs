//! All scenarios, by name.

use seaworthy_sim::{
    catalogue::{Entry, UnknownScenario, nearest},
    scenario::Scenario,
};

use crate::{
    card_table::CardTable,
    controls,
    event_store::EventStore,
    order_fulfillment::OrderFulfillment,
    order_inventory::OrderInventory,
    payments::{PaymentService, bugs},
    specimens,
    welcoming::Welcoming,
};

/// Every scenario of this crate, whatever its workload.
pub fn entries() -> Vec<Entry> {
    let shops = all().into_iter().chain([OrderFulfillment::in_two_releases()]).map(Entry::new);
    let payments = std::iter::once(PaymentService::new()).chain(bugs::all()).map(Entry::new);
    let controls = controls::all().into_iter().map(Entry::new);
    let small = specimens::small().into_iter().flat_map(|(broken, right)| [right, broken]).map(Entry::new);
    let contexts = [OrderInventory::choreographed(), OrderInventory::orchestrated()];
    let contexts = contexts.into_iter().chain(specimens::contexts()).map(Entry::new);
    let cards = std::iter::once(CardTable::new()).chain(specimens::cards()).map(Entry::new);
    let streams = [EventStore::new()].into_iter().chain(specimens::streams()).map(Entry::new);
    shops
        .chain(contexts)
        .chain(cards)
        .chain(streams)
        .chain(payments)
        .chain([Entry::new(Welcoming)])
        .chain(small)
        .chain(controls)
        .collect()
}

/// The shop with everything right in one release, and its broken twins.
pub fn all() -> Vec<OrderFulfillment> {
    let mut all = vec![OrderFulfillment::new()];
    all.extend(specimens::twins());
    all
}

/// The shop, or the twin of it, of this name.
///
/// # Errors
/// [`UnknownScenario`], with the nearest name that there is.
pub fn find(name: &str) -> Result<OrderFulfillment, UnknownScenario> {
    let mut all = all();
    if let Some(at) = all.iter().position(|scenario| scenario.name() == name) {
        return Ok(all.swap_remove(at));
    }
    let nearest = nearest(name, all.iter().map(Scenario::name));
    Err(UnknownScenario { name: name.to_owned(), nearest })
}
