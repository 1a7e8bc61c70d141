use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, format_smolstr};

use super::{Destination, TranslateError};
use crate::{
    events::{Ledger, Sourced},
    inbox::HandlerError,
    message::{from_json, to_json},
    ports::{Document, Store, Transaction},
};

/// A destination as it was when an event is translated: version and state, read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationState {
    /// Version of the aggregate, from `1`.
    pub version: u64,
    /// Its state, in JSON unless its service says otherwise.
    pub body: Bytes,
}

impl From<Document> for DestinationState {
    fn from(Document { version, body }: Document) -> Self {
        Self { version, body }
    }
}

/// The declared destinations of an event, with the state of each.
///
/// One that was not declared by [`prepare`](super::Translator::prepare) is an error, whatever is asked about it: a version
/// that nobody has looked up must not read as that of an aggregate which is not there yet.
///
/// ```
/// # use seaworthy_core::choreography::{Destination, DestinationState, Destinations, Domain};
/// # struct Table;
/// # impl Domain for Table {
/// #     const NAME: &'static str = "table";
/// #     const EVENTS: &'static [&'static str] = &[];
/// #     const COMMANDS: &'static [&'static str] = &[];
/// # }
/// let (there, absent) = (Destination::new::<Table>("t-7"), Destination::new::<Table>("t-8"));
/// let state = DestinationState { version: 4, body: "{\"seats\":6}".into() };
/// let destinations = Destinations::from([(there.clone(), Some(state)), (absent.clone(), None)]);
/// assert_eq!(destinations.version(&there)?, 4);
/// assert_eq!(destinations.version(&absent)?, 0);
/// assert!(destinations.version(&Destination::new::<Table>("t-9")).is_err());
/// # Ok::<(), seaworthy_core::choreography::TranslateError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations(BTreeMap<Destination, Option<DestinationState>>);

impl Destinations {
    /// No destinations, for an event that declares none.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Returns the state of a declared destination; `None` if there is no such aggregate yet.
    ///
    /// # Errors
    /// [`TranslateError::Undeclared`] if it was not declared in `prepare`, so that nobody looked it up.
    pub fn get(&self, destination: &Destination) -> Result<Option<&DestinationState>, TranslateError> {
        let state = self.0.get(destination).ok_or_else(|| TranslateError::Undeclared(destination.clone()))?;
        Ok(state.as_ref())
    }

    /// Returns the version of a declared destination; `0` if it was looked up and is not there yet.
    ///
    /// # Errors
    /// [`TranslateError::Undeclared`] if it was not declared in `prepare`, so that nobody looked it up.
    pub fn version(&self, destination: &Destination) -> Result<u64, TranslateError> {
        Ok(self.get(destination)?.map_or(0, |state| state.version))
    }

    /// Returns the state of a declared destination, decoded from JSON; `None` if there is no such aggregate yet.
    ///
    /// # Errors
    /// [`TranslateError::Undeclared`]; [`TranslateError::State`] if it is not JSON of this shape.
    pub fn decode<T: DeserializeOwned>(&self, destination: &Destination) -> Result<Option<T>, TranslateError> {
        let Some(state) = self.get(destination)? else { return Ok(None) };
        let decoded = from_json(&state.body).map_err(|error| TranslateError::State {
            destination: destination.clone(),
            // The decoder's own words may quote the state, which is not for logs.
            reason: format_smolstr!("{:?} error at column {}", error.classify(), error.column()),
        })?;
        Ok(Some(decoded))
    }
}

impl<const N: usize> From<[(Destination, Option<DestinationState>); N]> for Destinations {
    fn from(states: [(Destination, Option<DestinationState>); N]) -> Self {
        states.into_iter().collect()
    }
}

impl FromIterator<(Destination, Option<DestinationState>)> for Destinations {
    fn from_iter<I: IntoIterator<Item = (Destination, Option<DestinationState>)>>(states: I) -> Self {
        Self(states.into_iter().collect())
    }
}

/// Source of the states of destinations: between the two phases of a router it is asked for each that was declared.
///
/// A state may be behind by the time a command arrives, never ahead: what a command [expects](super::ExpectedSequence) is
/// checked where it is carried out. Implement it for aggregates in tables of your own, or behind somebody's read API.
///
/// ```
/// use async_trait::async_trait;
/// use seaworthy_core::{
///     choreography::{Destination, DestinationState, DestinationStates},
///     inbox::HandlerError,
///     ports::Transaction,
/// };
///
/// /// Tables are kept in a collection with a prefix.
/// struct Prefixed(&'static str);
///
/// #[async_trait]
/// impl DestinationStates for Prefixed {
///     async fn fetch(
///         &self,
///         tx: &mut dyn Transaction,
///         destination: &Destination,
///     ) -> Result<Option<DestinationState>, HandlerError> {
///         let collection = format!("{}{}", self.0, destination.domain);
///         Ok(tx.get(&collection, &destination.id).await?.map(DestinationState::from))
///     }
/// }
/// ```
#[async_trait]
pub trait DestinationStates: Send + Sync {
    /// Returns version and state of an aggregate, read together; `None` if there is none. `tx` is the transaction in which
    /// the router handles the event, for states that are kept in its own store.
    ///
    /// # Errors
    /// [`HandlerError`]; the event is then handled again later.
    async fn fetch(
        &self,
        tx: &mut dyn Transaction,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, HandlerError>;
}

/// States of aggregates that are documents in the router's own store, in the collection named as their domain: what a
/// [`Repository`](crate::aggregate::Repository) writes. They are read in the router's transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnDocuments;

#[async_trait]
impl DestinationStates for OwnDocuments {
    async fn fetch(
        &self,
        tx: &mut dyn Transaction,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, HandlerError> {
        Ok(tx.get(&destination.domain, &destination.id).await?.map(DestinationState::from))
    }
}

/// States of aggregates that are documents in another store than the router's, in the collection named as their domain.
/// Each is read in a short transaction of its own there. For the router's own store there is [`OwnDocuments`]: a second
/// transaction beside the open one would wait for it where a store has one writer.
///
/// ```
/// # use std::sync::Arc;
/// # use seaworthy_core::{choreography::{Domain, RouterBuilder}, ports::Store};
/// use seaworthy_core::choreography::DocumentsOf;
///
/// fn with_states_of<D: Domain>(builder: RouterBuilder<D>, tables: Arc<dyn Store>) -> RouterBuilder<D> {
///     builder.states(DocumentsOf::new(tables))
/// }
/// ```
#[derive(Clone)]
pub struct DocumentsOf(Arc<dyn Store>);

impl DocumentsOf {
    /// Reads the documents of this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

impl fmt::Debug for DocumentsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentsOf").finish_non_exhaustive()
    }
}

#[async_trait]
impl DestinationStates for DocumentsOf {
    async fn fetch(
        &self,
        _: &mut dyn Transaction,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, HandlerError> {
        let mut other = self.0.begin().await?;
        Ok(other.get(&destination.domain, &destination.id).await?.map(DestinationState::from))
    }
}

/// States of event-sourced aggregates whose streams are in the router's own store: version of the stream, and the fold of its
/// events in JSON. They are read in the router's transaction. An aggregate of which nothing has happened yet is not there.
#[async_trait]
impl<A: Sourced + Serialize> DestinationStates for Ledger<A> {
    async fn fetch(
        &self,
        tx: &mut dyn Transaction,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, HandlerError> {
        let loaded = self.load(tx, &destination.id).await?;
        if loaded.version == 0 {
            return Ok(None);
        }
        let body = to_json(&SmolStr::new_static(A::NAME), &loaded.state)?;
        Ok(Some(DestinationState { version: loaded.version, body }))
    }
}
