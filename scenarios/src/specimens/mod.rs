//! Services that are wrong in one part, as one might write it by hand.
//!
//! A specimen is one file, `FAMILY/SLUG.rs`, named as the scenario is. It says which threads it takes, how it goes wrong,
//! which invariant that violates, and what is right instead; and it holds the smallest service that shows the mistake,
//! wrong as `FAMILY/SLUG` and right as `FAMILY/SLUG/right`. Ten of them are also made within a whole service, as
//! `order_fulfillment/SLUG`: a broken twin of the shop that differs from it in that one piece.
//!
//! | family | specimen | what is wrong |
//! |---|---|---|
//! | [`outbox`] | [`dual_write`](outbox::dual_write) | the message is published after the commit, without an outbox |
//! | [`relay`] | [`mark_before_publish`](relay::mark_before_publish) | the relay marks rows as sent before the broker has them |
//! | | [`batch_result_ignored`](relay::batch_result_ignored) | the relay takes the broker's word on the batch for its word on each message |
//! | | [`outage_burns_budget`](relay::outage_burns_budget) | the relay gives rows up because the broker was down |
//! | [`inbox`] | [`effect_then_mark`](inbox::effect_then_mark) | the letter is written in one transaction, the inbox row in the next |
//! | | [`mark_then_effect`](inbox::mark_then_effect) | the inbox row is written in one transaction, the letter in the next |
//! | | [`ack_before_commit`](inbox::ack_before_commit) | the broker hears of success before there is any |
//! | [`saga`] | [`compensation_skipped_after_crash`](saga::compensation_skipped_after_crash) | what is to be compensated is known to the process only, and lost in a crash |
//! | | [`stale_version_compensation`](saga::stale_version_compensation) | the compensation expects the version that it saw long ago, and gives up |
//! | | [`fresh_idempotency_key`](saga::fresh_idempotency_key) | each attempt to charge has a key of its own |
//! | | [`approval_apart`](saga::approval_apart) | an approval is noted as handled in one transaction, and given to its saga in the next |
//! | [`choreography`] | [`release_before_reserve`](choreography::release_before_reserve) | a release that comes before its reservation is taken for somebody else's |
//! | [`queue`] | [`finish_without_fence`](queue::finish_without_fence) | a worker finishes a job that another has taken over |

mod by_hand;
mod cards;
mod contexts;
mod shop;
mod streams;

pub mod choreography;
pub mod inbox;
pub mod outbox;
pub mod queue;
pub mod relay;
pub mod saga;

use crate::{
    card_table::CardTable, event_store::EventStore, order_fulfillment::OrderFulfillment,
    order_inventory::OrderInventory, small::SmallService,
};

/// The broken twins of the shop, in the order of the table above.
pub fn twins() -> Vec<OrderFulfillment> {
    shop::twins()
}

/// The broken twins of `order_inventory`, of both its variants.
///
/// | twin | what is wrong |
/// |---|---|
/// | `choreographed/takes-before-it-fails` | a reservation that fails keeps what it had taken of the articles before |
/// | `choreographed/reserves-again` | a message that comes twice takes its units twice |
/// | `choreographed/same-article-twice` | each line of an order is held against the whole stock |
/// | `choreographed/late-answer-revives` | an answer that comes late confirms an order that was called off |
/// | `choreographed/nobody-gives-back` | what was reserved for an order that is called off stays reserved |
/// | `choreographed/gives-back-what-was-wanted` | an order that is called off gives back what was never reserved |
/// | `orchestrated/orchestrator-in-memory` | how far an order has come stands in a task of its process |
/// | `orchestrated/hears-after-the-commit` | an answer is noted as handled in one commit, and given to its saga in the next |
/// | `orchestrated/releases-what-was-answered` | an order that is called off before its answer comes releases nothing |
/// | `orchestrated/confirms-before-it-knows` | the point of no return comes before the answer |
/// | `orchestrated/takes-silence-for-yes` | an answer that is late is taken for yes |
/// | `orchestrated/answers-apart` | the stock reserves in one commit, and answers in the next |
pub fn contexts() -> Vec<OrderInventory> {
    contexts::twins()
}

/// The broken twins of `card_table`.
///
/// | twin | what is wrong |
/// |---|---|
/// | `unseen-is-version-zero` | a wallet that was not looked up is taken for one at version 0 |
/// | `same-sequence-twice` | two payouts for one wallet expect the same version |
/// | `releases-all-that-is-reserved` | a join that is rejected releases what others have reserved, too |
/// | `sends-all-again` | where one payout is stale, all of the settlement are sent again |
/// | `seats-on-a-stale-view` | the router decides about a seat, and the table seats whom it says |
/// | `appends-to-any-version` | a join is appended to its wallet whatever has happened there meanwhile |
/// | `idle-timer-in-memory` | the time to act is kept by a task of the process |
/// | `late-timer-voids` | a timer that goes off after the hand's end voids the hand |
pub fn cards() -> Vec<CardTable> {
    cards::twins()
}

/// The broken twins of `event_store`.
///
/// | twin | what is wrong |
/// |---|---|
/// | `checkpoint-after-effect` | the checkpoint moves in a transaction after that of the effect |
/// | `checkpoint-before-effect` | the checkpoint moves in a transaction before that of the effect |
/// | `reads-by-time` | the checkpoint is the time of the last event, and not its position |
/// | `skips-what-fails` | an event that can't be handled now is passed over |
/// | `shared-checkpoint` | two subscribers have one name, and so one checkpoint |
/// | `rebuild-in-place` | a projection is built anew into the collection that is read |
/// | `appends-at-any-version` | a booking is decided by what was read before, and appended whatever came since |
/// | `no-inbox-behind-the-log` | the service behind the broker takes what comes twice for two |
pub fn streams() -> Vec<EventStore> {
    streams::twins()
}

/// The specimens, in the order of the table above, each with its right twin.
pub fn small() -> Vec<(SmallService, SmallService)> {
    [outbox::all(), relay::all(), inbox::all(), saga::all(), choreography::all(), queue::all()].concat()
}
