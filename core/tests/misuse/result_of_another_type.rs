//! The type of a saga's result is declared once, and what makes it is held to that.

use seaworthy_core::saga::{Action, SagaBuilder};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let foo = SagaBuilder::<u32>::new("foo", 1).retriable("note", Noted);
    foo.result::<String>(|outputs| outputs.output::<u32>("note"));
}
