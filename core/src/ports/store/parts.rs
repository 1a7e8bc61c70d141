use std::fmt;

use smol_str::SmolStr;

use super::StoreError;

macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident $name:literal;)*) => {
        /// A part of a store, which a store may have or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Part { $($(#[$doc])* $part,)* }

        impl Part {
            /// The set of all parts.
            pub const ALL: &[Self] = &[$(Self::$part,)*];

            /// Returns the part's name in plain words.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$part => $name,)* }
            }

            /// Returns the error with which a store that lacks the part answers every method of it; the defaults of these
            /// methods do.
            pub const fn refusal(self) -> StoreError {
                StoreError::Refused(SmolStr::new_static(match self {
                    $(Self::$part => concat!("this store has no ", $name, ": use a store with this part"),)*
                }))
            }
        }
    };
}

parts! {
    /// Versioned documents: [`Documents`](super::Documents).
    Documents "documents";
    /// Messages that wait for a relay: [`OutboxWrites`](super::OutboxWrites) and [`OutboxStore`](super::OutboxStore).
    Outbox "outbox";
    /// Messages that were handled: [`InboxWrites`](super::InboxWrites) and [`InboxStore`](super::InboxStore).
    Inbox "inbox";
    /// Sagas and their logs: [`SagaWrites`](super::SagaWrites) and [`SagaStore`](super::SagaStore).
    Sagas "sagas";
    /// Operations of a participant: [`Participants`](super::Participants) and [`OperationStore`](super::OperationStore).
    Operations "operations";
    /// Positions of consumers: [`Checkpoints`](super::Checkpoints).
    Checkpoints "checkpoints";
    /// Streams of events: [`EventWrites`](super::EventWrites) and [`EventStore`](super::EventStore).
    Events "events";
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of parts of a store.
///
/// ```
/// use seaworthy_core::ports::{Part, Parts};
///
/// let own = Parts::new(&[Part::Outbox, Part::Checkpoints]);
/// assert!(own.has(Part::Outbox));
/// assert_eq!(Parts::new(&[Part::Inbox, Part::Outbox]).without(own).to_string(), "inbox");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parts(u8);

impl Parts {
    /// The set of no parts.
    pub const NONE: Self = Self(0);

    /// Every part: a store for all patterns of this crate.
    pub const ALL: Self = Self::new(Part::ALL);

    /// The set of these parts.
    pub const fn new(parts: &[Part]) -> Self {
        let mut bits = 0;
        let mut rest = parts;
        while let [part, more @ ..] = rest {
            bits |= 1 << *part as u8;
            rest = more;
        }
        Self(bits)
    }

    /// Returns `true` if the part is among them.
    pub const fn has(self, part: Part) -> bool {
        self.0 & (1 << part as u8) != 0
    }

    /// Returns the parts that are in either set.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Returns the parts that are not among `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Returns `true` for no part at all.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the parts one by one, in the order of [`Part::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL.iter().copied().filter(move |part| self.has(*part))
    }

    /// Checks that all of `needed` are among them.
    ///
    /// # Errors
    /// The [refusal](Part::refusal) of the first part that is missing.
    pub fn require(self, needed: &[Part]) -> Result<(), StoreError> {
        needed.iter().find(|part| !self.has(**part)).map_or(Ok(()), |missing| Err(missing.refusal()))
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.iter().enumerate() {
            write!(f, "{}{part}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
