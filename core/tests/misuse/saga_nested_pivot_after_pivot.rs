//! A nested saga with a pivot can't follow the pivot.

use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let _ = NothingToUndo;
    let builder = SagaBuilder::<u32>::new("order", 1);
    let card = SagaBuilder::<u32>::new("card", 1).pivot("capture", Noted).build().unwrap();
    builder.pivot("confirm", Noted).nested_pivot("card", &card, |data| data);
}
