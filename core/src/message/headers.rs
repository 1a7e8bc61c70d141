use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Headers that keep the values of a foreign event where the message holds other ones, see
/// [`cloud_events`](super::cloud_events).
pub(super) const ORIGINALS: [&str; 4] =
    ["originalid", "originalcorrelationid", "originalcausationid", "originalsequence"];

/// Names that the envelope has for itself.
const RESERVED: [&str; 18] = [
    "causationid",
    "correlationid",
    "data",
    "datacontenttype",
    "expirytime",
    "gap",
    "id",
    "notbefore",
    "partitionkey",
    "sequence",
    "source",
    "sourceepoch",
    "specversion",
    "subject",
    "time",
    "topic",
    "traceparent",
    "type",
];

/// Those of them that were free once: a message that was stored then may have a header of this name.
const RESERVED_LATE: [&str; 2] = ["expirytime", "notbefore"];

/// A header that a message can't have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Not a name that every transport carries.
    #[error("header {0:?}: a name is made of the letters a to z and of digits, as an attribute of CloudEvents is")]
    Name(SmolStr),
    /// The envelope has a field of this name.
    #[error("header {0:?}: the envelope has a field of this name: choose another one")]
    Reserved(SmolStr),
    /// Not a value that every transport carries.
    #[error("header {name:?}: its value holds a control character: encode it")]
    Value {
        /// Name of the header.
        name: SmolStr,
    },
}

/// Headers of a message, beside its envelope and its payload: names and values, in the order of the names.
///
/// ```
/// use seaworthy_core::message::Headers;
///
/// let mut headers = Headers::new();
/// headers.insert("tenant", "north")?;
/// assert_eq!(headers.get("tenant"), Some("north"));
/// assert!(headers.insert("Tenant-Id", "north").is_err(), "lower-case letters and digits only");
/// assert!(headers.insert("source", "elsewhere").is_err(), "the envelope has one");
/// # Ok::<(), seaworthy_core::message::HeaderError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<SmolStr, SmolStr>", into = "BTreeMap<SmolStr, SmolStr>")]
pub struct Headers(BTreeMap<SmolStr, SmolStr>);

impl Headers {
    /// Creates an empty set of headers.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a header, or sets it anew.
    ///
    /// # Errors
    /// [`HeaderError`]; nothing is changed then.
    pub fn insert(&mut self, name: impl Into<SmolStr>, value: impl Into<SmolStr>) -> Result<(), HeaderError> {
        let (name, value) = (name.into(), value.into());
        if RESERVED.contains(&name.as_str()) || ORIGINALS.contains(&name.as_str()) {
            return Err(HeaderError::Reserved(name));
        }
        self.set(name, value)
    }

    /// As [`insert`](Self::insert), also for a name that the envelope has for itself.
    pub(super) fn set(&mut self, name: SmolStr, value: SmolStr) -> Result<(), HeaderError> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return Err(HeaderError::Name(name));
        }
        if value.chars().any(char::is_control) {
            return Err(HeaderError::Value { name });
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// The value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(SmolStr::as_str)
    }

    /// Takes a header out.
    pub fn remove(&mut self, name: &str) -> Option<SmolStr> {
        self.0.remove(name)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns `true` if there are no headers. Most messages have none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of headers.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl TryFrom<BTreeMap<SmolStr, SmolStr>> for Headers {
    type Error = HeaderError;

    /// Takes names and values that were headers before, those of a foreign event's original ids included.
    fn try_from(all: BTreeMap<SmolStr, SmolStr>) -> Result<Self, HeaderError> {
        let mut headers = Self::new();
        for (name, value) in all {
            let may_be_there = ORIGINALS.contains(&name.as_str()) || RESERVED_LATE.contains(&name.as_str());
            if may_be_there { headers.set(name, value)? } else { headers.insert(name, value)? }
        }
        Ok(headers)
    }
}

impl From<Headers> for BTreeMap<SmolStr, SmolStr> {
    fn from(headers: Headers) -> Self {
        headers.0
    }
}
