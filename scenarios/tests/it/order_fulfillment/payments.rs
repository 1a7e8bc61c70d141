//! The payment provider.

use bytes::Bytes;
use seaworthy_core::{ids::OperationId, ports::ExternalCall};
use seaworthy_order_fulfillment::payments::{CHARGE, PAYMENTS, Payment, REFUND};
use seaworthy_scenarios::order_fulfillment::provider::{CARD_LIMIT_CENTS, PaymentProvider};
use seaworthy_sim::external::Service;

use uuid::Uuid;

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
    let mut payments = PaymentProvider::default();
    assert_eq!(payments.act(&call(REFUND, 1, 100)), Ok(Bytes::from_static(b"\"nothing to refund\"")));
    assert!(payments.act(&call(CHARGE, 1, 100)).is_err());
    assert!(payments.act(&call(CHARGE, 2, 100)).is_ok(), "another charge has nothing to do with it");
}

#[test]
fn a_charge_at_the_limit_passes_and_one_beyond_it_is_declined() {
    let mut payments = PaymentProvider::default();
    assert!(payments.act(&call(CHARGE, 1, CARD_LIMIT_CENTS)).is_ok());
    assert!(payments.act(&call(CHARGE, 2, CARD_LIMIT_CENTS + 1)).is_err());
}

#[test]
fn a_call_is_about_its_order() {
    assert_eq!(PaymentProvider::default().subject(&call(CHARGE, 1, 1)), "order-1");
}
