//! Keys of waits: each wait has its own, and one that nobody knows is told.

use seaworthy_core::{
    ports::SagaStatus,
    saga::{RetryPolicy, SagaBuilder, Signal, Value, Wait, saga_id},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
};

use super::{SECOND, deliver, of_invoice, paid, paid_invoice, start};

/// Two waits for one type: what comes for the first, once more, is nothing for the second.
#[test]
fn each_wait_has_its_own_key() {
    on_each_store(async |world| {
        let keyed = |prefix: &'static str| {
            let wait = Wait::message("invoice.paid");
            let wait = wait.keyed(move |context| Some(format!("{prefix}-{}", context.data).into()));
            wait.correlate_by(paid_invoice)
        };
        let definition = SagaBuilder::new("order", 1)
            .pivot("send", Part::well())
            .wait("deposit", keyed("deposit"))
            .wait("rest", keyed("rest"))
            .result_of("rest")
            .build()
            .expect("three steps");
        let orchestrator = world.sagas(definition);
        let saga = start(&orchestrator, "o-7", 7).await;
        // Before either is waited for: both keys follow from the input.
        for message in [paid("deposit-7", 2), paid("deposit-7", 3), paid("rest-7", 1), paid("rest-7", 4)] {
            assert_eq!(deliver(world, &orchestrator, &message).await, Ok(vec![saga]));
        }
        world.pass(SECOND).await;
        assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("rest-7".to_owned(), 1)));
        assert_eq!(
            orchestrator.state(saga).await.expect("its log is there").output("deposit").map(|it| it.decode()),
            Some(Ok(("deposit-7".to_owned(), 2)))
        );
    });
}

/// Two waits for one type, of which one has a key: whatever came by that is its own, also where the other one waits first.
#[test]
fn a_message_that_came_by_a_key_is_left_for_the_step_of_that_key() {
    on_each_store(async |world| {
        let rest = Wait::message("invoice.paid").keyed(|context| Some(format!("rest-{}", context.data).into()));
        let definition = SagaBuilder::new("order", 1)
            .pivot("send", Part::well())
            .wait("deposit", Wait::message("invoice.paid"))
            .wait("rest", rest.correlate_by(paid_invoice))
            .result_of("rest")
            .build()
            .expect("three steps");
        let orchestrator = world.sagas(definition);
        let saga = start(&orchestrator, "o-7", 7).await;
        // Before it waits for either, and once it does.
        for transfer in [1, 2] {
            assert_eq!(deliver(world, &orchestrator, &paid("rest-7", transfer)).await, Ok(vec![saga]));
            world.pass(SECOND).await;
        }
        let log = world.log_of(saga).await;
        assert!(!log.iter().any(|entry| entry.starts_with("received")), "{log:?}");
        let deposit = Signal::new("invoice.paid", "by hand").payload(&"in cash").expect("a text");
        orchestrator.signal(saga, &deposit).await.expect("it waits");
        world.pass(SECOND).await;
        assert_eq!(orchestrator.handle(saga).result::<(String, u32)>().await, Ok(("rest-7".to_owned(), 1)));
        let state = orchestrator.state(saga).await.expect("its log is there");
        assert_eq!(state.output("deposit").map(|it| it.decode()), Some(Ok("in cash".to_owned())));
    });
}

/// It would wait for what can't find it.
#[test]
fn a_saga_that_comes_to_a_wait_without_its_key_is_stuck_and_says_so() {
    on_each_store(async |world| {
        for (key, panics) in [("o-1", false), ("o-2", true)] {
            let wait = Wait::message("invoice.paid").keyed(move |_| if panics { panic!("no key") } else { None });
            let definition = SagaBuilder::new(if panics { "panics" } else { "forgets" }, 1)
                .pivot("send", Part::well())
                .wait("paid", wait)
                .build()
                .expect("two steps");
            let name = definition.reference().name.clone();
            let orchestrator = world.sagas(definition);
            orchestrator.start(&name, key, &7_u32).await.expect("a new key");
            world.pass(SECOND).await;
            let reason = world.reason_of(saga_id(&name, key)).await;
            assert!(reason.starts_with("nobody can say by which key a message finds step `paid`"), "{reason}");
            assert_eq!(reason.contains("panic"), panics, "{reason}");
        }
    });
}

/// Then it was no step's commit with which the key was known.
#[test]
fn a_key_that_an_operator_has_settled_finds_the_saga_as_well() {
    on_each_store(async |world| {
        let once = RetryPolicy::default().attempts_max(Some(1));
        let wait = Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice);
        let definition = SagaBuilder::new("order", 1)
            .pivot("invoice", Part::local(|_| Does::Fail))
            .step_retry(once)
            .wait("paid", wait)
            .result_of("paid")
            .build()
            .expect("two steps");
        let orchestrator = world.sagas(definition);
        let saga = start(&orchestrator, "o-7", 7).await;
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        let drawn_up = Value::new(&"invoice-17").expect("a text");
        orchestrator.settle(saga, "invoice", &drawn_up, "by hand").await.expect("it is stuck there");
        world.pass(SECOND).await;
        assert_eq!(deliver(world, &orchestrator, &paid("invoice-17", 1)).await, Ok(vec![saga]));
        world.pass(SECOND).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}
