//! Services that are wrong in one part, as one might write it by hand.
//!
//! A specimen is one file, `FAMILY/SLUG.rs`, named as the scenario is. It says which threads it takes, how it goes wrong,
//! which invariant that violates, and what is right instead. The first ten are broken twins of `order_fulfillment` and
//! replace one piece of it; the others are the smallest service that shows the mistake, and have its right twin in the
//! same file.
//!
//! | family | specimen | what is wrong |
//! |---|---|---|
//! | [`outbox`] | [`dual_write`](outbox::dual_write) | the request for the shipment is published after the commit, without an outbox |
//! | [`relay`] | [`mark_before_publish`](relay::mark_before_publish) | the relay marks rows as sent before the broker has them |
//! | | [`batch_result_ignored`](relay::batch_result_ignored) | the relay takes the broker's word on the batch for its word on each message |
//! | | [`outage_burns_budget`](relay::outage_burns_budget) | the relay gives rows up because the broker was down |
//! | [`inbox`] | [`effect_then_mark`](inbox::effect_then_mark) | the shipment is made in one transaction, the inbox row written in the next |
//! | | [`mark_then_effect`](inbox::mark_then_effect) | the inbox row is written in one transaction, the shipment made in the next |
//! | | [`ack_before_commit`](inbox::ack_before_commit) | the broker hears of success before there is any |
//! | [`saga`] | [`compensation_skipped_after_crash`](saga::compensation_skipped_after_crash) | what is to be compensated is known to the process only, and lost in a crash |
//! | | [`stale_version_compensation`](saga::stale_version_compensation) | the compensation expects the version that it saw long ago, and gives up |
//! | | [`fresh_idempotency_key`](saga::fresh_idempotency_key) | each attempt to charge the card has a key of its own |
//! | [`choreography`] | [`release_before_reserve`](choreography::release_before_reserve) | a release that comes before its reservation is taken for somebody else's |
//! | [`queue`] | [`finish_without_fence`](queue::finish_without_fence) | a worker finishes a job that another has taken over |

mod by_hand;

pub mod choreography;
pub mod inbox;
pub mod outbox;
pub mod queue;
pub mod relay;
pub mod saga;

use crate::{order_fulfillment::OrderFulfillment, small::SmallService};

/// The broken twins of the shop, in the order of the table above.
pub fn twins() -> Vec<OrderFulfillment> {
    [outbox::all(), relay::all(), inbox::all(), saga::all()].concat()
}

/// The small specimens, in the order of the table above, each with its right twin.
pub fn small() -> Vec<(SmallService, SmallService)> {
    [choreography::all(), queue::all()].concat()
}
