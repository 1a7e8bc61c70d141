use async_trait::async_trait;
use smol_str::SmolStr;

use crate::ids::{MessageId, SagaId};

/// Work that a process has given up until an operator asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GivenUp {
    /// A dead letter of a consumer.
    Message {
        /// Name of the consumer.
        consumer: SmolStr,
        /// Id of the message.
        message: MessageId,
    },
    /// A saga that is stuck.
    Saga(SagaId),
}

/// Part of a process that can take up again what was given up, since it has the code for it: a
/// [`Consumer`](crate::inbox::Consumer) its dead letters, an [`Orchestrator`](crate::saga::Orchestrator) its stuck sagas.
/// While it runs, it [offers](super::Spawner::offer) itself to whoever runs its process.
#[async_trait]
pub trait TakesUp: Send + Sync {
    /// Takes up once more what was given up, and returns `true` if it was this part's own, whatever became of it: what
    /// fails again is given up again. `false` says that nothing was done, so another part may be asked.
    ///
    /// Dropping the future leaves what was given up where it is, unless it was taken up by then.
    async fn take_up(&self, what: &GivenUp) -> bool;
}
