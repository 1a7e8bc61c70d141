//! What is kept without end.

use seaworthy_core::{
    ids::ClaimToken,
    ports::{Cell, RowChange, RowId, SagaStatus, StoreTable},
    saga::{Record, Value},
};
use seaworthy_sim::{
    invariants::{BoundedGrowth, Violation},
    scenario::Topology,
    trace::{
        Effect, KeptRows, Outcome, ProcessIndex, SettledAs, SettledRow, What,
        script::{self, Script, handled},
    },
};

use smol_str::SmolStr;

use super::{judge, message, sentences};

fn document(number: u32, version: u64) -> Effect {
    let body = (version > 0).then(|| "1".into());
    Effect::Document { collection: "attempts".into(), id: format!("{number}").into(), version, body }
}

/// So many documents, of which so many are deleted, after so much work.
fn kept(topology: &Topology, documents: u32, deleted: u32, work: u64) -> Vec<Violation> {
    let mut script = Script::new();
    let orders = script.process("orders-1");
    for number in 0..work {
        script.commit(orders, "orders", Outcome::Done, [handled("orders", &message(number, "order-1"))]);
    }
    for number in 0..documents {
        script.commit(orders, "orders", Outcome::Done, [document(number, 1)]);
        // Written again it is no other.
        script.commit(orders, "orders", Outcome::Done, [document(number, 2)]);
    }
    for number in 0..deleted {
        script.commit(orders, "orders", Outcome::Done, [document(number, 0)]);
    }
    judge(BoundedGrowth::from_topology(topology).per_item(2), &script)
}

#[test]
fn documents_that_grow_beyond_the_work_are_told_by_their_collection() {
    let topology = Topology::new();
    let found = kept(&topology, 121, 0, 10);
    assert_eq!(
        sentences(&found),
        ["`attempts` of `orders` has 121 documents more than before, after 10 requests and handled messages"]
    );
    assert_eq!(kept(&topology, 120, 0, 10), []);
    assert_eq!(kept(&topology, 121, 1, 10), [], "what is deleted is not kept");
    assert_eq!(kept(&Topology::new().heartbeat("attempts"), 121, 0, 10), []);
}

#[test]
fn a_log_that_is_never_condensed_is_told_once() {
    let run = |condenses: bool| {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        for length in 0..40 {
            let record = match condenses && length % 8 == 7 {
                true => br#"{"condensed":{"summary":{"steps":[]}}}"#.to_vec().into(),
                false => Record::Completed.encode(),
            };
            let (saga, epoch, records, status) = (script::saga(1), 1, vec![record], SagaStatus::Running);
            let logged = Effect::SagaLogged { saga, epoch, length, records, status };
            script.commit(orders, "orders", Outcome::Done, [logged]);
        }
        judge(BoundedGrowth::from_topology(&Topology::new()).entries(10), &script)
    };
    assert_eq!(sentences(&run(false)), ["the log of a saga has 21 entries"]);
    assert_eq!(run(true), []);
}

#[test]
fn the_text_of_an_error_is_kept_as_a_text_and_not_as_a_book() {
    let judged = |length: usize| {
        let mut script = Script::new();
        let shipping = script.process("shipping-1");
        let (consumer, error) = ("shipping".into(), "x".repeat(length).into());
        let failed = Effect::Failed { consumer, message: message(1, "order-1").id, failures: 1, error };
        script.commit(shipping, "shipping", Outcome::Done, [failed]);
        judge(BoundedGrowth::from_topology(&Topology::new()), &script)
    };
    let told = |bytes| format!("the text of an error is kept that is {bytes} bytes long: cut it to 1024");
    assert_eq!(sentences(&judged(5_000)), [told(5_000)]);
    assert_eq!((sentences(&judged(1_025)), judged(1_024)), (vec![&*told(1_025)], vec![]));
}

/// Wherever it is kept: with a dead letter, by a reader of the log, in the log of a saga, with a row that was claimed.
#[test]
fn each_place_in_which_the_text_of_an_error_is_kept_is_looked_at() {
    let text = |is_long| SmolStr::from("x".repeat(if is_long { 1_025 } else { 1_024 }));
    let committed = |effect: Effect| {
        let mut script = Script::new();
        let shipping = script.process("shipping-1");
        script.commit(shipping, "shipping", Outcome::Done, [effect]);
        judge(BoundedGrowth::from_topology(&Topology::new()), &script).len()
    };
    let of = message(1, "order-1").id;
    let buried = |reason| committed(Effect::Buried { consumer: "shipping".into(), message: of, reason });
    let given_up = |reason| committed(Effect::GivenUp { message: of, reason });
    assert_eq!((buried(text(true)), buried(text(false))), (1, 0));
    assert_eq!((given_up(text(true)), given_up(text(false))), (1, 0));
    let step = || SmolStr::new_static("pay");
    let records: [&dyn Fn(String) -> Record; 7] = [
        &|error| Record::CompensationExhausted { step: step(), error },
        &|reason| Record::Rejected { step: step(), reason, maybe_executed: false },
        &|reason| Record::Stuck { reason },
        &|reason| Record::SkippedByOperator { step: step(), reason },
        &|reason| Record::Settled { step: step(), done: false, output: Value::NULL, reason },
        &|reason| Record::Abandoned { reason },
        &|reason| Record::Declined { reason },
    ];
    for record in records {
        let logged = |is_long| {
            let records = vec![record(text(is_long).into()).encode()];
            let (saga, epoch, status) = (script::saga(1), 1, SagaStatus::Running);
            committed(Effect::SagaLogged { saga, epoch, length: 1, records, status })
        };
        assert_eq!((logged(true), logged(false)), (1, 0));
    }
    for (settled, held, violations) in
        [(SettledAs::Dead, true, 1), (SettledAs::Retry, true, 1), (SettledAs::Dead, false, 0)]
    {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        let row = |text_bytes| SettledRow { row: RowId(1), settled, held, text_bytes };
        let (store, token) = ("orders".into(), ClaimToken(uuid::Uuid::nil()));
        let rows = [row(1_025), row(1_024)].into_iter().collect();
        script.event(orders, What::Settle { store, token, rows, outcome: Outcome::Done });
        let found = judge(BoundedGrowth::from_topology(&Topology::new()), &script);
        assert_eq!(found.len(), violations, "{settled}, {held}");
    }
}

/// So many rows of each table before the first boot and at the end, after so much work.
fn tables(topology: &Topology, before: u64, after: u64, work: u64) -> Vec<Violation> {
    let mut script = Script::new();
    let kept = |rows| {
        let of = |table: &StoreTable| KeptRows { store: "orders".into(), table: *table, rows };
        What::Kept { rows: StoreTable::ALL.iter().map(of).collect() }
    };
    script.event(ProcessIndex::WORLD, kept(before));
    let orders = script.process("orders-1");
    script.boot(orders);
    for number in 0..work {
        script.commit(orders, "orders", Outcome::Done, [handled("orders", &message(number, "order-1"))]);
    }
    script.event(ProcessIndex::WORLD, kept(after));
    judge(BoundedGrowth::from_topology(topology).per_item(2), &script)
}

#[test]
fn rows_that_grow_beyond_the_work_are_told_by_their_table() {
    let topology = Topology::new();
    let found = tables(&topology, 7, 128, 10);
    let expected: Vec<String> = StoreTable::ALL
        .iter()
        .map(|table| format!("`orders` keeps 128 rows of {}, after 10 requests and handled messages", table.name()))
        .collect();
    assert_eq!(sentences(&found), expected);
    assert_eq!(tables(&topology, 7, 127, 10), []);
    assert_eq!(tables(&topology, 7, 128, 11), [], "it is the work that was done");
    assert_eq!(tables(&topology, 8, 128, 10), [], "what was there before is not of this run");
    let beats = tables(&Topology::new().heartbeat("alive"), 7, 128, 10);
    assert_eq!(beats.len(), found.len() - 1);
    assert!(beats.iter().all(|violation| !violation.sentence.contains("outbox")), "it may be full of heartbeats");
}

#[test]
fn a_topology_says_how_many_rows_a_table_keeps_for_each_piece_of_work() {
    let topology = Topology::new().keeps_per_item(StoreTable::Outbox, 3).keeps_per_item(StoreTable::Sagas, 0);
    let found = tables(&topology, 5, 36, 10);
    let told = |rows, name, each| {
        format!(
            "`orders` keeps {rows} rows of {name} after 10 requests and handled messages, and may keep {each} for each of them"
        )
    };
    assert_eq!(sentences(&found), [told(36, "outbox", 3), told(36, "sagas", 0)]);
    assert_eq!(sentences(&tables(&topology, 5, 35, 10)), [told(35, "sagas", 0)]);
    assert_eq!(tables(&topology, 35, 35, 10), []);
    let at_most = topology.keeps_at_most(StoreTable::Outbox, 100).keeps_at_most(StoreTable::Sagas, 100);
    assert_eq!(tables(&at_most, 5, 100, 0), [], "what is said of a table whatever the work counts for more");
}

/// A row of a declared table is inserted, changed or deleted.
fn row(table: &str, before: bool, after: bool) -> Effect {
    let cells = |is_there: bool| is_there.then(|| [Cell::Integer(1)].into());
    let columns = [SmolStr::new_static("number")].into();
    Effect::Row(RowChange { table: table.into(), columns, before: cells(before), after: cells(after) })
}

#[test]
fn rows_of_a_declared_table_are_counted_as_documents_are() {
    let kept = |topology: &Topology, inserted: u32, deleted: u32| {
        let mut script = Script::new();
        let ledger = script.process("ledger-1");
        for _ in 0..inserted {
            script.commit(ledger, "ledger", Outcome::Done, [row("attempts", false, true), row("attempts", true, true)]);
        }
        for _ in 0..deleted {
            script.commit(ledger, "ledger", Outcome::Done, [row("attempts", true, false)]);
        }
        judge(BoundedGrowth::from_topology(topology), &script)
    };
    let sentence = "`attempts` of `ledger` has 101 rows more than before, after 0 requests and handled messages";
    assert_eq!(sentences(&kept(&Topology::new(), 101, 0)), [sentence]);
    assert_eq!(kept(&Topology::new(), 100, 0), []);
    assert_eq!(kept(&Topology::new(), 101, 1), []);
    assert_eq!(kept(&Topology::new().heartbeat("attempts"), 101, 0), []);
}

#[test]
fn a_topology_says_how_many_rows_a_table_keeps_whatever_the_work() {
    let topology = Topology::new().keeps_at_most(StoreTable::Watermarks, 3);
    let found = tables(&topology, 5, 4, 10);
    assert_eq!(sentences(&found), ["`orders` keeps 4 rows of watermarks at rest, and may keep 3"]);
    assert_eq!(tables(&topology, 0, 3, 0), []);
    let fewer = Topology::new().keeps_at_most(StoreTable::Outbox, 99).keeps_at_most(StoreTable::Inbox, 1_000);
    assert_eq!(sentences(&tables(&fewer, 0, 100, 0)), ["`orders` keeps 100 rows of outbox at rest, and may keep 99"]);
    assert!(tables(&fewer, 0, 500, 0).iter().all(|violation| !violation.sentence.contains("inbox")));
}
