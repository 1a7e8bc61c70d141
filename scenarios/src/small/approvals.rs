use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{Relay, RelayConfig},
    ports::{OutboxOrder, Ports, Transaction},
    saga::{Action, Definition, NothingToUndo, Orchestrator, SagaBuilder, SagaError, StepCall, StepError, Value, Wait},
    wake::Wake,
};
use std::time::Duration;

use super::{Confirm, FRONT, answer_requests, sagas::orchestrator};

/// The service that decides about loans, its store and its group.
pub(crate) const APPROVER: &str = "approver";
/// Topic of what a loan asks for, and the topic of the answers.
pub(crate) const ASKED: &str = "approvals-asked";
pub(crate) const GIVEN: &str = "approvals-given";
const APPROVAL_ASKED: &str = "approval.asked";
pub(crate) const APPROVAL_GIVEN: &str = "approval.given";
/// Name of the definition.
pub(crate) const LOAN: &str = "loan";

/// A loan asks for an approval, waits for it as long as it takes, waits a little more, and is confirmed.
pub(crate) fn loan() -> Definition<String> {
    let loan = SagaBuilder::new(LOAN, 1).compensatable("ask", Ask, NothingToUndo);
    let loan = loan.wait("approval", Wait::message(APPROVAL_GIVEN)).wait("cooling", Wait::time(Duration::from_secs(3)));
    loan.pivot("confirm", Confirm).build().expect("its steps fit together")
}

/// A step that asks somebody for an approval, by a message.
struct Ask;

#[async_trait]
impl Action<String> for Ask {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        tx.stage(&call.message(FRONT, APPROVAL_ASKED, ASKED, call.key, Bytes::new())).await?;
        Ok(Value::NULL)
    }
}

/// Starts a loan for each item that is asked for, and has `hear` hear of approvals, with the orchestrator of the loans.
pub(crate) async fn lender(ports: Ports, hear: impl FnOnce(&Ports, Orchestrator)) {
    let wake = Wake::new();
    let orchestrator = orchestrator(&ports, loan()).wake(wake.clone());
    let config = RelayConfig::default().ordering(OutboxOrder::Unordered);
    ports.spawn("relay", Relay::new(&ports).config(config).wake(wake.clone()).run());
    hear(&ports, orchestrator.clone());
    let start = |_, item: String| {
        let orchestrator = orchestrator.clone();
        async move { orchestrator.start(LOAN, &item, &item).await.map(drop) }
    };
    answer_requests(ports, wake, start).await;
}

/// Gives each approval that it hears of to the loan that asked for it, in the transaction in which it is handled.
pub(crate) struct Approve(pub(crate) Orchestrator);

#[async_trait]
impl Handler for Approve {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        match self.0.deliver_in(tx, LOAN, message).await {
            Ok(_) | Err(SagaError::Ended { .. }) => Ok(()),
            Err(SagaError::Store(error)) => Err(error.into()),
            Err(error) => Err(HandlerError::Unavailable(error.to_string().into())),
        }
    }
}

/// Approves of everything that it is asked for.
pub(crate) async fn approver(ports: Ports) {
    let wake = Wake::new();
    let config = RelayConfig::default().ordering(OutboxOrder::Unordered);
    ports.spawn("relay", Relay::new(&ports).config(config).wake(wake.clone()).run());
    let handlers = Handlers::builder().on(APPROVAL_ASKED, GiveApproval(ports.clone()));
    let handlers = handlers.build().expect("one handler for one type");
    Consumer::new(&ports, APPROVER, handlers, [ASKED]).wake(wake).run().await;
}

struct GiveApproval(Ports);

#[async_trait]
impl Handler for GiveApproval {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let given = MessageBuilder::new(APPROVER, APPROVAL_GIVEN, &*message.subject).topic(GIVEN).caused_by(message);
        tx.stage(&given.derive(message.id.0, &["given"], self.0.clock.now())).await?;
        Ok(())
    }
}
