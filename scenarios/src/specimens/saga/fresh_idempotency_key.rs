//! A charge that draws a new idempotency key for each attempt: after a lost reply the card is charged again.
//!
//! Threads: one saga, and its second attempt to charge: a lost reply or a crash behind the call is enough.
//!
//! Mechanism: the provider answers a key that it knows with the answer that it has stored; under a new key it takes the
//! money once more.
//!
//! Violates: `duplicate-effect`; in the shop also `charged-once`.
//!
//! Right: the twin below derives the key from the saga and the step, the same in every attempt, as
//! [`ChargeCard`](seaworthy_order_fulfillment::checkout::ChargeCard) does in the shop.

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, ExternalCall, Ports, draw_id},
    saga::{Action, Definition, SagaBuilder, StepCall, StepError, Value},
};
use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, Partner, SmallService, sagas};

const PAYMENTS: &str = "payments";
const CHARGE: &str = "charge";

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "saga/fresh-idempotency-key",
        about: "each attempt to charge has a key of its own",
        topology: || topology(true),
    };
    let right = SmallService {
        name: "saga/fresh-idempotency-key/right",
        about: "all attempts to charge have the same key; everything is right",
        topology: || topology(false),
    };
    (broken, right)
}

fn topology(is_fresh: bool) -> Topology {
    Topology::new()
        .service(FRONT)
        .replicas(2)
        .run(move |ports| sagas(ports.clone(), sale(Charge { ports, is_fresh })))
        .external(PAYMENTS, || Partner)
}

fn sale(charge: Charge) -> Definition<String> {
    SagaBuilder::new("sale", 1).retriable("charge", charge).build().expect("there is one step")
}

struct Charge {
    ports: Ports,
    is_fresh: bool,
}

#[async_trait]
impl Action<String> for Charge {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, String>, external: &dyn External) -> Result<Value, StepError> {
        let charge = call.external(PAYMENTS, CHARGE, call.data.clone().into());
        if self.is_fresh {
            let operation_id = OperationId(draw_id(&*self.ports.clock, &*self.ports.random));
            return Ok(external.call(&ExternalCall { operation_id, ..charge }).await?.into());
        }
        Ok(external.call(&charge).await?.into())
    }
}
