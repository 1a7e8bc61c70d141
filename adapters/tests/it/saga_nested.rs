//! A saga within a saga: each of its steps asks, waits, applies and is undone as it would in a saga of its own.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::{SagaStatus, Transaction},
    saga::{Action, SagaBuilder, Signal, StepCall, StepError, Value, Wait},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
};

/// A step that applies only to some, and one that tells what it was given.
struct Only(u32);

#[async_trait]
impl Action<u32> for Only {
    fn applies(&self, call: &StepCall<'_, u32>) -> bool {
        *call.data == self.0
    }

    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        Value::new(call.data)
    }
}

#[test]
fn a_nested_saga_does_what_it_would_do_by_itself_and_is_undone_step_by_step() {
    for rejects in [false, true] {
        on_each_store(async |world| {
            let (seat, unseat) = (Part::local(|_| Does::Well), Part::local(|_| Does::Well));
            let (hotel, unhotel) = (Part::remote(|_| Does::Well), Part::remote(|_| Does::Well));
            let trip = SagaBuilder::<u32>::new("trip", 1)
                .compensatable("seat", seat.clone(), unseat.clone())
                .compensatable("hotel", hotel.clone(), unhotel.clone())
                .compensatable("visa", Only(7), Part::well())
                .compensatable("lounge", Only(8), Part::well())
                .compensatable("consent", Wait::signal("consent"), Part::well())
                .build()
                .unwrap();
            let pay = Part::local(move |_| if rejects { Does::Reject } else { Does::Well });
            let holiday = SagaBuilder::new("holiday", 1)
                .nested("trip", &trip, |data: &u32| data)
                .compensatable("pay", pay, Part::well())
                .build()
                .unwrap();
            let orchestrator = world.sagas(holiday);
            let saga = orchestrator.start("holiday", "h-1", &7_u32).await.unwrap().saga;
            world.pass(Duration::from_secs(10)).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Running, "it waits");
            orchestrator.signal(saga, &Signal::new("consent", "c-1")).await.unwrap();
            world.pass(Duration::from_secs(60)).await;
            let state = orchestrator.state(saga).await.unwrap();
            let output = state.output("trip/visa").map(|output| output.decode::<u32>().unwrap());
            assert_eq!(output, Some(7));
            assert_eq!((seat.attempts(), hotel.attempts()), (1, 1));
            let undone = u32::from(rejects);
            assert_eq!((unseat.attempts(), unhotel.attempts()), (undone, undone));
            let log = world.log_of(saga).await;
            let begins = [
                "started",
                "done trip/seat",
                "attempting trip/hotel",
                "done trip/hotel",
                "done trip/visa",
                "skipped trip/lounge",
                "waiting trip/consent",
                "signalled",
                "received trip/consent",
            ];
            assert_eq!(log[..9], begins);
            assert_eq!(log.contains(&"compensated trip/hotel".to_owned()), rejects, "{log:?}");
            let ended = if rejects { SagaStatus::Compensated } else { SagaStatus::Completed };
            assert_eq!(world.status_of(saga).await, ended);
        });
    }
}
