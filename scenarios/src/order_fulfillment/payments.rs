//! The payment service: a participant that is not ours, with a ledger of what it really did.

use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::{ids::OperationId, ports::ExternalCall};
use seaworthy_sim::external::Service;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The service's name in calls.
pub const PAYMENTS: &str = "payments";
/// Takes money.
pub const CHARGE: &str = "charge";
/// Gives it back, or makes sure that it is never taken.
pub const REFUND: &str = "refund";
/// Charges beyond this are declined, in US cents. Of the real orders that ship with the project 21 are.
pub const CARD_LIMIT_CENTS: u64 = 50_000;

/// The body of both operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The order that is paid.
    pub order: SmolStr,
    /// Whose card it is.
    #[serde(with = "super::workload::whole_number")]
    pub customer: u64,
    /// How much, in US cents.
    pub amount_cents: u64,
    /// The operation id of the charge; a refund names the charge that it takes back by it.
    pub charge: OperationId,
}

/// Where a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The money was taken.
    Charged,
    /// It was given back, or must not be taken any more.
    Refunded,
}

/// The answer to a refund that gave money back.
pub const REFUNDED: &[u8] = b"\"refunded\"";

/// What the service does about an operation, given where its charge stands: the charge's new standing and the answer.
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
pub struct Payments {
    charges: BTreeMap<OperationId, Standing>,
}

impl Service for Payments {
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, String> {
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn call(operation: &str, number: u128, amount_cents: u64) -> ExternalCall {
        let charge = OperationId(Uuid::from_u128(number));
        let payment = Payment { order: "order-1".into(), customer: 1, amount_cents, charge };
        ExternalCall {
            service: PAYMENTS.into(),
            operation: operation.into(),
            operation_id: charge,
            body: serde_json::to_vec(&payment).expect("a payment is plain data").into(),
        }
    }

    #[test]
    fn a_charge_after_its_refund_is_declined() {
        let mut payments = Payments::default();
        assert_eq!(payments.act(&call(REFUND, 1, 100)), Ok(Bytes::from_static(b"\"nothing to refund\"")));
        assert!(payments.act(&call(CHARGE, 1, 100)).is_err());
        assert!(payments.act(&call(CHARGE, 2, 100)).is_ok(), "another charge has nothing to do with it");
    }

    #[test]
    fn a_charge_at_the_limit_passes_and_one_beyond_it_is_declined() {
        let mut payments = Payments::default();
        assert!(payments.act(&call(CHARGE, 1, CARD_LIMIT_CENTS)).is_ok());
        assert!(payments.act(&call(CHARGE, 2, CARD_LIMIT_CENTS + 1)).is_err());
    }

    #[test]
    fn a_call_is_about_its_order() {
        assert_eq!(Payments::default().subject(&call(CHARGE, 1, 1)), "order-1");
    }
}
