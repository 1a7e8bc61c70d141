//! From the commit to the broker: nothing that was not committed, nothing marked before its time, nothing lost.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_order_fulfillment::{documents::OrderStatus, messages::ORDER_CONFIRMED};
use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    invariants::Ending,
    plan::FaultKind,
    trace::{Effect, Outcome, SettledAs, What},
};

use super::{
    assert_finds, assert_holds,
    story::{Row, Story, status},
};

#[test]
fn seed_12_at_each_step_the_broker_was_offered_only_what_had_been_committed() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let (mut committed, mut judged) = (BTreeMap::new(), 0);
        for event in story.events {
            for effect in event.effects() {
                if let Effect::Staged(message) = effect {
                    committed.insert(message.id, message.data.clone());
                }
            }
            if let What::Publish { message, .. } = &event.what {
                judged += 1;
                if committed.get(&message.id) != Some(&message.data) {
                    return Err(format!("{} of {} was never committed so", message.kind, message.subject));
                }
            }
        }
        Ok(judged)
    }
    assert_holds(&OrderFulfillment::new(), oracle);
    assert_finds("dual-write", oracle);
}

#[test]
fn seed_32_each_row_that_is_marked_as_dispatched_was_acknowledged_by_the_broker_before() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let (mut acknowledged, mut ids, mut judged) = (BTreeSet::new(), BTreeMap::new(), 0);
        for event in story.events {
            match &event.what {
                What::Publish { message, outcome: Outcome::Done, .. } => {
                    acknowledged.insert(message.id);
                }
                What::Claim { store, rows, outcome, .. } if outcome.took_effect() => {
                    ids.extend(rows.iter().map(|row| ((store.clone(), row.row), row.message)));
                }
                What::Settle { store, rows, outcome, .. } if outcome.took_effect() => {
                    for row in rows.iter().filter(|row| row.settled == SettledAs::Dispatched) {
                        judged += 1;
                        let message = ids[&(store.clone(), row.row)];
                        if !acknowledged.contains(&message) {
                            return Err(format!("{message} is dispatched, and no broker has said so"));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(judged)
    }
    assert_holds(&OrderFulfillment::new(), oracle);
    assert_finds("mark-before-publish", oracle);
}

/// Of each row in the end: it is dispatched, or given up.
fn settled(story: &Story<'_>) -> Result<u64, String> {
    if story.report.ending != Ending::Quiet {
        return Err(format!("it does not come to rest: {:?}", story.report.ending));
    }
    let (rows, _) = story.rows();
    match rows.iter().find(|(_, row)| matches!(row, Row::Pending | Row::Claimed)) {
        Some((message, row)) => Err(format!("{message} is {row:?} in the end")),
        None => Ok(rows.len() as u64),
    }
}

#[test]
fn seed_10_in_the_end_no_row_is_pending_or_claimed_and_a_relay_that_marks_first_is_found() {
    assert_holds(&OrderFulfillment::new(), settled);
    // It leaves no row behind: what gives it away is that nobody was told.
    assert_finds("mark-before-publish", |story| {
        let taken = story.events.iter().filter_map(|event| match &event.what {
            What::Publish { message, outcome, .. } if outcome.took_effect() => Some(message.id),
            _ => None,
        });
        let taken: BTreeSet<_> = taken.collect();
        let (rows, _) = story.rows();
        let told = |(message, row): (&_, &Row)| *row != Row::Dispatched || taken.contains(message);
        if rows.iter().all(told) { Ok(rows.len() as u64) } else { Err("dispatched to nobody".to_owned()) }
    });
}

#[test]
fn seed_13_what_was_committed_is_dispatched_or_dead_in_the_end_and_dead_only_where_the_plan_refuses_it() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let judged = settled(story)?;
        let (rows, were_dead) = story.rows();
        let staged: BTreeSet<_> = story.staged().map(|message| message.id).collect();
        if staged != rows.keys().copied().collect() {
            return Err("there are rows that nobody has staged".to_owned());
        }
        // What is refused for good, and what kills whoever publishes it.
        let poisons = [FaultKind::Reject, FaultKind::PoisonPublish];
        let poisoned = story.report.fired.iter().any(|fired| poisons.contains(&fired.kind));
        match were_dead.first() {
            Some(dead) if !poisoned => Err(format!("{dead} died of its own: {:?}", story.report.fired)),
            _ => Ok(judged),
        }
    }
    assert_holds(&OrderFulfillment::new(), oracle);
    assert_finds("outage-burns-budget", oracle);
}

#[test]
fn seed_07_an_order_is_confirmed_exactly_where_one_row_says_so_in_the_same_commit() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let (mut before, mut judged) = (BTreeMap::new(), 0);
        let mut told: BTreeMap<_, u32> = BTreeMap::new();
        for (_, _, effects) in story.commits() {
            let rows = effects.iter().filter_map(|effect| match effect {
                Effect::Staged(message) if message.kind == ORDER_CONFIRMED => Some(message.subject.clone()),
                _ => None,
            });
            let mut rows: Vec<_> = rows.collect();
            for (order, now) in effects.iter().filter_map(status) {
                let was = before.insert(order.clone(), now);
                if was == Some(OrderStatus::Pending) && now == OrderStatus::Confirmed {
                    judged += 1;
                    *told.entry(order.clone()).or_default() += 1;
                    if rows != [order.clone()] {
                        return Err(format!("{order} is confirmed beside {rows:?}"));
                    }
                    rows.clear();
                }
            }
            if !rows.is_empty() {
                return Err(format!("{rows:?} are told to be confirmed and are not"));
            }
        }
        for (order, status) in story.orders() {
            let confirmed = matches!(status, OrderStatus::Confirmed | OrderStatus::Shipped);
            if told.get(&order).copied().unwrap_or(0) != u32::from(confirmed) {
                return Err(format!("{order} is {status:?}, which was told {:?} times", told.get(&order)));
            }
        }
        Ok(judged)
    }
    assert_holds(&OrderFulfillment::new(), oracle);
}
