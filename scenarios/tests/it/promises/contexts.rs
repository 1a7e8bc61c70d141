//! Two contexts with a store each: what crosses from one to the other is messages.

use std::collections::BTreeSet;

use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::trace::{Effect, What};

use super::{assert_holds, story::Story};

/// Each call of a process to a store is to its own, it hears of others as a consumer only, and what it hears was published.
#[test]
fn seed_55_each_context_touches_its_own_store_and_hears_of_the_other_by_messages_alone() {
    fn oracle(story: &Story<'_>) -> Result<u64, String> {
        let (mut judged, mut published, mut heard) = (0, BTreeSet::new(), BTreeSet::new());
        for event in story.events {
            if let What::Publish { message, outcome, .. } = &event.what
                && outcome.took_effect()
            {
                published.insert(message.id);
            }
            let Some(process) = story.process(event) else { continue };
            let context = process.split('-').next().unwrap_or_default();
            let store = match &event.what {
                What::Commit { store, .. }
                | What::Claim { store, .. }
                | What::Settle { store, .. }
                | What::Acquire { store, .. }
                | What::StoreCall { store, .. } => Some(store),
                What::Subscribe { group, .. } | What::Deliver { group, .. } | What::Ack { group, .. } => Some(group),
                _ => None,
            };
            if let Some(store) = store {
                judged += 1;
                if store != context {
                    return Err(format!("{process} is at {store}: {:?}", event.what));
                }
            }
            for effect in event.effects() {
                if let Effect::Handled { consumer, message } = effect {
                    heard.insert(*message);
                    if consumer != context || !published.contains(message) {
                        return Err(format!("{process} has handled {message} as {consumer}"));
                    }
                }
            }
        }
        Ok(judged + heard.len() as u64)
    }
    assert_holds(&OrderFulfillment::new(), oracle);
}
