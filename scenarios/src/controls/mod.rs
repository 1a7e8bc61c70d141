//! Right services of other shapes than a shop that rests: none may ever be accused.
//!
//! A harness is judged by its false alarms first, so each of these is run by the hundred thousand seeds in every profile
//! (see the README), and a share of that in `cargo test`.
//!
//! | control | its shape |
//! |---|---|
//! | [`heartbeat`] | writes that it lives each half second, for ever |
//! | [`poller`] | keeps an outbox of its own in documents, and looks into it every 10 ms, 100 ms, 1 s or 1 min |
//! | [`lock`] | replicas compete for leases, and take over what a dead one has left |
//! | [`supervised`] | dies at boot while its database is down; a supervisor restarts it |
//! | [`unkeyed`] | one message a key, handled once |
//! | [`scheduled`] | messages not before a moment, and messages that expire, under the keys of others |
//! | [`side_by_side`] | several messages a key, and a consumer with four hands whose handlers take longer than the visibility |
//! | [`brokerless`] | writes and calls out, and knows no broker |
//! | [`approval`] | sagas that wait for a message of another service, and for a time |
//! | [`restored`] | the same on stores that are put back to a copy, of a moment or an hour ago |
//! | [`full_group`] | a group that takes no more puts its publisher off |

pub mod approval;
pub mod brokerless;
pub mod full_group;
pub mod heartbeat;
pub mod lock;
pub mod poller;
pub mod restored;
pub mod scheduled;
pub mod side_by_side;
pub mod supervised;
pub mod unkeyed;

use crate::small::SmallService;

/// All controls, in the order of the table above.
pub fn all() -> Vec<SmallService> {
    let mut all = vec![heartbeat::control()];
    all.extend(poller::controls());
    all.extend([
        lock::control(),
        supervised::control(),
        unkeyed::control(),
        side_by_side::control(),
        scheduled::control(),
        brokerless::control(),
        approval::control(),
        restored::control(),
        full_group::control(),
    ]);
    all
}
