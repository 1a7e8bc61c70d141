//! Documents that a scenario declares as its outbox, its inbox, its entries and its sums are judged as such.

mod locks;
mod service;

use std::panic::catch_unwind;

use seaworthy_core::ports::{Cell, SubscriptionSpec};
use seaworthy_sim::{
    scenario::{Column, Conserved, EffectTable, InboxTable, OutboxTable, Topology},
    trace::{Effect, What},
    world::RunReport,
};
use serde_json::json;

use self::service::{id, message, once, once_with, row, violated, write};

fn outbox(topology: Topology) -> Topology {
    topology.outbox_table(OutboxTable::documents("shop", "outbox"))
}

fn boxes(topology: Topology) -> Topology {
    let inbox = InboxTable::documents("shop", "seen").consumer(Column::always("ledger"));
    outbox(topology).inbox_table(inbox)
}

fn effects(report: &RunReport) -> Vec<Effect> {
    let trace = report.trace.iter().flatten();
    let commits = trace.filter_map(|event| match &event.what {
        What::Commit { effects, .. } => Some(effects.to_vec()),
        _ => None,
    });
    commits.flatten().collect()
}

#[test]
fn a_row_is_told_as_staged_when_it_is_committed_and_as_dispatched_when_it_is_marked() {
    let report = once(boxes, |ports| {
        Box::pin(async move {
            let spec = SubscriptionSpec { group: "ledger".into(), topics: vec!["orders".into()] };
            let subscription = ports.broker.subscribe(&spec).await.expect("the broker is up");
            write(&ports, &[("outbox", "1", row(1, false))]).await;
            ports.broker.publish(&[message(1)]).await.expect("the broker is up");
            write(&ports, &[("outbox", "1", row(1, true))]).await;
            let delivery = subscription.receive(1).await.expect("the broker is up").remove(0);
            write(&ports, &[("seen", "1", json!({ "message_id": id(1).to_string() }))]).await;
            subscription.ack(delivery.tag).await.expect("the broker is up");
        })
    });
    assert!(report.held(), "{:?}", report.violations);
    let effects = effects(&report);
    assert!(matches!(&effects[0], Effect::Staged(told) if told.id == id(1) && told.partition_key == "a"));
    assert_eq!(effects[1], Effect::Dispatched(id(1)));
    assert_eq!(effects[2], Effect::Handled { consumer: "ledger".into(), message: id(1) });
    assert_eq!(effects.len(), 3, "and no more as documents: {effects:?}");
}

#[test]
fn what_is_published_without_a_row_is_a_phantom_and_what_is_marked_without_being_published_is_lost() {
    let phantom = once(boxes, |ports| {
        Box::pin(async move {
            ports.broker.publish(&[message(1)]).await.expect("the broker is up");
        })
    });
    assert!(violated(&phantom).contains(&"phantom-event"), "{:?}", phantom.violations);
    let lost = once(boxes, |ports| {
        Box::pin(async move {
            write(&ports, &[("outbox", "1", row(1, false))]).await;
            write(&ports, &[("outbox", "1", row(1, true))]).await;
        })
    });
    assert_eq!(violated(&lost), ["lost-event"], "{:?}", lost.violations);
}

#[test]
fn rows_of_one_key_that_are_handled_in_another_order_than_they_were_committed_in_are_found() {
    let report = once(boxes, |ports| {
        Box::pin(async move {
            write(&ports, &[("outbox", "1", row(1, false)), ("outbox", "2", row(2, false))]).await;
            for number in [2, 1] {
                write(&ports, &[("seen", &number.to_string(), json!({ "message_id": id(number).to_string() }))]).await;
            }
            write(&ports, &[("outbox", "1", row(1, true)), ("outbox", "2", row(2, true))]).await;
        })
    });
    assert_eq!(violated(&report), ["per-key-order"], "{:?}", report.violations);
}

#[test]
fn a_message_with_two_rows_in_the_inbox_and_a_key_with_two_entries_are_duplicates() {
    let twice = once(boxes, |ports| {
        Box::pin(async move {
            for seen in ["1", "2"] {
                write(&ports, &[("seen", seen, json!({ "message_id": id(1).to_string() }))]).await;
            }
        })
    });
    assert_eq!(violated(&twice), ["duplicate-effect"], "{:?}", twice.violations);

    fn entries(topology: Topology) -> Topology {
        let paid = EffectTable::documents("shop", "bookings").one_per("order").one_per("kind");
        topology.effect_table(paid.when(Column::is("state", "paid")))
    }
    let booked = |order: &str, kind: &str| json!({ "order": order, "kind": kind, "state": "paid" });
    let right = once(entries, |ports| {
        Box::pin(async move {
            let booked = |order: &str, kind: &str| json!({ "order": order, "kind": kind, "state": "paid" });
            write(&ports, &[("bookings", "1", booked("7", "debit")), ("bookings", "2", booked("7", "fee"))]).await;
            // Written again, or gone and there again, it is still one.
            write(&ports, &[("bookings", "1", booked("7", "debit"))]).await;
            write(&ports, &[("bookings", "3", json!({ "order": "7", "kind": "fee", "state": "void" }))]).await;
        })
    });
    assert!(right.held(), "{:?}", right.violations);
    assert_eq!(booked("7", "fee")["state"], "paid");
    let wrong = once(entries, |ports| {
        Box::pin(async move {
            for number in ["1", "2"] {
                let booked = json!({ "order": "7", "kind": "debit", "state": "paid" });
                write(&ports, &[("bookings", number, booked)]).await;
            }
        })
    });
    assert_eq!(violated(&wrong), ["duplicate-effect"], "{:?}", wrong.violations);
    assert_eq!(wrong.violations[0].sentence, "`bookings` has 2 rows for `7/debit`, and may have one");
}

#[test]
fn a_sum_stands_in_each_commit_or_at_rest_and_begins_with_what_was_prepared() {
    const ACCOUNTS: &[(&str, &str)] = &[("a", r#"{"cents":100}"#), ("b", r#"{"cents":50}"#)];
    fn each(topology: Topology) -> Topology {
        topology.conserved(Conserved::new("money").plus_documents("shop", "accounts", "cents"))
    }
    fn at_rest(topology: Topology) -> Topology {
        topology.conserved(Conserved::new("money").plus_documents("shop", "accounts", "cents").at_rest())
    }
    let at_once: service::Work = |ports| {
        Box::pin(async move {
            let moved = [("accounts", "a", json!({ "cents": 70 })), ("accounts", "b", json!({ "cents": 80 }))];
            write(&ports, &moved).await;
        })
    };
    let in_two: service::Work = |ports| {
        Box::pin(async move {
            write(&ports, &[("accounts", "a", json!({ "cents": 70 }))]).await;
            write(&ports, &[("accounts", "b", json!({ "cents": 80 }))]).await;
        })
    };
    let half: service::Work =
        |ports| Box::pin(async move { write(&ports, &[("accounts", "a", json!({ "cents": 70 }))]).await });
    assert!(once_with(each, ACCOUNTS, at_once).held());
    let torn = once_with(each, ACCOUNTS, in_two);
    assert_eq!(violated(&torn), ["conserved"], "{:?}", torn.violations);
    assert_eq!(torn.violations[0].sentence, "`money`, which has to stand, changed by -30 in one commit");
    assert!(once_with(at_rest, ACCOUNTS, in_two).held());
    let lost = once_with(at_rest, ACCOUNTS, half);
    assert_eq!(lost.violations[0].sentence, "`money`, which has to stand, ended -30 off where it began");
}

#[test]
fn a_row_that_nobody_sends_keeps_the_run_from_rest_and_is_named() {
    let report = once(boxes, |ports| Box::pin(async move { write(&ports, &[("outbox", "1", row(1, false))]).await }));
    assert_ne!(report.ending, seaworthy_sim::invariants::Ending::Quiet, "{:?}", report.violations);
    assert!(!report.held());
    let said: Vec<&String> = report.violations.iter().map(|violation| &violation.sentence).collect();
    assert!(said.iter().any(|sentence| sentence.contains("outbox")), "{said:?}");
}

#[test]
fn a_declaration_that_does_not_fit_its_documents_is_a_finding_of_its_own() {
    fn numbered(topology: Topology) -> Topology {
        topology.outbox_table(OutboxTable::documents("shop", "outbox").id("number"))
    }
    let report = once(numbered, |ports| {
        Box::pin(async move {
            for number in ["1", "2"] {
                write(&ports, &[("outbox", number, json!({ "number": 17, "topic": "orders", "key": "a" }))]).await;
            }
        })
    });
    assert_eq!(violated(&report), ["own-table"], "told once: {:?}", report.violations);
    let sentence = &report.violations[0].sentence;
    assert!(sentence.contains("`outbox` of `shop`") && sentence.contains("`17` is no message id"), "{sentence}");

    fn closure(topology: Topology) -> Topology {
        let id = Column::from_fn(|row| match row.get("number") {
            Some(Cell::Integer(number)) => Cell::Text(message(number.unsigned_abs()).id.to_string().into()),
            _ => Cell::Null,
        });
        topology.outbox_table(OutboxTable::documents("shop", "outbox").id(id))
    }
    let report = once(closure, |ports| {
        Box::pin(async move {
            let sent = json!({ "number": 1, "topic": "elsewhere", "key": "a", "sent_at": 3 });
            write(&ports, &[("outbox", "1", sent)]).await;
        })
    });
    assert!(report.held(), "{:?}", report.violations);
}

#[test]
fn a_table_on_a_store_without_tables_and_a_store_that_nobody_runs_on_are_refused_by_name() {
    fn table(topology: Topology) -> Topology {
        topology.outbox_table(OutboxTable::sql("shop", "outbox"))
    }
    fn nowhere(topology: Topology) -> Topology {
        topology.outbox_table(OutboxTable::documents("shoop", "outbox"))
    }
    let refused = |declared: fn(Topology) -> Topology| -> String {
        let nothing: service::Work = |_| Box::pin(async {});
        let panic = catch_unwind(|| once(declared, nothing)).expect_err("it proves nothing");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let without = refused(table);
    assert!(without.contains("table `outbox` in store `shop`") && without.contains("Scenario::store"), "{without}");
    assert!(refused(nowhere).contains("store `shoop`"));
}
