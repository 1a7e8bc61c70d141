//! A message is acknowledged as soon as it is there, so that the broker never delivers it twice. What is not booked then
//! is never booked.

use super::super::{PaymentService, Variant, ledger::Ack};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "acknowledge-first",
        "a message is acknowledged before it is booked",
        Variant { ack: Ack::AtOnce, ..Variant::default() },
    )
}
