//! Scenarios of any kind side by side, by name.
//!
//! A [`Scenario`](crate::scenario::Scenario) has a workload of its own type. An [`Entry`] hides the type, and so does a
//! [`Case`], one plan of it: a program can hold shops, banks and whatever else in one list, draw their plans, run, shrink
//! and tell them.
//!
//! | type | what it is | when you need it |
//! |---|---|---|
//! | [`Catalogue`] | entries by name | to find the scenario that somebody names |
//! | [`Entry`] | a scenario | to sweep over it, to make a case of a seed or of a plan file |
//! | [`Case`] | a scenario with one plan | to run, shrink, tell or keep that plan |

mod case;
mod entry;
mod name;

pub use case::{Case, Smaller, case};
pub use entry::Entry;
pub use name::{UnknownScenario, nearest};

/// Scenarios by name, in the order in which they are listed.
///
/// ```
/// # fn test<Shop, Bank>(shop: Shop, bank: Bank)
/// # where Shop: seaworthy_sim::scenario::Scenario, Bank: seaworthy_sim::scenario::Scenario {
/// use seaworthy_sim::catalogue::Catalogue;
///
/// let catalogue = Catalogue::new([shop.into(), bank.into()]).expect("two names");
/// let bank = catalogue.find("bank").expect("it is listed");
/// assert_eq!(bank.noun(), "payments");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// Error of putting scenarios into a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The catalogue is empty.
    #[error("there is no scenario to run: add one")]
    Empty,
    /// Two scenarios have one name, so nobody could say which of them is meant.
    #[error("two scenarios are named {name:?}: plans name their scenario, so give one of them another name")]
    Twice {
        /// Name that two scenarios have.
        name: String,
    },
}

impl Catalogue {
    /// The catalogue of these scenarios.
    ///
    /// # Errors
    /// [`CatalogueError`] where there is none, or two have one name.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, CatalogueError> {
        let entries: Vec<Entry> = entries.into_iter().collect();
        if entries.is_empty() {
            return Err(CatalogueError::Empty);
        }
        for (at, entry) in entries.iter().enumerate() {
            if entries[..at].iter().any(|earlier| earlier.name() == entry.name()) {
                return Err(CatalogueError::Twice { name: entry.name().to_owned() });
            }
        }
        Ok(Self { entries })
    }

    /// Returns the entries of the catalogue.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The one that is meant where none is named: the first.
    pub fn first(&self) -> &Entry {
        &self.entries[0]
    }

    /// The scenario of this name.
    ///
    /// # Errors
    /// [`UnknownScenario`], with the nearest name that there is.
    pub fn find(&self, name: &str) -> Result<&Entry, UnknownScenario> {
        self.entries.iter().find(|entry| entry.name() == name).ok_or_else(|| UnknownScenario {
            name: name.to_owned(),
            nearest: nearest(name, self.entries.iter().map(Entry::name)),
        })
    }
}
