//! Mistakes of two contexts that agree by messages: each is `order_inventory` in one of its variants, with one piece as it is
//! often written by hand.

mod answers_apart;
mod confirms_before_it_knows;
mod gives_back_what_was_wanted;
mod hears_after_the_commit;
mod late_answer_revives;
mod nobody_gives_back;
mod orchestrator_in_memory;
mod releases_what_was_answered;
mod reserves_again;
mod same_article_twice;
mod takes_before_it_fails;
mod takes_silence_for_yes;

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
        hears_after_the_commit::twin(),
        releases_what_was_answered::twin(),
        confirms_before_it_knows::twin(),
        takes_silence_for_yes::twin(),
        answers_apart::twin(),
    ]
}
