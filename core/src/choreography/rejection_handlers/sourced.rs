use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};
use tracing::info;

use super::following::Following;
use crate::{
    aggregate::{Cause, UpdateError},
    choreography::{Domain, FollowUp, RegistrationError, Rejection, rejection::REJECTED},
    events::{Ledger, Sourced},
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{Ports, Transaction},
};

type Compensation<A> =
    Box<dyn Fn(&Rejection) -> Result<(<A as Sourced>::Command, FollowUp), HandlerError> + Send + Sync>;

/// Handlers of rejected commands that followed from the events of event-sourced aggregates: as
/// [`RejectionHandlers`](super::RejectionHandlers), but what undoes a rejected command is a command itself, about which the
/// aggregate decides.
///
/// It decides on what it is then, so one that has nothing to undo, or is in a terminal state, says so with no event. One that
/// refuses does so for good: the rejection becomes a dead letter, with the reason.
///
/// ```
/// # use seaworthy_core::{aggregate::DomainEvent, choreography::Domain, events::Sourced};
/// # use serde::{Deserialize, Serialize};
/// # struct Wallets;
/// # impl Domain for Wallets {
/// #     const NAME: &'static str = "player";
/// #     const EVENTS: &'static [&'static str] = &["wallet.released"];
/// #     const COMMANDS: &'static [&'static str] = &[];
/// # }
/// # #[derive(Default)]
/// # struct Wallet;
/// # #[derive(Serialize, Deserialize)]
/// # enum WalletEvent { Released { join: String } }
/// # impl DomainEvent for WalletEvent {
/// #     const NAMES: &'static [&'static str] = &["released"];
/// #     fn name(&self) -> &'static str { "released" }
/// # }
/// # enum WalletCommand { Release { join: String } }
/// # impl Sourced for Wallet {
/// #     const NAME: &'static str = "wallet";
/// #     type Event = WalletEvent;
/// #     type Command = WalletCommand;
/// #     type Refusal = String;
/// #     fn decide(&self, command: &WalletCommand) -> Result<Vec<WalletEvent>, String> {
/// #         let WalletCommand::Release { join } = command;
/// #         Ok(vec![WalletEvent::Released { join: join.clone() }])
/// #     }
/// #     fn evolve(&mut self, _: &WalletEvent) {}
/// # }
/// use seaworthy_core::{
///     choreography::{FollowUp, RegistrationError, SourcedRejectionHandlers},
///     events::Ledger,
///     inbox::Handlers,
///     ports::Ports,
/// };
///
/// #[derive(Deserialize)]
/// struct SeatPlayer {
///     join: String,
/// }
///
/// fn wallet_rejections(ports: &Ports, wallets: Ledger<Wallet>) -> Result<Handlers, RegistrationError> {
///     SourcedRejectionHandlers::builder::<Wallets>(ports, wallets)
///         .on("seat_player", |rejection| {
///             // This join, not all that is reserved.
///             let SeatPlayer { join } = rejection.command()?;
///             Ok((WalletCommand::Release { join }, FollowUp::none()))
///         })
///         .build()
/// }
/// ```
pub struct SourcedRejectionHandlers<A: Sourced> {
    ledger: Ledger<A>,
    compensations: BTreeMap<SmolStr, Compensation<A>>,
    following: Following,
}

/// Builder of [`SourcedRejectionHandlers`], which collects what undoes each command.
#[must_use = "handlers are built by `build`"]
pub struct SourcedRejectionHandlersBuilder<D, A: Sourced> {
    rejections: SourcedRejectionHandlers<A>,
    mistake: Option<RegistrationError>,
    domain: PhantomData<fn() -> D>,
}

impl<A: Sourced<Refusal: Serialize>> SourcedRejectionHandlers<A> {
    /// Handlers of rejected commands that followed from events of a domain, whose aggregates are in a ledger. None yet.
    pub fn builder<D: Domain>(ports: &Ports, ledger: Ledger<A>) -> SourcedRejectionHandlersBuilder<D, A> {
        let rejections = Self { ledger, compensations: BTreeMap::new(), following: Following::new::<D>(ports) };
        SourcedRejectionHandlersBuilder { rejections, mistake: None, domain: PhantomData }
    }
}

impl<D: Domain, A: Sourced<Refusal: Serialize>> SourcedRejectionHandlersBuilder<D, A> {
    /// Compensates commands of this type: `compensate` names the command that undoes the rejected one, for the aggregate that
    /// the event was about, and says what else is to be done.
    pub fn on(
        mut self,
        command: &str,
        compensate: impl Fn(&Rejection) -> Result<(A::Command, FollowUp), HandlerError> + Send + Sync + 'static,
    ) -> Self {
        let kind = SmolStr::from(command);
        if self.rejections.compensations.insert(kind.clone(), Box::new(compensate)).is_some() {
            self.mistake.get_or_insert(RegistrationError::Twice(kind));
        }
        self
    }

    /// Returns the handlers, for a [`Consumer`](crate::inbox::Consumer) of [`Domain::rejections_topic`]. The rejection of a
    /// command without a handler becomes a dead letter of that consumer.
    ///
    /// # Errors
    /// The first [`RegistrationError`].
    pub fn build(self) -> Result<Handlers, RegistrationError> {
        self.mistake.map_or(Ok(()), Err)?;
        let handlers = Handlers::builder().on(REJECTED, Undo(Arc::new(self.rejections)));
        Ok(handlers.build().expect("one type"))
    }
}

struct Undo<A: Sourced>(Arc<SourcedRejectionHandlers<A>>);

#[async_trait]
impl<A: Sourced<Refusal: Serialize>> Handler for Undo<A> {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let SourcedRejectionHandlers { ledger, compensations, following } = &*self.0;
        let rejection = Rejection::read(message)?;
        let event = rejection.event()?.ok_or_else(Rejection::orphan)?;
        let (kind, root, reason) = (&rejection.command.kind, &event.subject, &rejection.reason);
        let compensate = compensations.get(kind).ok_or_else(|| rejection.unexpected())?;
        let (undo, follow_up) = compensate(&rejection)?;
        match ledger.execute_in(tx, root, &undo, Cause::Message(message)).await {
            Ok(_) => {
                let (id, kind, root, reason) = (rejection.command.id, kind.clone(), root.clone(), reason.clone());
                tx.after_commit(Box::new(move || {
                    info!(command = %id, %kind, %root, %reason, ?follow_up, "rejected command is compensated");
                }));
            }
            Err(UpdateError::Refused(refusal)) => {
                let refusal = serde_json::to_string(&refusal).unwrap_or_else(|error| error.to_string());
                return Err(HandlerError::Refused(format_smolstr!("no compensation of a rejected {kind}: {refusal}")));
            }
            Err(UpdateError::Aggregate(error)) => return Err(error.into()),
            Err(UpdateError::Missing { aggregate, id }) => {
                return Err(HandlerError::Refused(format_smolstr!("there is no {aggregate} {id}")));
            }
        }
        following.stage(tx, message, &rejection, &event, follow_up).await
    }
}
