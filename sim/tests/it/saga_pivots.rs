//! A saga that fails up to its pivot gives back all that it took, whichever step it is that fails.

use std::time::Duration;

use crate::saga_support::{
    Harbour,
    gate::{Disposition, Gate},
    simulate,
    steps::{Book, Cancel},
};
use async_trait::async_trait;
use seaworthy_core::{
    ports::{Expected, SagaStatus, SagaStore, Store, Transaction},
    saga::{Action, Compensation, Definition, Registry, SagaBuilder, StepCall, StepError, Value, saga_id},
};
use seaworthy_sim::store::MemoryStore;

use crate::saga_support::steps::Trip;

const STOCK: u8 = 50;

/// Takes a unit from the stock, unless it is the step that is to be refused.
struct Take;
/// Gives it back.
struct GiveBack;

async fn add(tx: &mut dyn Transaction, units: i8) -> Result<(), StepError> {
    let stock = tx.get("stock", "cd-1").await?.expect("it was stocked up");
    let left = stock.body[0].checked_add_signed(units).expect("there is enough");
    tx.put("stock", "cd-1", Expected::Version(stock.version), vec![left].into()).await?;
    Ok(())
}

#[async_trait]
impl Action<Trip> for Take {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Trip>, _: Value) -> Result<Value, StepError> {
        // Refused after it has written, so that what is left of it would show.
        add(tx, -1).await?;
        match call.data.rejected.as_deref() == Some(call.step) {
            true => Err(StepError::Refused("declined".into())),
            false => Ok(Value::NULL),
        }
    }
}

#[async_trait]
impl Compensation<Trip> for GiveBack {
    async fn apply(&self, tx: &mut dyn Transaction, _: &StepCall<'_, Trip>, _: Value) -> Result<(), StepError> {
        add(tx, 1).await
    }
}

/// The steps up to the pivot, in their order. The third asks somebody else.
const STEPS: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "pay"];

fn definition() -> Definition<Trip> {
    SagaBuilder::new("trip", 1)
        .compensatable("s0", Take, GiveBack)
        .compensatable("s1", Take, GiveBack)
        .compensatable("s2", Book, Cancel)
        .compensatable("s3", Take, GiveBack)
        .compensatable("s4", Take, GiveBack)
        .pivot("pay", Take)
        .retriable("ticket", Take)
        .build()
        .expect("the steps are in order")
}

async fn stock(store: &MemoryStore) -> u8 {
    let mut tx = store.begin().await.expect("a store in memory never fails");
    tx.get("stock", "cd-1").await.expect("a store in memory never fails").expect("it was stocked up").body[0]
}

/// Runs a saga whose step of this name is refused, in processes of which the first dies at a call; returns how many calls
/// that one made.
fn refused_at(step: &str, death: Option<(usize, Disposition)>) -> usize {
    simulate(async {
        let harbour = Harbour::new();
        let mut tx = harbour.store.begin().await.unwrap();
        tx.put("stock", "cd-1", Expected::Absent, vec![STOCK].into()).await.unwrap();
        tx.commit().await.unwrap();
        if step == "s2" {
            harbour.outside.refuse("s2");
        }
        let trip = Trip { rejected: Some(step.to_owned()), insured: true };
        let mut calls = 0;
        for strike in [death, None] {
            let gate = strike.map_or_else(Gate::open, |strike| Gate::striking([strike]));
            let mut registry = Registry::new();
            registry.register(definition()).expect("one definition");
            let (orchestrator, stop) = harbour.boot(&gate, registry);
            let (recovery, trip) = (orchestrator.clone(), trip.clone());
            // A crash drops what the process had open, so it is a node of its own.
            let node = madsim::runtime::Handle::current().create_node().build();
            node.spawn(async move { recovery.run_recovery(&stop).await });
            node.spawn(async move {
                while orchestrator.start("trip", "t-1", &trip).await.is_err() {
                    madsim::time::sleep(Duration::from_secs(1)).await;
                }
            });
            for _ in 0..60 {
                madsim::time::sleep(Duration::from_secs(1)).await;
                let saga = harbour.store.saga(saga_id("trip", "t-1")).await.unwrap();
                if saga.is_some_and(|saga| saga.status == SagaStatus::Compensated) {
                    break;
                }
            }
            calls = calls.max(gate.calls());
            gate.kill();
            madsim::runtime::Handle::current().kill(node.id());
        }
        let saga = saga_id("trip", "t-1");
        let status = harbour.store.saga(saga).await.unwrap().expect("it was started").status;
        assert_eq!(status, SagaStatus::Compensated, "{step} is refused, {death:?}");
        assert_eq!(stock(&harbour.store).await, STOCK, "{step} is refused, {death:?}");
        assert_eq!(harbour.outside.booked(), Vec::<String>::new(), "{step} is refused, {death:?}");
        let undone: Vec<String> = {
            let log = harbour.log(saga).await.into_iter();
            log.filter_map(|entry| entry.strip_prefix("compensated ").map(str::to_owned)).collect()
        };
        let before = STEPS.iter().position(|name| *name == step).expect("one of them");
        let mut expected: Vec<String> = STEPS[..before].iter().rev().map(|name| (*name).to_owned()).collect();
        // Whoever died in the middle of asking does not know what came of it, and undoes it as well.
        if step == "s2" && undone.first().is_some_and(|first| first == "s2") {
            assert!(death.is_some(), "it was refused, and nobody was in doubt");
            expected.insert(0, "s2".to_owned());
        }
        assert_eq!(undone, expected, "{step} is refused, {death:?}");
        calls
    })
}

#[test]
fn seed_04_whichever_step_up_to_the_pivot_is_refused_all_before_it_are_undone_and_the_stock_is_what_it_was() {
    let mut runs = 0;
    for step in STEPS {
        let calls = refused_at(step, None);
        for call in 0..calls {
            for strike in [Disposition::CrashBefore, Disposition::CrashAfter, Disposition::ReplyLost] {
                refused_at(step, Some((call, strike)));
                runs += 1;
            }
        }
    }
    assert!(runs > 400, "only {runs} runs");
}
