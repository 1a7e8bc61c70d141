//! A retriable step is past the point of no return, with or without a pivot.

use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let _ = NothingToUndo;
    let builder = SagaBuilder::<u32>::new("order", 1);
    builder.retriable("ship", Noted).compensatable("reserve", Noted, NothingToUndo);
}
