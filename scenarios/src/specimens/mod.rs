//! Broken twins of `order_fulfillment`: each is wrong in one part, as one might write it by hand behind the same ports.
//!
//! | specimen | what is wrong |
//! |---|---|
//! | [`dual_write`] | the request for the shipment is published after the commit, without an outbox |
//! | [`mark_before_publish`] | the relay marks rows as sent before the broker has them |
//! | [`effect_then_mark`] | the shipment is made in one transaction, the inbox row written in the next |
//! | [`mark_then_effect`] | the inbox row is written in one transaction, the shipment made in the next |
//! | [`ack_before_commit`] | the broker hears of success before there is any |
//! | [`undo_log_in_memory`] | what is to be compensated is known to the process only, and lost in a crash |
//! | [`stale_version_compensation`] | the compensation expects the version that it saw long ago, and gives up |
//! | [`fresh_idempotency_key`] | each attempt to charge the card has a key of its own |
//! | [`batch_result_ignored`] | the relay takes the broker's word on the batch for its word on each message |
//! | [`outage_burns_budget`] | the relay gives rows up because the broker was down |

pub mod ack_before_commit;
pub mod batch_result_ignored;
pub mod dual_write;
pub mod effect_then_mark;
pub mod fresh_idempotency_key;
pub mod mark_before_publish;
pub mod mark_then_effect;
pub mod outage_burns_budget;
pub mod stale_version_compensation;
pub mod undo_log_in_memory;

mod by_hand;

use crate::order_fulfillment::OrderFulfillment;

/// All specimens, in the order of the table above.
pub fn all() -> Vec<OrderFulfillment> {
    vec![
        dual_write::twin(),
        mark_before_publish::twin(),
        effect_then_mark::twin(),
        mark_then_effect::twin(),
        ack_before_commit::twin(),
        undo_log_in_memory::twin(),
        stale_version_compensation::twin(),
        fresh_idempotency_key::twin(),
        batch_result_ignored::twin(),
        outage_burns_budget::twin(),
    ]
}
