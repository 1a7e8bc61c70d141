use async_trait::async_trait;
use bytes::Bytes;
use smol_str::{SmolStr, ToSmolStr as _};

use super::{Rejection, rejection_handlers::ESCALATED};
use crate::{
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{External, Transaction},
    saga::{Action, Definition, DefinitionError, Orchestrator, SagaBuilder, SagaError, StepCall, StepError, Value},
};

/// Name of the sagas that escalate.
const ESCALATION: &str = "escalation";

/// Escalation of rejected commands: a service outside is told of each, a webhook for example, under one idempotency key
/// for all attempts.
///
/// A message's handler has a transaction open, and a call to somebody outside may take long. So the handler only starts a
/// saga of one step, which makes the call outside of any transaction, tries again after crashes and failures, and becomes
/// stuck where an operator sees it if the service refuses for good.
///
/// ```
/// use seaworthy_core::{
///     choreography::Escalations,
///     inbox::Consumer,
///     ports::Ports,
///     saga::{Orchestrator, OrchestratorConfig, Registry},
/// };
///
/// async fn run(ports: Ports) {
///     let mut registry = Registry::new();
///     registry.register(Escalations::definition("webhook").expect("one step")).expect("one definition");
///     let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
///     let handlers = Escalations::handlers(&orchestrator);
///     Consumer::new(&ports, "player-escalations", handlers, ["player.escalations"]).run().await;
/// }
/// ```
#[derive(Debug)]
pub struct Escalations(());

impl Escalations {
    /// The saga that tells a service of a rejected command: operation `escalate`, the [`Rejection`] in JSON as its body.
    ///
    /// # Errors
    /// None that can occur; it is what builders of definitions return.
    pub fn definition(service: impl Into<SmolStr>) -> Result<Definition<Rejection>, DefinitionError> {
        SagaBuilder::new(ESCALATION, 1).retriable("tell", Tell { service: service.into() }).build()
    }

    /// Returns the handlers of a domain's [escalations](super::Domain::escalations_topic). The
    /// [definition](Self::definition) is registered with the orchestrator.
    pub fn handlers(orchestrator: &Orchestrator) -> Handlers {
        Handlers::builder().on(ESCALATED, Escalate(orchestrator.clone())).build().expect("one type")
    }
}

struct Escalate(Orchestrator);

#[async_trait]
impl Handler for Escalate {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let rejection: Rejection = message.json()?;
        let started = self.0.start_for(tx, ESCALATION, &message.id.to_smolstr(), &rejection, message).await;
        started.map(drop).map_err(|error| match error {
            SagaError::Store(error) => error.into(),
            error => HandlerError::Unavailable(error.to_smolstr()),
        })
    }
}

struct Tell {
    service: SmolStr,
}

#[async_trait]
impl Action<Rejection> for Tell {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, Rejection>, external: &dyn External) -> Result<Value, StepError> {
        let body = serde_json::to_vec(call.data).map_err(|error| StepError::Unavailable(error.to_smolstr()))?;
        let call = call.external(&self.service, "escalate", Bytes::from(body));
        Ok(external.call(&call).await?.into())
    }
}
