//! What a checkout leaves behind, step by step and when it turns back.

use std::collections::BTreeSet;

use seaworthy_core::{ports::SagaStatus, saga::Record};
use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus, STOCK_COLLECTION, StockLevel},
    messages::{ORDER_CONFIRMED, SHIPMENT_REQUESTED},
};
use seaworthy_scenarios::order_fulfillment::{OrderFulfillment, Orders, PlannedOrder, provider::CARD_LIMIT_CENTS};
use seaworthy_sim::{invariants::Ending, trace::Effect};

use super::{assert_holds, story::Story};

/// A shop where every card is declined.
fn declining() -> OrderFulfillment {
    let order = |number: u64| PlannedOrder {
        at_ms: number * 20,
        id: format!("order-{number}").into(),
        sku: "cd-1".into(),
        quantity: 2,
        amount_cents: CARD_LIMIT_CENTS + 1,
        customer: number,
        cancel_after_ms: None,
    };
    let stock = [("cd-1".into(), 5), ("cd-2".into(), 3)].into();
    OrderFulfillment::new().with_orders(Orders { stock, orders: (1..=3).map(order).collect() })
}

#[test]
fn seed_04_where_each_payment_is_declined_each_checkout_is_undone_and_the_stock_is_what_it_was() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        if story.report.ending != Ending::Quiet {
            return Err(format!("it does not come to rest: {:?}", story.report.ending));
        }
        let sagas = story.sagas();
        if let Some((key, status)) = sagas.values().find(|(_, status)| *status != SagaStatus::Compensated) {
            return Err(format!("the checkout of {key} is {status:?}"));
        }
        for (sku, level) in story.stock() {
            let first = StockLevel { available: story.workload.stock[&sku] as i64, ..StockLevel::default() };
            if level != first {
                return Err(format!("of {sku} there is {level:?} instead of {first:?}"));
            }
        }
        match story.orders().into_iter().find(|(_, status)| *status != OrderStatus::Cancelled) {
            Some((order, status)) => Err(format!("{order} is {status:?}")),
            None => Ok(sagas.len() as u64),
        }
    }
    assert_holds(&declining(), oracle);
}

#[test]
fn seed_05_of_a_checkout_that_was_undone_nothing_was_staged_or_published_for_those_behind_it() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let undone = story.sagas().into_values().filter(|(_, status)| *status == SagaStatus::Compensated);
        let undone: BTreeSet<_> = undone.map(|(key, _)| key).collect();
        let forward = [ORDER_CONFIRMED, SHIPMENT_REQUESTED];
        let told = story.staged().chain(story.offered());
        match told.into_iter().find(|it| forward.contains(&&*it.kind) && undone.contains(&it.subject)) {
            Some(message) => Err(format!("{} of {}, whose checkout was undone", message.kind, message.subject)),
            None => Ok(undone.len() as u64),
        }
    }
    assert_holds(&declining(), oracle);
    // Of drawn orders and under faults some are undone, others are not.
    let some = super::judge(&OrderFulfillment::new(), oracle);
    assert!(some.broken.is_empty() && some.judged > 100, "{some:?}");
}

/// What a step writes, in the commit that logs it.
fn is_whole(step: &str, effects: &[Effect]) -> bool {
    let writes = |collection: &str| {
        effects.iter().any(|effect| matches!(effect, Effect::Document { collection: it, .. } if it == collection))
    };
    let stages = |kind: &str| effects.iter().any(|effect| matches!(effect, Effect::Staged(it) if it.kind == kind));
    match step {
        "open_order" => writes(ORDER_COLLECTION) && !stages(ORDER_CONFIRMED),
        "reserve_stock" => {
            writes(STOCK_COLLECTION) && effects.iter().any(|effect| matches!(effect, Effect::Operation { .. }))
        }
        "charge_card" => !writes(ORDER_COLLECTION) && !writes(STOCK_COLLECTION),
        "confirm_order" => writes(ORDER_COLLECTION) && stages(ORDER_CONFIRMED),
        "request_shipment" => stages(SHIPMENT_REQUESTED),
        _ => false,
    }
}

#[test]
fn seed_06_each_step_of_a_checkout_is_one_commit_with_all_that_it_wrote_however_it_is_cut() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let mut done = BTreeSet::new();
        for (_, _, effects) in story.commits() {
            let mut steps = 0;
            for effect in effects {
                let Effect::SagaLogged { saga, records, .. } = effect else { continue };
                for record in records {
                    let Record::Done { step, .. } = Record::decode(record).map_err(|error| error.to_string())? else {
                        continue;
                    };
                    steps += 1;
                    if !done.insert((*saga, step.clone())) {
                        return Err(format!("{step} was done twice"));
                    }
                    if !is_whole(&step, effects) {
                        return Err(format!("{step} is torn: {effects:?}"));
                    }
                }
            }
            if steps > 1 {
                return Err(format!("{steps} steps in one commit: {effects:?}"));
            }
            let tells = |effect: &Effect| matches!(effect, Effect::Staged(it) if it.kind == ORDER_CONFIRMED || it.kind == SHIPMENT_REQUESTED);
            if steps == 0 && effects.iter().any(tells) {
                return Err(format!("a step's message without the step: {effects:?}"));
            }
        }
        Ok(done.len() as u64)
    }
    assert_holds(&OrderFulfillment::new(), oracle);
}
