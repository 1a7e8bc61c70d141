use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use super::{answers::Answers, turn};
use crate::{
    aggregate::{Cause, UpdateError},
    backoff::Backoff,
    choreography::{
        Domain, RegistrationError,
        ended::Ended,
        rejection::{RejectionReason, refused},
        sent::Sent,
    },
    events::{Ledger, Sourced},
    inbox::{Handler, HandlerError, Handlers},
    message::{DecodeError, Message},
    ports::{Ports, Transaction},
};

type Form<A> = dyn Fn(&Message) -> Result<<A as Sourced>::Command, DecodeError> + Send + Sync;

/// Handlers of the commands for the event-sourced aggregates of a domain.
///
/// What becomes of a command is what [`CommandHandlers`](super::CommandHandlers) say, with two differences. Its version is
/// that of the aggregate's stream, `0` before the first event. And an aggregate of which nothing has happened yet is asked
/// as well, since it is the fold of no events: it refuses what is for those only that have been opened.
///
/// A command that the aggregate decides to answer with no event has been carried out before, and nobody hears of it.
///
/// ```
/// # use seaworthy_core::{aggregate::DomainEvent, events::Sourced};
/// # use seaworthy_core::choreography::Domain;
/// # use serde::{Deserialize, Serialize};
/// # struct Wallets;
/// # impl Domain for Wallets {
/// #     const NAME: &'static str = "player";
/// #     const EVENTS: &'static [&'static str] = &["wallet.credited"];
/// #     const COMMANDS: &'static [&'static str] = &["credit"];
/// # }
/// # #[derive(Default)]
/// # struct Wallet { chips: u64, is_closed: bool }
/// # #[derive(Serialize, Deserialize)]
/// # enum WalletEvent { Credited { chips: u64 } }
/// # impl DomainEvent for WalletEvent {
/// #     const NAMES: &'static [&'static str] = &["credited"];
/// #     fn name(&self) -> &'static str { "credited" }
/// # }
/// # enum WalletCommand { Credit { chips: u64 } }
/// # impl Sourced for Wallet {
/// #     const NAME: &'static str = "wallet";
/// #     type Event = WalletEvent;
/// #     type Command = WalletCommand;
/// #     type Refusal = &'static str;
/// #     fn decide(&self, command: &WalletCommand) -> Result<Vec<WalletEvent>, &'static str> {
/// #         let WalletCommand::Credit { chips } = command;
/// #         if self.is_closed { Err("closed") } else { Ok(vec![WalletEvent::Credited { chips: *chips }]) }
/// #     }
/// #     fn evolve(&mut self, event: &WalletEvent) {
/// #         let WalletEvent::Credited { chips } = event;
/// #         self.chips += chips;
/// #     }
/// # }
/// use seaworthy_core::{
///     choreography::{RegistrationError, SourcedCommandHandlers},
///     events::Ledger,
///     inbox::{Consumer, Handlers},
///     ports::Ports,
/// };
///
/// #[derive(Deserialize)]
/// struct Payout {
///     chips: u64,
/// }
///
/// fn wallet_commands(ports: &Ports, wallets: Ledger<Wallet>) -> Result<Handlers, RegistrationError> {
///     SourcedCommandHandlers::builder::<Wallets>(ports, wallets)
///         .on("credit", |payout: Payout| WalletCommand::Credit { chips: payout.chips })
///         .build()
/// }
///
/// async fn run(ports: Ports, wallets: Ledger<Wallet>) {
///     let handlers = wallet_commands(&ports, wallets).expect("one form for each command");
///     Consumer::new(&ports, "player-commands", handlers, ["player.commands"]).run().await;
/// }
/// ```
pub struct SourcedCommandHandlers<A: Sourced> {
    ledger: Ledger<A>,
    forms: BTreeMap<SmolStr, Box<Form<A>>>,
    ended: Ended<A>,
    answers: Answers,
}

/// Builder of [`SourcedCommandHandlers`], which collects the form of each command.
#[must_use = "handlers are built by `build`"]
pub struct SourcedCommandHandlersBuilder<D, A: Sourced> {
    commands: SourcedCommandHandlers<A>,
    mistake: Option<RegistrationError>,
    domain: PhantomData<fn() -> D>,
}

impl<A: Sourced<Refusal: Serialize>> SourcedCommandHandlers<A> {
    /// Handlers of the commands of a domain, whose aggregates are in a ledger. None yet.
    pub fn builder<D: Domain>(ports: &Ports, ledger: Ledger<A>) -> SourcedCommandHandlersBuilder<D, A> {
        let answers = Answers::new(D::NAME, ports);
        let commands = Self { ledger, forms: BTreeMap::new(), ended: Ended::never(), answers };
        SourcedCommandHandlersBuilder { commands, mistake: None, domain: PhantomData }
    }
}

impl<D: Domain, A: Sourced<Refusal: Serialize>> SourcedCommandHandlersBuilder<D, A> {
    /// Has aggregates decide about commands of this type: `form` makes of the payload what they know. The reason of a refusal,
    /// in its JSON form, goes back to the source.
    pub fn on<C: DeserializeOwned>(
        mut self,
        command: &str,
        form: impl Fn(C) -> A::Command + Send + Sync + 'static,
    ) -> Self {
        let kind = SmolStr::from(command);
        let form: Box<Form<A>> = Box::new(move |message| Ok(form(message.json()?)));
        if !D::COMMANDS.contains(&command) {
            self.mistake.get_or_insert(RegistrationError::Unknown { domain: SmolStr::new_static(D::NAME), kind });
        } else if self.commands.forms.insert(kind.clone(), form).is_some() {
            self.mistake.get_or_insert(RegistrationError::Twice(kind));
        }
        self
    }

    /// Rejects all commands for an aggregate in a terminal state, before it decides: nothing late leaves it.
    pub fn ended_when(mut self, ended: impl Fn(&A) -> bool + Send + Sync + 'static) -> Self {
        self.commands.ended = Ended::when(ended);
        self
    }

    /// Waits so long before a router hears of a stale command, see
    /// [`CommandHandlersBuilder::backoff`](super::CommandHandlersBuilder::backoff).
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.commands.answers.backoff = backoff;
        self
    }

    /// Lets a command wait for its turn so many times, see
    /// [`CommandHandlersBuilder::patience`](super::CommandHandlersBuilder::patience).
    pub fn patience(mut self, times: u32) -> Self {
        self.commands.answers.patience = times;
        self
    }

    /// Returns the handlers, for a [`Consumer`](crate::inbox::Consumer) of [`Domain::commands_topic`]. A command of the domain
    /// without a form is left for a newer release.
    ///
    /// # Errors
    /// The first [`RegistrationError`].
    pub fn build(self) -> Result<Handlers, RegistrationError> {
        self.mistake.map_or(Ok(()), Err)?;
        self.commands.answers.check()?;
        let commands = Arc::new(self.commands);
        let on = |handlers: crate::inbox::HandlersBuilder, kind: &SmolStr| {
            handlers.on(kind.clone(), Decisions(commands.clone()))
        };
        let handlers = commands.forms.keys().fold(Handlers::builder(), on);
        Ok(handlers.build().expect("a map has each type once"))
    }
}

/// Handler of the commands of one type.
struct Decisions<A: Sourced>(Arc<SourcedCommandHandlers<A>>);

#[async_trait]
impl<A: Sourced<Refusal: Serialize>> Handler for Decisions<A> {
    async fn handle(&self, tx: &mut dyn Transaction, command: &Message) -> Result<(), HandlerError> {
        let SourcedCommandHandlers { ledger, forms, ended, answers } = &*self.0;
        let sent = Sent::read(command)?;
        let form = forms.get(&command.kind);
        let form = form.ok_or_else(|| HandlerError::Refused("no form for commands of this type".into()))?;
        let decided = form(command)?;
        let place = turn::place(tx, command, &sent).await?;
        let check = |state: &A, version| match Answers::stale(&sent, version, place) {
            Some(stale) => Err(stale),
            None if ended.is(state) => Err(RejectionReason::Ended),
            None => Ok(()),
        };
        let executed = ledger.execute_if(tx, &command.subject, &decided, Cause::Message(command), check).await;
        let reason = match executed {
            Ok(Ok(_)) => return turn::pass_on(tx, command, &sent).await,
            Ok(Err(reason)) => reason,
            Err(UpdateError::Refused(refusal)) => refused(&refusal),
            Err(UpdateError::Aggregate(error)) => return Err(error.into()),
            Err(UpdateError::Missing { .. }) => RejectionReason::Missing,
        };
        if !matches!(reason, RejectionReason::Stale { .. }) {
            turn::pass_on(tx, command, &sent).await?;
        }
        answers.give(tx, command, &sent, reason, place).await
    }
}
