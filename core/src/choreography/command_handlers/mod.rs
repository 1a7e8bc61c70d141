mod answers;
mod decide;
mod sourced;
mod turn;

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use self::{answers::Answers, decide::Commands};
pub use self::{
    sourced::{SourcedCommandHandlers, SourcedCommandHandlersBuilder},
    turn::waits_for_turn,
};
use super::{
    Domain, RegistrationError,
    ended::Ended,
    rejection::{RejectionReason, refused},
};
use crate::{
    aggregate::{Aggregate, Repository},
    backoff::Backoff,
    inbox::Handlers,
    message::{DecodeError, Message},
    ports::Ports,
};

/// Decision of an aggregate about a command: changed, or refused for a reason.
type Decided<T> = Result<Result<T, RejectionReason>, DecodeError>;

type Change<A> = dyn Fn(&mut A, &Message) -> Decided<()> + Send + Sync;
type Opening<A> = dyn Fn(&Message) -> Decided<A> + Send + Sync;

enum Decider<A> {
    Change(Box<Change<A>>),
    Open(Box<Opening<A>>),
}

/// Handlers of the commands for the aggregates of a domain.
///
/// A command finds its aggregate in one transaction with the note that it was handled, and one of these becomes of it:
///
/// | what happens | the aggregate | who hears |
/// |---|---|---|
/// | it decides | is changed, its events are staged | whoever listens to them |
/// | it refuses, is not there, or is there already | stays as it is | the source: a [`Rejection`](super::Rejection) with the reason |
/// | it is in a [terminal state](CommandHandlersBuilder::ended_when) | stays as it is | the source, likewise |
/// | it is at another version than the command [expects](super::ExpectedSequence) | stays as it is | the router, after a backoff; a command without a router is rejected |
/// | a command that comes before this one in the list of its event is not settled yet | stays as it is | the router, likewise, [for a while](CommandHandlersBuilder::patience); then nobody, and this one is a dead letter |
/// | the command's type is not known | stays as it is | nobody yet: a newer release handles it |
///
/// Each answer is staged in that transaction, so it is given once, whatever crashes in between.
///
/// Where one event has several commands for one aggregate that expect versions, each leaves a note among the
/// [operations](crate::ports::Part::Operations) of the store, by which the next one knows its turn;
/// [`OperationRetention`](crate::participant::OperationRetention) deletes these.
///
/// ```
/// # use seaworthy_core::aggregate::{Aggregate, DomainEvent, MessageMap, Repository};
/// # use seaworthy_core::choreography::Domain;
/// # use serde::{Deserialize, Serialize};
/// # struct Seats;
/// # impl Domain for Seats {
/// #     const NAME: &'static str = "table";
/// #     const EVENTS: &'static [&'static str] = &["player.seated"];
/// #     const COMMANDS: &'static [&'static str] = &["open.table", "seat.player"];
/// # }
/// # #[derive(Clone, PartialEq, Serialize, Deserialize)]
/// # struct Table { id: String, seated: Vec<String>, seats: usize, closed: bool }
/// # struct Seated;
/// # impl DomainEvent for Seated {
/// #     const NAMES: &'static [&'static str] = &["seated"];
/// #     fn name(&self) -> &'static str { "seated" }
/// # }
/// # impl Aggregate for Table {
/// #     const NAME: &'static str = "table";
/// #     type Event = Seated;
/// #     fn id(&self) -> &str { &self.id }
/// #     fn transition(_: Option<&Self>, _: &Self) -> Option<Seated> { None }
/// # }
/// use seaworthy_core::{choreography::{CommandHandlers, RegistrationError}, inbox::{Consumer, Handlers}, ports::Ports};
///
/// #[derive(Deserialize)]
/// struct SeatPlayer {
///     player: String,
/// }
///
/// #[derive(Serialize)]
/// #[serde(rename_all = "snake_case")]
/// enum NoSeat {
///     TableFull,
/// }
///
/// fn table_commands(ports: &Ports, tables: Repository<Table>) -> Result<Handlers, RegistrationError> {
///     CommandHandlers::builder::<Seats>(ports, tables)
///         .open("open.table", |open: Table| Ok::<_, NoSeat>(open))
///         .on("seat.player", |table: &mut Table, seat: SeatPlayer| {
///             if table.seated.len() == table.seats {
///                 return Err(NoSeat::TableFull);
///             }
///             table.seated.push(seat.player);
///             Ok(())
///         })
///         .ended_when(|table| table.closed)
///         .build()
/// }
///
/// async fn run(ports: Ports, tables: Repository<Table>) {
///     let handlers = table_commands(&ports, tables).expect("one handler for each command");
///     Consumer::new(&ports, "table-commands", handlers, ["table.commands"]).run().await;
/// }
/// ```
pub struct CommandHandlers<A: Aggregate> {
    repository: Repository<A>,
    deciders: BTreeMap<SmolStr, Decider<A>>,
    ended: Ended<A>,
    answers: Answers,
}

/// Builder of [`CommandHandlers`], which collects what decides about each command.
#[must_use = "handlers are built by `build`"]
pub struct CommandHandlersBuilder<D, A: Aggregate> {
    commands: CommandHandlers<A>,
    mistake: Option<RegistrationError>,
    domain: PhantomData<fn() -> D>,
}

impl<A: Aggregate> CommandHandlers<A> {
    /// Handlers of the commands of a domain, whose aggregates are in a repository. None yet.
    pub fn builder<D: Domain>(ports: &Ports, repository: Repository<A>) -> CommandHandlersBuilder<D, A> {
        let commands = Self {
            repository,
            deciders: BTreeMap::new(),
            ended: Ended::never(),
            answers: Answers::new(D::NAME, ports),
        };
        CommandHandlersBuilder { commands, mistake: None, domain: PhantomData }
    }
}

impl<D: Domain, A: Aggregate> CommandHandlersBuilder<D, A> {
    /// Has aggregates decide about commands of this type: `decide` changes the state, or refuses, and then it is what it was.
    /// The reason, in its JSON form, goes back to the source.
    pub fn on<C: DeserializeOwned, R: Serialize>(
        self,
        command: &str,
        decide: impl Fn(&mut A, C) -> Result<(), R> + Send + Sync + 'static,
    ) -> Self {
        let decide = move |state: &mut A, message: &Message| {
            Ok(decide(state, message.json()?).map_err(|reason| refused(&reason)))
        };
        self.register(command, Decider::Change(Box::new(decide)))
    }

    /// Opens an aggregate with commands of this type. One that is there already refuses, unless the handler is
    /// [`on`](Self::on).
    pub fn open<C: DeserializeOwned, R: Serialize>(
        self,
        command: &str,
        open: impl Fn(C) -> Result<A, R> + Send + Sync + 'static,
    ) -> Self {
        let open = move |message: &Message| Ok(open(message.json()?).map_err(|reason| refused(&reason)));
        self.register(command, Decider::Open(Box::new(open)))
    }

    /// Rejects all commands for an aggregate in a terminal state, before any handler sees it: nothing late leaves it.
    pub fn ended_when(mut self, ended: impl Fn(&A) -> bool + Send + Sync + 'static) -> Self {
        self.commands.ended = Ended::when(ended);
        self
    }

    /// Waits so long before a router hears of a stale command, the longer the more often it was. By default 50 ms to 5 s: with
    /// jitter, so that those who met at an aggregate do not meet there again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.commands.answers.backoff = backoff;
        self
    }

    /// Lets a command wait for its turn so many times, 100 by default, which is some eight minutes at the default backoff: until the
    /// command that its event has before it for the same aggregate is carried out or rejected. One that waits in vain becomes a
    /// dead letter that [says so](super::waits_for_turn). It is not rejected, since nobody knows that it will not be carried out:
    /// whoever comes before it may be a dead letter as well, and both go on when they are redriven.
    pub fn patience(mut self, times: u32) -> Self {
        self.commands.answers.patience = times;
        self
    }

    fn register(mut self, command: &str, decider: Decider<A>) -> Self {
        let kind = SmolStr::from(command);
        if !D::COMMANDS.contains(&command) {
            self.mistake.get_or_insert(RegistrationError::Unknown { domain: SmolStr::new_static(D::NAME), kind });
        } else if self.commands.deciders.insert(kind.clone(), decider).is_some() {
            self.mistake.get_or_insert(RegistrationError::Twice(kind));
        }
        self
    }

    /// Returns the handlers, for a [`Consumer`](crate::inbox::Consumer) of [`Domain::commands_topic`]. A command of the domain
    /// without a handler is left for a newer release.
    ///
    /// # Errors
    /// The first [`RegistrationError`].
    pub fn build(self) -> Result<Handlers, RegistrationError> {
        self.mistake.map_or(Ok(()), Err)?;
        self.commands.answers.check()?;
        let commands = Arc::new(self.commands);
        let on = |handlers: crate::inbox::HandlersBuilder, kind: &SmolStr| {
            handlers.on(kind.clone(), Commands(commands.clone()))
        };
        let handlers = commands.deciders.keys().fold(Handlers::builder(), on);
        Ok(handlers.build().expect("a map has each type once"))
    }
}
