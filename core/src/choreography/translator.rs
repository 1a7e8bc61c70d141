use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::{Command, Destination, Destinations, TranslateError};
use crate::message::{DecodeError, Message};

/// Translation of one type of event into commands, in two phases: [`prepare`](Self::prepare) names the aggregates whose state
/// it depends on, the router fetches them, [`handle`](Self::handle) decides.
///
/// Both are pure: they see nothing but their arguments, so the same event and states give the same commands, at each attempt
/// and in a test without a store. Source pattern: the stateless sagas of CQRS frameworks, translators between two bounded contexts.
///
/// ```
/// # use seaworthy_core::choreography::{Domain};
/// use seaworthy_core::choreography::{Command, Destination, Destinations, Translator, TranslateError};
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
///     players: Vec<String>,
/// }
///
/// struct Deal;
///
/// impl Translator for Deal {
///     type Event = HandStarted;
///
///     fn prepare(&self, event: &HandStarted) -> Vec<Destination> {
///         vec![Destination::new::<Hand>(&*event.hand)]
///     }
///
///     fn handle(&self, event: &HandStarted, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
///         let seen = destinations.version(&Destination::new::<Hand>(&*event.hand))?;
///         Ok(vec![Command::new::<Hand>("deal.cards", &*event.hand, &event.players)?.exact(seen)])
///     }
/// }
/// ```
pub trait Translator: Send + Sync + 'static {
    /// Payload of the event.
    type Event: DeserializeOwned;

    /// Names the destinations whose state [`handle`](Self::handle) looks at; none where it needs no state.
    fn prepare(&self, event: &Self::Event) -> Vec<Destination> {
        let _ = event;
        Vec::new()
    }

    /// Returns the commands that follow from the event, in the order in which those for one aggregate are to be carried out.
    ///
    /// # Errors
    /// [`TranslateError::Undeclared`] if it looks at a destination that it has not named in [`prepare`](Self::prepare), and the
    /// other kinds of [`TranslateError`] if a state or a command has not the form that it should have.
    fn handle(&self, event: &Self::Event, destinations: &Destinations) -> Result<Vec<Command>, TranslateError>;
}

/// A translator by the message of its event, which it decodes.
pub(super) trait Translate: Send + Sync {
    fn prepare(&self, event: &Message) -> Result<Vec<Destination>, DecodeError>;
    fn handle(&self, event: &Message, destinations: &Destinations) -> Result<Vec<Command>, TranslateError>;
}

pub(super) struct Decoding<T>(pub(super) T);

impl<T: Translator> Translate for Decoding<T> {
    fn prepare(&self, event: &Message) -> Result<Vec<Destination>, DecodeError> {
        Ok(self.0.prepare(&event.json()?))
    }

    fn handle(&self, event: &Message, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
        self.0.handle(&event.json()?, destinations)
    }
}

/// A translator that needs no state, as a function.
pub(super) struct Each<E, F>(F, PhantomData<fn(E)>);

impl<E, F> Each<E, F> {
    pub(super) fn new(translate: F) -> Self {
        Self(translate, PhantomData)
    }
}

impl<E, F> Translator for Each<E, F>
where
    E: DeserializeOwned + 'static,
    F: Fn(&E) -> Result<Vec<Command>, TranslateError> + Send + Sync + 'static,
{
    type Event = E;

    fn handle(&self, event: &E, _: &Destinations) -> Result<Vec<Command>, TranslateError> {
        (self.0)(event)
    }
}
