//! Mistakes of three domains that answer each other by events and commands: each is `card_table` with one piece as it is often
//! written by hand.

mod appends_to_any_version;
mod idle_timer_in_memory;
mod late_timer_voids;
mod releases_all_that_is_reserved;
mod same_sequence_twice;
mod seats_on_a_stale_view;
mod sends_all_again;
mod unseen_is_version_zero;

use crate::card_table::CardTable;

/// The broken twins, in the order of the table of [`specimens`](super).
pub(super) fn twins() -> Vec<CardTable> {
    vec![
        unseen_is_version_zero::twin(),
        same_sequence_twice::twin(),
        releases_all_that_is_reserved::twin(),
        sends_all_again::twin(),
        seats_on_a_stale_view::twin(),
        appends_to_any_version::twin(),
        idle_timer_in_memory::twin(),
        late_timer_voids::twin(),
    ]
}
