use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Domain;

/// An aggregate that a command is for: its domain and its id, the root.
///
/// ```
/// # use seaworthy_core::choreography::{Destination, Domain};
/// # struct Table;
/// # impl Domain for Table {
/// #     const NAME: &'static str = "table";
/// #     const EVENTS: &'static [&'static str] = &[];
/// #     const COMMANDS: &'static [&'static str] = &[];
/// # }
/// assert_eq!(Destination::new::<Table>("t-7").to_string(), "table/t-7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// Name of the domain.
    pub domain: SmolStr,
    /// Id of the aggregate.
    pub id: SmolStr,
}

impl Destination {
    /// Names an aggregate of a domain.
    pub fn new<D: Domain>(id: impl Into<SmolStr>) -> Self {
        Self { domain: SmolStr::new_static(D::NAME), id: id.into() }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.id)
    }
}
