//! A compensation that guards its write with the version that its step saw, and takes a newer one for somebody else's
//! business: it leaves the seat taken and is not tried again.
//!
//! Threads: two steps that write one document, here of one booking for two people, in the shop of two checkouts for one
//! article; and something that turns them back: a crash is enough, after which it is too late to confirm.
//!
//! Mechanism: the version guards against a write in between, and there is one whenever two steps share a document; a
//! compensation may not give up for that, because nobody else will undo the step.
//!
//! Violates: `torn-step`; in the shop also `stock-conserved`.
//!
//! Right: the twin below changes the seats as they are now, as
//! [`ReleaseStock`](seaworthy_order_fulfillment::checkout::ReleaseStock) does with the stock of the shop.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::Transaction,
    saga::{Compensation, Definition, SagaBuilder, StepCall, StepError, Value},
};
use seaworthy_sim::scenario::Topology;

use crate::small::{Confirm, FRONT, GiveBack, SmallService, TakeSeat, sagas, version};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "saga/stale-version-compensation",
        about: "the compensation expects the version that it saw long ago, and gives up",
        topology: || topology(|| booking(GiveBackAtVersion)),
    };
    let right = SmallService {
        name: "saga/stale-version-compensation/right",
        about: "the compensation undoes its step at whatever version; everything is right",
        topology: || topology(|| booking(GiveBack)),
    };
    (broken, right)
}

fn topology(booking: fn() -> Definition<String>) -> Topology {
    let front = Topology::new().service(FRONT).replicas(2);
    front.run(move |ports| sagas(ports, booking())).saga(booking().shape())
}

fn booking(give_back: impl Compensation<String> + Copy + 'static) -> Definition<String> {
    SagaBuilder::new("booking", 1)
        .deadline(Duration::from_secs(5))
        .compensatable("first_seat", TakeSeat, give_back)
        .compensatable("second_seat", TakeSeat, give_back)
        .pivot("confirm", Confirm)
        .build()
        .expect("its steps fit together")
}

/// Gives the seat back unless anybody has changed the train since.
#[derive(Clone, Copy)]
struct GiveBackAtVersion;

#[async_trait]
impl Compensation<String> for GiveBackAtVersion {
    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, String>,
        answer: Value,
    ) -> Result<(), StepError> {
        let expected: Option<u64> = call.own_output()?;
        if expected == Some(version(tx).await?) {
            GiveBack.apply(tx, call, answer).await?;
        }
        Ok(())
    }
}
