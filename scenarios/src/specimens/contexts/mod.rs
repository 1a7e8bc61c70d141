//! Mistakes of two contexts that agree by messages: each is `order_inventory` in one of its variants, with one piece as it is
//! often written by hand.

mod gives_back_what_was_wanted;
mod late_answer_revives;
mod nobody_gives_back;
mod orchestrator_in_memory;
mod reserves_again;
mod same_article_twice;
mod takes_before_it_fails;

use crate::order_inventory::OrderInventory;

/// The broken twins of both variants, in the order of the table of [`specimens`](super).
pub(super) fn twins() -> Vec<OrderInventory> {
    vec![
        takes_before_it_fails::twin(),
        reserves_again::twin(),
        same_article_twice::twin(),
        late_answer_revives::twin(),
        nobody_gives_back::twin(),
        gives_back_what_was_wanted::twin(),
        orchestrator_in_memory::twin(),
    ]
}
