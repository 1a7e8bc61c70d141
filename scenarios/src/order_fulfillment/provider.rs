//! The payment provider: a participant that is not ours, so the simulation and `serve` bring one.

use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::{
    ids::OperationId,
    ports::{ExternalCall, Refusal},
};
use seaworthy_order_fulfillment::payments::{CHARGE, Payment, REFUND};
use seaworthy_sim::external::Service;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Charges beyond this are declined, in US cents. Of the real orders that ship with the project 21 are.
pub const CARD_LIMIT_CENTS: u64 = 50_000;

/// Status of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// The money was taken.
    Charged,
    /// It was given back, or must not be taken any more.
    Refunded,
}

/// The answer to a refund that gave money back.
pub const REFUNDED: &[u8] = b"\"refunded\"";

/// Decides about an operation, given the status of its charge: returns the charge's new status and the answer.
///
/// # Errors
/// Why it declines; nothing happens then.
pub fn decide(
    standing: Option<Standing>,
    operation: &str,
    payment: &Payment,
) -> Result<(Standing, &'static [u8]), &'static str> {
    match (operation, standing) {
        (CHARGE, Some(Standing::Refunded)) => Err("the charge was called off"),
        (CHARGE, _) if payment.amount_cents > CARD_LIMIT_CENTS => Err("declined: beyond the card's limit"),
        (CHARGE, _) => Ok((Standing::Charged, b"\"charged\"")),
        (REFUND, Some(Standing::Charged)) => Ok((Standing::Refunded, REFUNDED)),
        (REFUND, _) => Ok((Standing::Refunded, b"\"nothing to refund\"")),
        _ => Err("payments can charge and refund"),
    }
}

/// Charges cards and refunds charges.
///
/// It keeps the contract of a participant: a refund of a charge that never happened succeeds and leaves a mark, and a
/// charge that finds the mark is declined. Repeated operation ids never reach it: the port answers them.
#[derive(Debug, Default)]
pub struct PaymentProvider {
    charges: BTreeMap<OperationId, Standing>,
}

impl Service for PaymentProvider {
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, Refusal> {
        let payment: Payment =
            serde_json::from_slice(&call.body).map_err(|error| format!("unreadable payment: {error}"))?;
        let (standing, answer) = decide(self.charges.get(&payment.charge).copied(), &call.operation, &payment)?;
        self.charges.insert(payment.charge, standing);
        Ok(Bytes::from_static(answer))
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        #[derive(Deserialize)]
        struct Subject {
            order: SmolStr,
        }
        serde_json::from_slice::<Subject>(&call.body).map(|subject| subject.order).unwrap_or_default()
    }
}
