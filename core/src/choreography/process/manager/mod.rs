mod builder;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use uuid::Uuid;

pub use self::builder::ProcessManagerBuilder;
use super::{
    super::{REJECTED, Rejection},
    Reaction,
    instance::{GoneOff, Instance},
};
use crate::{
    inbox::HandlerError,
    message::{Message, from_json},
    ports::{Documents, Transaction},
};

/// Type of the message of a timer.
pub(super) const TIMER: &str = "process.timer";

type React<S> = Arc<dyn Fn(&mut S, &Message) -> Result<Reaction, HandlerError> + Send + Sync>;

/// A process manager: it listens to events of several domains, remembers what it has heard of each business transaction, and
/// returns commands and timers. `S` is what it remembers, one for each correlation id.
///
/// Whatever it does about a message (state, commands, timers) is one transaction with the note that the message was handled.
/// Its reactions are pure functions of state and message, and must come to the same result in whatever order the events of
/// different domains arrive: [`check_orders`](Self::check_orders) tries them all.
///
/// Timers are messages that are [not published before a moment](crate::message::Schedule), so they survive restarts and go
/// off once. Rejections of its commands come back to it. Where commands are to expect a version, there is a
/// [`Router`](super::super::Router); a process manager does not look at the states of others, and hears of a stale command as of any
/// other rejection.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::choreography::{Command, Domain, ProcessManager, Reaction, RegistrationError};
/// use serde::{Deserialize, Serialize};
/// # struct Orders;
/// # impl Domain for Orders {
/// #     const NAME: &'static str = "orders";
/// #     const EVENTS: &'static [&'static str] = &["order.paid"];
/// #     const COMMANDS: &'static [&'static str] = &["ship.order", "refund.order"];
/// # }
/// # struct Stock;
/// # impl Domain for Stock {
/// #     const NAME: &'static str = "stock";
/// #     const EVENTS: &'static [&'static str] = &["stock.picked"];
/// #     const COMMANDS: &'static [&'static str] = &[];
/// # }
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Shipment {
///     order: Option<String>,
///     picked: bool,
/// }
///
/// impl Shipment {
///     /// The order is shipped once it is paid and picked, whichever comes first.
///     fn next(&self, otherwise: Reaction) -> Reaction {
///         match &self.order {
///             Some(order) if self.picked => match Command::new::<Orders>("ship.order", &**order, &()) {
///                 Ok(ship) => Reaction::none().command(ship).end(),
///                 Err(_) => otherwise,
///             },
///             _ => otherwise,
///         }
///     }
/// }
///
/// fn shipments() -> Result<ProcessManager<Shipment>, RegistrationError> {
///     ProcessManager::<Shipment>::builder("shipments")
///         .on::<Orders, String>("order.paid", |shipment, order| {
///             shipment.order = Some(order.clone());
///             Ok(shipment.next(Reaction::none().timer("late", Duration::from_secs(86_400))))
///         })
///         .on::<Stock, ()>("stock.picked", |shipment, ()| {
///             shipment.picked = true;
///             Ok(shipment.next(Reaction::none()))
///         })
///         .on_timer("late", |shipment| {
///             let order = shipment.order.clone().unwrap_or_default();
///             Ok(Reaction::none().command(Command::new::<Orders>("refund.order", order, &())?).end())
///         })
///         .build()
/// }
/// # assert!(shipments().is_ok());
/// ```
pub struct ProcessManager<S> {
    pub(super) name: SmolStr,
    topics: Vec<SmolStr>,
    pub(super) reactions: BTreeMap<SmolStr, React<S>>,
    timers: BTreeMap<SmolStr, React<S>>,
    rejections: BTreeMap<SmolStr, React<S>>,
    /// Events of its domains that it does not care about.
    pub(super) ignored: Vec<&'static str>,
}

impl<S> Clone for ProcessManager<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            topics: self.topics.clone(),
            reactions: self.reactions.clone(),
            timers: self.timers.clone(),
            rejections: self.rejections.clone(),
            ignored: self.ignored.clone(),
        }
    }
}

impl<S> fmt::Debug for ProcessManager<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on: Vec<_> = self.reactions.keys().collect();
        f.debug_struct("ProcessManager").field("name", &self.name).field("on", &on).finish_non_exhaustive()
    }
}

impl<S: Default + Serialize + DeserializeOwned + Send + Sync + 'static> ProcessManager<S> {
    /// A process manager called `name`, which is its consumer group, the source of its messages and a part of their ids:
    /// keep it.
    pub fn builder(name: impl Into<SmolStr>) -> ProcessManagerBuilder<S> {
        let name = name.into();
        let topics = vec![timers_topic(&name), super::super::domain::rejections_topic(&name)];
        let (reactions, timers, rejections) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let manager = Self { name, topics, reactions, timers, rejections, ignored: Vec::new() };
        ProcessManagerBuilder::new(manager)
    }

    /// Returns the name of the process manager.
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Returns the topics that it listens to: its timers, rejections of its commands, the events of its domains.
    pub fn topics(&self) -> &[SmolStr] {
        &self.topics
    }

    /// Returns the collection of documents in which it keeps what it remembers, by correlation id.
    pub fn collection(&self) -> SmolStr {
        format_smolstr!("process.{}", self.name)
    }

    /// Returns what it remembers of a business transaction; `None` if it has heard nothing, or it has ended.
    ///
    /// # Errors
    /// [`HandlerError`] if the store fails, or what is stored is not a `S`.
    pub async fn state(&self, tx: &mut dyn Transaction, correlation_id: Uuid) -> Result<Option<S>, HandlerError> {
        Ok(self.load(tx, correlation_id).await?.and_then(|(instance, _)| instance.state))
    }

    /// Reads a process with its version.
    pub(super) async fn load(
        &self,
        documents: &mut (impl Documents + ?Sized),
        id: Uuid,
    ) -> Result<Option<(Instance<S>, u64)>, HandlerError> {
        let Some(document) = documents.get(&self.collection(), &id.to_smolstr()).await? else { return Ok(None) };
        let unreadable = |error: serde_json::Error| {
            HandlerError::Unavailable(format_smolstr!("process {id} has no readable stored form, migrate it: {error}"))
        };
        Ok(Some((from_json(&document.body).map_err(unreadable)?, document.version)))
    }

    /// Reacts to a message. `None` where it is none of its business any more: the process has ended, or the timer was set anew.
    pub(super) fn react(
        &self,
        instance: &mut Instance<S>,
        message: &Message,
    ) -> Result<Option<Reaction>, HandlerError> {
        let Some(state) = &mut instance.state else { return Ok(None) };
        let react = match message.kind.as_str() {
            TIMER => {
                let GoneOff { timer, generation } = message.json()?;
                if !instance.timers.entry(timer.clone()).or_default().goes_off(generation) {
                    return Ok(None);
                }
                let unknown = || HandlerError::Unavailable(format_smolstr!("no reaction to timer {timer}"));
                self.timers.get(&timer).ok_or_else(unknown)?
            }
            REJECTED => {
                let Rejection { command, reason } = message.json()?;
                let unknown =
                    || HandlerError::Refused(format_smolstr!("no reaction to a rejected {}: {reason}", command.kind));
                self.rejections.get(&command.kind).ok_or_else(unknown)?
            }
            kind => {
                let unknown = || HandlerError::Refused(format_smolstr!("no reaction to {kind}"));
                self.reactions.get(kind).ok_or_else(unknown)?
            }
        };
        react(state, message).map(Some)
    }
}

/// Topic of a process manager's own timers.
pub(super) fn timers_topic(manager: &str) -> SmolStr {
    format_smolstr!("{manager}.timers")
}
