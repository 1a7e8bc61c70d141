mod following;
mod sourced;

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use smol_str::{SmolStr, format_smolstr};
use tracing::{info, warn};

pub(super) use self::following::ESCALATED;
use self::following::Following;
pub use self::{
    following::rejected_letters,
    sourced::{SourcedRejectionHandlers, SourcedRejectionHandlersBuilder},
};
use super::{Domain, FollowUp, RegistrationError, Rejection, ended::Ended, rejection::REJECTED};
use crate::{
    aggregate::{Aggregate, Cause, Repository, Tracked},
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{Ports, Transaction},
};

type Compensate<A> = Box<dyn Fn(&mut A, &Rejection) -> Result<FollowUp, HandlerError> + Send + Sync>;

/// Handlers of commands that followed from a domain's events and were rejected: the aggregate that the event was about decides
/// what to undo, and what else is to be done.
///
/// A [`Rejection`] has the command as it was sent and the event that it followed from, so the aggregate undoes what that one
/// command stood for, and nothing that other commands stand for. It does so in the transaction in which the rejection is
/// noted as handled: once.
///
/// ```
/// # use seaworthy_core::aggregate::{Aggregate, DomainEvent, MessageMap, Repository};
/// # use seaworthy_core::choreography::Domain;
/// # use serde::{Deserialize, Serialize};
/// # struct Wallets;
/// # impl Domain for Wallets {
/// #     const NAME: &'static str = "player";
/// #     const EVENTS: &'static [&'static str] = &["funds.reserved"];
/// #     const COMMANDS: &'static [&'static str] = &[];
/// # }
/// # #[derive(Clone, PartialEq, Serialize, Deserialize)]
/// # struct Player { id: String, chips: u64, reserved: u64 }
/// # struct Released;
/// # impl DomainEvent for Released {
/// #     const NAMES: &'static [&'static str] = &["released"];
/// #     fn name(&self) -> &'static str { "released" }
/// # }
/// # impl Aggregate for Player {
/// #     const NAME: &'static str = "player";
/// #     type Event = Released;
/// #     fn id(&self) -> &str { &self.id }
/// #     fn transition(_: Option<&Self>, _: &Self) -> Option<Released> { None }
/// # }
/// use seaworthy_core::{
///     choreography::{FollowUp, RegistrationError, Rejection, RejectionHandlers},
///     inbox::{Consumer, Handlers},
///     ports::Ports,
/// };
///
/// #[derive(Deserialize)]
/// struct SeatPlayer {
///     buy_in: u64,
/// }
///
/// fn player_rejections(ports: &Ports, players: Repository<Player>) -> Result<Handlers, RegistrationError> {
///     RejectionHandlers::builder::<Wallets>(ports, players)
///         .on("seat.player", |player: &mut Player, rejection: &Rejection| {
///             // What this join reserved, not all that is reserved.
///             let buy_in = rejection.command::<SeatPlayer>()?.buy_in;
///             player.reserved -= buy_in;
///             player.chips += buy_in;
///             Ok(FollowUp::none())
///         })
///         .build()
/// }
///
/// async fn run(ports: Ports, players: Repository<Player>) {
///     let handlers = player_rejections(&ports, players).expect("one handler for each command");
///     Consumer::new(&ports, "player-rejections", handlers, ["player.rejections"]).run().await;
/// }
/// ```
pub struct RejectionHandlers<A: Aggregate> {
    repository: Repository<A>,
    compensations: BTreeMap<SmolStr, Compensate<A>>,
    ended: Ended<A>,
    following: Following,
}

/// Builder of [`RejectionHandlers`], which collects what to do about each command.
#[must_use = "handlers are built by `build`"]
pub struct RejectionHandlersBuilder<D, A: Aggregate> {
    rejections: RejectionHandlers<A>,
    mistake: Option<RegistrationError>,
    domain: PhantomData<fn() -> D>,
}

impl<A: Aggregate> RejectionHandlers<A> {
    /// Handlers of rejected commands that followed from events of a domain, whose aggregates are in a repository. None yet.
    pub fn builder<D: Domain>(ports: &Ports, repository: Repository<A>) -> RejectionHandlersBuilder<D, A> {
        let rejections = Self {
            repository,
            compensations: BTreeMap::new(),
            ended: Ended::never(),
            following: Following::new::<D>(ports),
        };
        RejectionHandlersBuilder { rejections, mistake: None, domain: PhantomData }
    }
}

impl<D: Domain, A: Aggregate> RejectionHandlersBuilder<D, A> {
    /// Compensates commands of this type. `compensate` changes the aggregate that the event was about, and says what
    /// else is to be done; with `?` on what it decodes, a payload that is not what it has to be is a dead letter at once.
    pub fn on(
        mut self,
        command: &str,
        compensate: impl Fn(&mut A, &Rejection) -> Result<FollowUp, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        let kind = SmolStr::from(command);
        if self.rejections.compensations.insert(kind.clone(), Box::new(compensate)).is_some() {
            self.mistake.get_or_insert(RegistrationError::Twice(kind));
        }
        self
    }

    /// Keeps aggregates in terminal states there: a compensation may change them, and one that would leave the terminal state
    /// is dropped with a warning. What else it asks for is done.
    pub fn ended_when(mut self, ended: impl Fn(&A) -> bool + Send + Sync + 'static) -> Self {
        self.rejections.ended = Ended::when(ended);
        self
    }

    /// Returns the handlers, for a [`Consumer`](crate::inbox::Consumer) of [`Domain::rejections_topic`]. The rejection of a
    /// command without a handler becomes a dead letter of that consumer.
    ///
    /// # Errors
    /// The first [`RegistrationError`].
    pub fn build(self) -> Result<Handlers, RegistrationError> {
        self.mistake.map_or(Ok(()), Err)?;
        let handlers = Handlers::builder().on(REJECTED, Rejections(Arc::new(self.rejections)));
        Ok(handlers.build().expect("one type"))
    }
}

struct Rejections<A: Aggregate>(Arc<RejectionHandlers<A>>);

impl<A: Aggregate> RejectionHandlers<A> {
    /// Has the aggregate decide. `false` instead of a change that would leave a terminal state.
    fn compensate(&self, aggregate: &mut Tracked<A>, rejection: &Rejection) -> Result<(FollowUp, bool), HandlerError> {
        let kind = &rejection.command.kind;
        let compensate = self.compensations.get(kind).ok_or_else(|| rejection.unexpected())?;
        let had_ended = self.ended.is(aggregate);
        let mut follow_up = FollowUp::none();
        let changed = aggregate.try_change(|state| {
            follow_up = compensate(state, rejection).map_err(Some)?;
            if had_ended && !self.ended.is(state) { Err(None) } else { Ok(()) }
        });
        match changed {
            Err(Some(error)) => Err(error),
            changed => Ok((follow_up, changed.is_ok())),
        }
    }
}

#[async_trait]
impl<A: Aggregate> Handler for Rejections<A> {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let rejections = &*self.0;
        let rejection = Rejection::read(message)?;
        let event = rejection.event()?.ok_or_else(Rejection::orphan)?;
        let gone = || HandlerError::Refused(format_smolstr!("there is no {} {}", A::NAME, event.subject));
        let mut source = rejections.repository.load(tx, &event.subject).await?.ok_or_else(gone)?;
        let (follow_up, stays) = rejections.compensate(&mut source, &rejection)?;
        let Rejection { command, reason } = &rejection;
        let (id, kind, root, reason) = (command.id, command.kind.clone(), event.subject.clone(), reason.clone());
        if stays {
            rejections.repository.save(tx, source, Cause::Message(message)).await?;
            tx.after_commit(Box::new(move || {
                info!(command = %id, %kind, %root, %reason, ?follow_up, "rejected command is compensated");
            }));
        } else {
            tx.after_commit(Box::new(move || {
                warn!(command = %id, %kind, %root, %reason, "compensation is dropped: it would leave a terminal state");
            }));
        }
        rejections.following.stage(tx, message, &rejection, &event, follow_up).await
    }
}
