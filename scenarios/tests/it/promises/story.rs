//! A run as its trace tells it, without the part of the simulator that judges.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::{
    ids::{MessageId, SagaId},
    message::Message,
    ports::{Operation, SagaStatus},
};
use seaworthy_order_fulfillment::documents::{ORDER_COLLECTION, OrderStatus, STOCK_COLLECTION, StockLevel};
use seaworthy_scenarios::order_fulfillment::Orders;
use seaworthy_sim::{
    trace::{Effect, Event, SettledAs, What},
    world::RunReport,
};
use serde::Deserialize;
use smol_str::SmolStr;

pub(super) struct Story<'a> {
    pub(super) report: &'a RunReport,
    pub(super) workload: &'a Orders,
    pub(super) events: &'a [Event],
}

/// How a row of an outbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Pending,
    Claimed,
    Dispatched,
    Dead,
}

impl<'a> Story<'a> {
    pub(super) fn new(report: &'a RunReport, workload: &'a Orders) -> Self {
        Self { report, workload, events: report.trace.as_deref().expect("it was asked for") }
    }

    /// The name of the process that an event belongs to; none for the world.
    pub(super) fn process(&self, event: &Event) -> Option<&'a str> {
        self.report.processes.get(usize::from(event.process.0)).map(SmolStr::as_str)
    }

    /// Commits that took effect: their event, their store and what they made true.
    pub(super) fn commits(&self) -> impl Iterator<Item = (&'a Event, &'a SmolStr, &'a [Effect])> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => Some((event, store, &effects[..])),
            _ => None,
        })
    }

    pub(super) fn staged(&self) -> impl Iterator<Item = &'a Message> {
        self.commits().flat_map(|(_, _, effects)| effects).filter_map(|effect| match effect {
            Effect::Staged(message) => Some(&**message),
            _ => None,
        })
    }

    /// Messages that were offered to the broker, taken or not.
    pub(super) fn offered(&self) -> impl Iterator<Item = &'a Message> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Publish { message, .. } => Some(&**message),
            _ => None,
        })
    }

    /// How each row stands in the end, and which were dead at any time.
    pub(super) fn rows(&self) -> (BTreeMap<MessageId, Row>, BTreeSet<MessageId>) {
        let (mut rows, mut ids, mut were_dead) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for event in self.events {
            match &event.what {
                What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                    rows.extend(effects.iter().filter_map(|effect| match effect {
                        Effect::Staged(message) => Some((message.id, Row::Pending)),
                        _ => None,
                    }));
                }
                What::Claim { store, rows: claimed, outcome, .. } if outcome.took_effect() => {
                    for row in claimed.iter() {
                        ids.insert((store.clone(), row.row), row.message);
                        rows.insert(row.message, Row::Claimed);
                    }
                }
                What::Settle { store, rows: settled, outcome, .. } if outcome.took_effect() => {
                    for row in settled.iter().filter(|row| row.held) {
                        let message = ids[&(store.clone(), row.row)];
                        let now = match row.settled {
                            SettledAs::Dispatched => Row::Dispatched,
                            SettledAs::Dead => Row::Dead,
                            _ => Row::Pending,
                        };
                        rows.insert(message, now);
                        if now == Row::Dead {
                            were_dead.insert(message);
                        }
                    }
                }
                What::StoreCall { operation: Operation::Redrive, outcome, messages, .. } if outcome.took_effect() => {
                    rows.extend(messages.iter().map(|message| (message, Row::Pending)));
                }
                _ => {}
            }
        }
        (rows, were_dead)
    }

    /// The keys of the sagas, and how each stands in the end.
    pub(super) fn sagas(&self) -> BTreeMap<SagaId, (SmolStr, SagaStatus)> {
        let mut sagas = BTreeMap::new();
        for effect in self.commits().flat_map(|(_, _, effects)| effects) {
            match effect {
                Effect::SagaCreated { saga, key, .. } => {
                    sagas.insert(*saga, (key.clone(), SagaStatus::Running));
                }
                Effect::SagaLogged { saga, status, .. } => {
                    if let Some(known) = sagas.get_mut(saga) {
                        known.1 = *status;
                    }
                }
                _ => {}
            }
        }
        sagas
    }

    /// The stock in the end, by article.
    pub(super) fn stock(&self) -> BTreeMap<SmolStr, StockLevel> {
        let first = |units: &u64| StockLevel { available: *units as i64, ..StockLevel::default() };
        let mut stock: BTreeMap<_, _> =
            self.workload.stock.iter().map(|(sku, units)| (sku.clone(), first(units))).collect();
        for effect in self.commits().flat_map(|(_, _, effects)| effects) {
            if let Effect::Document { collection, id, body: Some(body), .. } = effect
                && collection == STOCK_COLLECTION
            {
                stock.insert(id.clone(), serde_json::from_slice(body).expect("a level"));
            }
        }
        stock
    }

    /// How each order stands in the end.
    pub(super) fn orders(&self) -> BTreeMap<SmolStr, OrderStatus> {
        self.commits().flat_map(|(_, _, effects)| effects).filter_map(status).collect()
    }
}

/// The status that an effect gives an order.
pub(super) fn status(effect: &Effect) -> Option<(SmolStr, OrderStatus)> {
    #[derive(Deserialize)]
    struct Order {
        status: OrderStatus,
    }
    match effect {
        Effect::Document { collection, id, body: Some(body), .. } if collection == ORDER_COLLECTION => {
            let order: Order = serde_json::from_slice(body).expect("an order");
            Some((id.clone(), order.status))
        }
        _ => None,
    }
}
