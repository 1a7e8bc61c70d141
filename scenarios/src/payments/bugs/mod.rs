//! The payments service with one bug each, as people write them.
//!
//! | bug | what is wrong |
//! |---|---|
//! | [`mark_then_publish`] | the poller marks rows as sent before the broker has them |
//! | [`outbox_row_apart`] | the payment is committed, and its outbox row in a second transaction |
//! | [`acknowledge_first`] | a message is acknowledged before it is booked |
//! | [`effect_then_mark`] | the booking is made in one transaction, its message remembered in the next |
//! | [`batch_result_ignored`] | the broker's word on the batch is taken for its word on each message |
//! | [`fresh_id_per_attempt`] | each attempt to publish a row gives the message an id of its own |
//! | [`check_then_insert`] | whether a payment is there is asked in one transaction, and acted upon in the next |
//! | [`second_begin`] | a handler opens a transaction while it has one open |
//! | [`panic_on_payload`] | a name that does not begin with an ASCII letter panics |
//! | [`lock_without_lease`] | the poller's lock is free again when its owner says so, and a dead one says nothing |

pub mod acknowledge_first;
pub mod batch_result_ignored;
pub mod check_then_insert;
pub mod effect_then_mark;
pub mod fresh_id_per_attempt;
pub mod lock_without_lease;
pub mod mark_then_publish;
pub mod outbox_row_apart;
pub mod panic_on_payload;
pub mod second_begin;

use super::PaymentService;

/// All of them, in the order of the table above.
pub fn all() -> Vec<PaymentService> {
    vec![
        mark_then_publish::service(),
        outbox_row_apart::service(),
        acknowledge_first::service(),
        effect_then_mark::service(),
        batch_result_ignored::service(),
        fresh_id_per_attempt::service(),
        check_then_insert::service(),
        second_begin::service(),
        panic_on_payload::service(),
        lock_without_lease::service(),
    ]
}
