//! The business invariants on traces written by hand: each catches what it is for, and passes the same trace without it.

use std::collections::BTreeMap;

use seaworthy_core::ids::OperationId;
use seaworthy_order_fulfillment::documents::{ORDER_COLLECTION, SHIPMENT_COLLECTION, STOCK_COLLECTION};
use seaworthy_scenarios::order_fulfillment::{Orders, invariants::business};
use seaworthy_sim::{
    invariants::{Ending, Panel},
    trace::{Effect, Outcome, ProcessIndex, script::Script},
};
use uuid::Uuid;

/// A trace of one process, and the invariants for five units of `cd-1`.
struct OneProcess {
    script: Script,
    process: ProcessIndex,
}

impl OneProcess {
    fn new() -> Self {
        let mut script = Script::new();
        let process = script.process("orders-1");
        Self { script, process }
    }

    fn document(mut self, collection: &str, id: &str, version: u64, body: &str) -> Self {
        let body = Some(body.as_bytes().to_vec().into());
        let effect = Effect::Document { collection: collection.into(), id: id.into(), version, body };
        self.script.commit(self.process, "orders", Outcome::Done, [effect]);
        self
    }

    fn order(self, status: &str) -> Self {
        self.document(ORDER_COLLECTION, "order-1", 1, &format!(r#"{{"id":"order-1","status":"{status}"}}"#))
    }

    fn shipment(self, number: &str) -> Self {
        self.document(SHIPMENT_COLLECTION, number, 1, r#"{"order":"order-1","sku":"cd-1","quantity":1}"#)
    }

    fn stock(self, available: i64, reserved: i64, sold: i64) -> Self {
        let level = format!(r#"{{"available":{available},"reserved":{reserved},"sold":{sold}}}"#);
        self.document(STOCK_COLLECTION, "cd-1", 2, &level)
    }

    fn payment(mut self, operation: &str, key: u128, acted: bool) -> Self {
        let about = ("payments", operation, "order-1");
        self.script.external(self.process, about, OperationId(Uuid::from_u128(key)), acted, Outcome::DoneUnheard);
        self
    }

    /// The violated invariants, each once.
    fn violated(&self) -> Vec<String> {
        let orders = Orders { stock: BTreeMap::from([("cd-1".into(), 5)]), orders: Vec::new() };
        let findings = Panel::new(business(&orders)).judge(&self.script.events(), Ending::Quiet);
        let mut names: Vec<String> = findings.violations.iter().map(|found| found.invariant.to_string()).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn shipped() -> OneProcess {
    OneProcess::new().payment("charge", 1, true).order("confirmed").shipment("shipment-1").order("shipped")
}

#[test]
fn an_order_that_is_charged_confirmed_and_shipped_once_violates_nothing() {
    let told = shipped().stock(4, 1, 0).stock(4, 0, 1);
    assert_eq!(told.violated(), [""; 0]);
    let heard_again = shipped().payment("charge", 1, false);
    assert_eq!(heard_again.violated(), [""; 0], "a stored answer is no second charge");
}

#[test]
fn a_confirmed_order_has_one_shipment_and_no_other_order_has_any() {
    assert_eq!(OneProcess::new().payment("charge", 1, true).order("confirmed").violated(), ["one-shipment"]);
    assert_eq!(shipped().shipment("shipment-2").violated(), ["one-shipment"]);
    assert_eq!(OneProcess::new().shipment("shipment-1").violated(), ["one-shipment"]);
    assert_eq!(OneProcess::new().order("cancelled").violated(), [""; 0]);
}

#[test]
fn an_order_is_charged_once_or_what_was_charged_is_refunded() {
    assert_eq!(shipped().payment("charge", 2, true).violated(), ["charged-once"]);
    assert_eq!(OneProcess::new().order("confirmed").shipment("shipment-1").violated(), ["charged-once"]);
    assert_eq!(OneProcess::new().order("pending").violated(), ["charged-once"]);
    let cancelled = || OneProcess::new().payment("charge", 1, true).order("cancelled");
    assert_eq!(cancelled().violated(), ["charged-once"]);
    assert_eq!(cancelled().payment("refund", 2, true).violated(), [""; 0]);
    let called_off = OneProcess::new().payment("refund", 2, true).order("cancelled");
    assert_eq!(called_off.violated(), [""; 0], "a refund of nothing is no refund");
    assert_eq!(
        OneProcess::new().payment("charge", 1, true).violated(),
        ["charged-once"],
        "an order that does not exist"
    );
}

#[test]
fn units_are_neither_made_nor_lost_nor_negative_nor_reserved_for_ever() {
    assert_eq!(OneProcess::new().stock(4, 0, 0).violated(), ["stock-conserved"], "one is lost");
    assert_eq!(OneProcess::new().stock(5, 0, 1).violated(), ["stock-conserved"], "one is made");
    assert_eq!(OneProcess::new().stock(6, -1, 0).violated(), ["stock-conserved"], "the sum is right");
    assert_eq!(OneProcess::new().stock(4, 1, 0).violated(), ["stock-conserved"], "one stays reserved");
    assert_eq!(OneProcess::new().stock(4, 1, 0).stock(5, 0, 0).violated(), [""; 0]);
}

#[test]
fn no_order_is_both_shipped_and_refunded_in_whatever_sequence() {
    let both = ["charged-once", "never-shipped-and-refunded"];
    assert_eq!(shipped().payment("refund", 2, true).violated(), both);
    let refunded_first = OneProcess::new().payment("charge", 1, true).order("confirmed").payment("refund", 2, true);
    assert_eq!(refunded_first.shipment("shipment-1").violated(), both);
}
