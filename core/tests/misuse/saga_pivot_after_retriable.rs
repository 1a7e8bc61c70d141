//! The pivot comes before the retriable steps.

use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let _ = NothingToUndo;
    let builder = SagaBuilder::<u32>::new("order", 1);
    builder.retriable("ship", Noted).pivot("confirm", Noted);
}
