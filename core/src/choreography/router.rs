use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use super::{
    Command, Destination, DestinationStates, Destinations, Domain, OwnDocuments, RegistrationError, TranslateError,
    Translator,
    follow_up::REVOKED,
    route::{Events, Route, answers_topic, splitter},
    stale::{ABORTED, Abort, Again, STALE},
    translator::{Decoding, Each, Translate},
};
use crate::{
    inbox::{Consumer, ConsumerConfig, Handlers},
    message::Message,
    ports::{Clock, Ports},
    settings::Checks,
    time::Timestamp,
};

/// A router: it listens to the events of one domain and translates them into commands for others. It keeps no state of its
/// own. Cloning is cheap.
///
/// A router has exactly one source, and a second one does not compile: whatever depends on several domains has to remember
/// what it has heard, which is a [`ProcessManager`](super::ProcessManager).
///
/// ```
/// use seaworthy_core::choreography::{Command, Domain, RegistrationError, Router};
/// use seaworthy_core::ports::Ports;
/// # struct Table;
/// # impl Domain for Table {
/// #     const NAME: &'static str = "table";
/// #     const EVENTS: &'static [&'static str] = &["hand.started"];
/// #     const COMMANDS: &'static [&'static str] = &[];
/// # }
/// # struct Hand;
/// # impl Domain for Hand {
/// #     const NAME: &'static str = "hand";
/// #     const EVENTS: &'static [&'static str] = &[];
/// #     const COMMANDS: &'static [&'static str] = &["deal.cards"];
/// # }
///
/// #[derive(serde::Deserialize)]
/// struct HandStarted {
///     hand: String,
/// }
///
/// fn table_to_hand() -> Result<Router, RegistrationError> {
///     Router::builder("table-to-hand")
///         .source::<Table>()
///         .translate("hand.started", |event: &HandStarted| Ok(vec![Command::new::<Hand>("deal.cards", &*event.hand, &())?]))
///         .build()
/// }
///
/// async fn run(ports: Ports) {
///     let router = table_to_hand().expect("one translator for each event");
///     router.consumer(&ports).run().await;
/// }
/// # assert!(table_to_hand().is_ok());
/// ```
#[derive(Clone)]
pub struct Router {
    name: SmolStr,
    source: &'static str,
    events: &'static [&'static str],
    translators: BTreeMap<SmolStr, Arc<dyn Translate>>,
    states: Arc<dyn DestinationStates>,
    attempts_max: u32,
}

/// The source of a router that has none yet.
#[derive(Debug)]
pub struct NoSource(());

/// Builder of a [`Router`], which collects its translators. `S` is the source domain.
#[must_use = "a router is built by `build`"]
pub struct RouterBuilder<S> {
    router: Router,
    /// The first mistake; the builder goes on so that calls can be chained.
    mistake: Option<RegistrationError>,
    domain: PhantomData<fn() -> S>,
}

impl Router {
    /// A router called `name`, which is its consumer group, the source of its messages and a part of their ids: keep it.
    pub fn builder(name: impl Into<SmolStr>) -> RouterBuilder<NoSource> {
        let router = Self {
            name: name.into(),
            source: "",
            events: &[],
            translators: BTreeMap::new(),
            states: Arc::new(OwnDocuments),
            attempts_max: 10,
        };
        RouterBuilder { router, mistake: None, domain: PhantomData }
    }

    /// Returns the name of the router.
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Returns the topics that it listens to: the source's events, and what became of its own commands.
    pub fn topics(&self) -> [SmolStr; 2] {
        [SmolStr::new_static(self.source), answers_topic(&self.name)]
    }

    /// Names the destinations whose states an event's translation depends on: the first phase. Pure.
    ///
    /// # Errors
    /// [`TranslateError::UnknownEvent`] if the event is none of the source domain, and [`TranslateError::Decode`] if its payload
    /// can't be decoded.
    pub fn prepare(&self, event: &Message) -> Result<Vec<Destination>, TranslateError> {
        Ok(match self.translator(event)? {
            Some(translator) => translator.prepare(event)?,
            None => Vec::new(),
        })
    }

    /// Returns the commands that follow from an event: the second phase. Pure. None for an event that nobody has registered
    /// for.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare), and whatever [`TranslateError`] the event's translator returns.
    pub fn handle(&self, event: &Message, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
        match self.translator(event)? {
            Some(translator) => translator.handle(event, destinations),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the messages that commands of an event become, one for each: the splitter. Pure; `now` is their time.
    ///
    /// # Errors
    /// [`TranslateError::Header`] if the router's name can't stand in a header.
    pub fn split(
        &self,
        event: &Message,
        commands: Vec<Command>,
        now: Timestamp,
    ) -> Result<Vec<Message>, TranslateError> {
        splitter(&self.name, self.source, event, event, now).all(commands)
    }

    fn translator(&self, event: &Message) -> Result<Option<&Arc<dyn Translate>>, TranslateError> {
        let found = self.translators.get(&event.kind);
        if found.is_none() && !self.events.contains(&event.kind.as_str()) && event.kind != REVOKED {
            return Err(TranslateError::UnknownEvent(event.kind.clone()));
        }
        Ok(found)
    }

    /// Returns the handlers of the router, for a [`Consumer`] of its [`topics`](Self::topics). `clock` gives messages their
    /// time.
    pub fn handlers(&self, clock: Arc<dyn Clock>) -> Handlers {
        let Self { name, source, translators, states, attempts_max, .. } = self.clone();
        let route = Arc::new(Route { name, source, translators, states, attempts_max, clock });
        let mut handlers = Handlers::builder().on(STALE, Again(route.clone())).on(ABORTED, Abort(route.clone()));
        for kind in self.translators.keys() {
            handlers = handlers.on(kind.clone(), Events(route.clone()));
        }
        for kind in self.events.iter().copied().chain([REVOKED]) {
            if !self.translators.contains_key(kind) {
                handlers = handlers.ignore(kind);
            }
        }
        handlers.build().expect("each type is registered once: `build` has seen to it")
    }

    /// Returns the consumer of the router in a process, with the defaults.
    pub fn consumer(&self, ports: &Ports) -> Consumer {
        Consumer::new(ports, self.name.clone(), self.handlers(ports.clock.clone()), ConsumerConfig::new(self.topics()))
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let translated: Vec<_> = self.translators.keys().collect();
        f.debug_struct("Router")
            .field("name", &self.name)
            .field("source", &self.source)
            .field("on", &translated)
            .finish()
    }
}

impl RouterBuilder<NoSource> {
    /// Listens to the events of this domain.
    pub fn source<D: Domain>(self) -> RouterBuilder<D> {
        let mut mistake = self.mistake;
        for (at, kind) in D::EVENTS.iter().enumerate() {
            if D::EVENTS[..at].contains(kind) || [STALE, ABORTED, REVOKED].contains(kind) {
                mistake.get_or_insert(RegistrationError::Twice(SmolStr::new_static(kind)));
            }
        }
        let router = Router { source: D::NAME, events: D::EVENTS, ..self.router };
        RouterBuilder { router, mistake, domain: PhantomData }
    }
}

impl<D: Domain> RouterBuilder<D> {
    /// Translates events of this type. Those of the domain that nobody translates are acknowledged and lead to nothing.
    ///
    /// The domain's [revocations](super::REVOKED) can be translated as well.
    pub fn on(self, event: &str, translator: impl Translator) -> Self {
        self.register(event, Arc::new(Decoding(translator)))
    }

    /// Translates events of this type by a function that needs no state of any destination.
    pub fn translate<E: DeserializeOwned + 'static>(
        self,
        event: &str,
        translate: impl Fn(&E) -> Result<Vec<Command>, TranslateError> + Send + Sync + 'static,
    ) -> Self {
        self.on(event, Each::new(translate))
    }

    /// Fetches the states of destinations from here. By default they are [documents of the router's own store](OwnDocuments).
    pub fn states(mut self, states: impl DestinationStates + 'static) -> Self {
        self.router.states = Arc::new(states);
        self
    }

    /// Sends a command up to so many times while it is stale, 10 by default; then it is rejected. The times at which a command before
    /// it is not settled yet [do not count](super::CommandHandlersBuilder::patience). Each time is a later one:
    /// the destination tells of it after a [backoff](super::CommandHandlersBuilder::backoff).
    pub fn attempts_max(mut self, attempts_max: u32) -> Self {
        self.router.attempts_max = attempts_max;
        self
    }

    fn register(mut self, event: &str, translator: Arc<dyn Translate>) -> Self {
        let kind = SmolStr::from(event);
        if !D::EVENTS.contains(&event) && event != REVOKED {
            self.mistake.get_or_insert(RegistrationError::Unknown { domain: SmolStr::new_static(D::NAME), kind });
        } else if self.router.translators.insert(kind.clone(), translator).is_some() {
            self.mistake.get_or_insert(RegistrationError::Twice(kind));
        }
        self
    }

    /// Returns the router.
    ///
    /// # Errors
    /// The first [`RegistrationError`].
    pub fn build(self) -> Result<Router, RegistrationError> {
        let reason = "a stale command would be rejected before it is sent once";
        Checks::new("RouterBuilder").positive("attempts_max", self.router.attempts_max, reason)?;
        self.mistake.map_or(Ok(self.router), Err)
    }
}
