//! Nothing is rejected after the pivot, and so neither is a wait that has lasted for too long.

use std::time::Duration;

use seaworthy_core::saga::{Action, SagaBuilder, Wait};

struct Noted;
impl Action<u32> for Noted {}

fn main() {
    let builder = SagaBuilder::<u32>::new("loan", 1).pivot("pay_out", Noted);
    builder.wait("receipt", Wait::message("payment.settled").or_reject(Duration::from_secs(60)));
}
