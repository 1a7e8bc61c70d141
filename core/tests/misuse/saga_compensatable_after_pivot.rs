//! Once the pivot has committed nothing is undone: a compensatable step can't follow.

use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let _ = NothingToUndo;
    let builder = SagaBuilder::<u32>::new("order", 1);
    builder.pivot("confirm", Noted).compensatable("reserve", Noted, NothingToUndo);
}
