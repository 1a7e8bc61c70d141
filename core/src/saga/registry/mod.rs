mod driver;
mod error;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use smol_str::SmolStr;

pub(crate) use self::driver::Driver;
pub use self::error::RegistryError;
use super::{Awaits, Definition, Migration, Passage, Rename, SagaData};
use crate::{
    message::Message,
    ports::{DefinitionRef, SagaAddress, SagaKey},
};

/// Driver of a stored saga in this process.
pub(crate) enum Resolved {
    /// It runs that version, or goes on under it by a passage.
    Driver(Arc<dyn Driver>, Option<Arc<Passage>>),
    /// No definition here is its own: it is left to other releases, as during a rolling deployment.
    Elsewhere {
        /// The newest version that this process knows.
        newest: u32,
        reason: String,
    },
}

/// The definitions that a process can run.
///
/// ```
/// use seaworthy_core::saga::{Action, NothingToUndo, Registry, SagaBuilder};
/// # struct Noted;
/// # impl Action<u32> for Noted {}
/// let mut registry = Registry::new();
/// registry.register(SagaBuilder::<u32>::new("checkout", 1).compensatable("reserve", Noted, NothingToUndo).build()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Registry {
    /// By name, then version.
    definitions: BTreeMap<SmolStr, BTreeMap<u32, Arc<dyn Driver>>>,
    migrations: BTreeMap<(SmolStr, u32), Arc<Passage>>,
}

impl Registry {
    /// A registry of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a definition. New sagas of a name run its highest version.
    ///
    /// # Errors
    /// [`RegistryError::Duplicate`]; [`RegistryError::Needless`] if a migration starts at this version.
    pub fn register<D: SagaData>(&mut self, definition: Definition<D>) -> Result<&mut Self, RegistryError> {
        let DefinitionRef { name, version, .. } = definition.reference().clone();
        if self.migrations.contains_key(&(name.clone(), version)) {
            return Err(RegistryError::Needless(name, version));
        }
        let versions = self.definitions.entry(name.clone()).or_default();
        if versions.contains_key(&version) {
            return Err(RegistryError::Duplicate(name, version));
        }
        versions.insert(version, Arc::new(definition));
        Ok(self)
    }

    /// Declares how sagas of a version that is gone go on.
    ///
    /// # Errors
    /// [`RegistryError`] if the target is not registered, the source is, or a renaming does not fit.
    pub fn migration(&mut self, migration: Migration) -> Result<&mut Self, RegistryError> {
        let Migration { definition, passage } = migration;
        let Passage { from, to, ref renames } = passage;
        let versions = self.definitions.get(&definition);
        if versions.is_some_and(|versions| versions.contains_key(&from)) {
            return Err(RegistryError::Needless(definition, from));
        }
        let Some(target) = versions.and_then(|versions| versions.get(&to)) else {
            return Err(RegistryError::NoTarget(definition, to));
        };
        let shape = target.shape();
        for (number, Rename { from: old, to: new, meanwhile }) in renames.iter().enumerate() {
            // Entries of earlier releases carry new names, too: an old name that lives on would be read wrongly.
            if shape.index_of(new).is_none() || shape.index_of(old).is_some() {
                return Err(RegistryError::Rename { definition, from: old.clone(), to: new.clone() });
            }
            let is_second = |other: &Rename| other.to == *new && !other.meanwhile;
            if !meanwhile && renames[..number].iter().any(is_second) {
                return Err(RegistryError::Ambiguous { definition, from: old.clone(), to: new.clone() });
            }
        }
        if self.migrations.insert((definition.clone(), from), Arc::new(passage)).is_some() {
            return Err(RegistryError::Duplicate(definition, from));
        }
        Ok(self)
    }

    /// The names of all definitions.
    pub fn names(&self) -> Vec<SmolStr> {
        self.definitions.keys().cloned().collect()
    }

    /// Returns the versions that are gone, by the names of their definitions, whose sagas have keys once they go on.
    pub(crate) fn passages_to_keys(&self) -> Vec<(SmolStr, u32)> {
        let has_keys = |name: &SmolStr, passage: &Passage| {
            let target = self.definitions.get(name).and_then(|versions| versions.get(&passage.to));
            target.is_some_and(|driver| !driver.shape().keyed_steps().is_empty())
        };
        let passages = self.migrations.iter().filter(|((name, _), passage)| has_keys(name, passage));
        passages.map(|(from, _)| from.clone()).collect()
    }

    /// Returns `true` unless all versions of a definition are known here to wait for no signal of this name.
    pub(crate) fn may_await(&self, definition: &str, signal: &str) -> bool {
        let Some(versions) = self.definitions.get(definition) else { return true };
        let awaits = |awaits: &Awaits| awaits.signal().is_some_and(|name| name == signal);
        versions.values().any(|driver| driver.shape().steps.iter().any(|step| step.awaits.as_ref().is_some_and(awaits)))
    }

    /// Returns the sagas of a definition that a message is for: by its keys where steps have some, else by its correlation id.
    pub(crate) fn addresses(&self, definition: &str, message: &Message) -> Vec<SagaAddress> {
        let (mut found, mut by_id) = (BTreeSet::new(), false);
        for driver in self.definitions.get(definition).into_iter().flat_map(BTreeMap::values) {
            let (keys, is_by_id) = driver.keys_of(message);
            found.extend(keys);
            by_id |= is_by_id;
        }
        let by_id = by_id || found.is_empty();
        let keyed = found.into_iter().map(|key| keyed(definition, &message.kind, key));
        let correlation_id = message.correlation_id;
        let correlated = SagaAddress::Correlated { definition: definition.into(), correlation_id };
        keyed.chain(by_id.then_some(correlated)).collect()
    }

    /// The version that new sagas of this name run.
    pub(crate) fn latest(&self, name: &str) -> Option<&Arc<dyn Driver>> {
        self.definitions.get(name)?.values().next_back()
    }

    pub(crate) fn resolve(&self, stored: &DefinitionRef) -> Resolved {
        let DefinitionRef { name, version, hash } = stored;
        let elsewhere = |newest, reason| Resolved::Elsewhere { newest, reason };
        let Some((versions, newest)) =
            self.definitions.get(name).and_then(|versions| Some((versions, *versions.keys().next_back()?)))
        else {
            return elsewhere(0, format!("no definition `{name}` is registered"));
        };
        if let Some(driver) = versions.get(version) {
            if driver.shape().definition.hash == *hash {
                return Resolved::Driver(driver.clone(), None);
            }
            let cure = "give the new structure a new version";
            return elsewhere(newest, format!("the structure of `{name}` version {version} has changed: {cure}"));
        }
        if let Some(passage) = self.migrations.get(&(name.clone(), *version))
            && let Some(driver) = versions.get(&passage.to)
        {
            return Resolved::Driver(driver.clone(), Some(passage.clone()));
        }
        if newest < *version {
            let reason =
                format!("`{name}` version {version} is newer than {newest}, the newest that is registered here");
            return elsewhere(newest, reason);
        }
        let cure = "register it, or declare its migration";
        elsewhere(newest, format!("`{name}` version {version} is not registered: {cure}"))
    }
}

/// Sagas of a definition that are found by a key for messages of a type.
pub(crate) fn keyed(definition: &str, kind: &SmolStr, key: SmolStr) -> SagaAddress {
    SagaAddress::Keyed { definition: definition.into(), key: SagaKey { name: kind.clone(), key } }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.definitions.iter().map(|(name, versions)| (name, versions.keys().collect::<Vec<_>>())))
            .finish()
    }
}
