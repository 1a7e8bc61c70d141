//! After the pivot a parallel group holds retriable steps only.

use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let _ = NothingToUndo;
    let builder = SagaBuilder::<u32>::new("order", 1);
    builder.pivot("confirm", Noted).parallel(|group| group.compensatable("reserve", Noted, NothingToUndo));
}
