use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Profile of generated plans: the faults that they may hold, and how often.
///
/// ```
/// use seaworthy_sim::plan::Profile;
///
/// assert_eq!("lost-reply".parse(), Ok(Profile::LostReply));
/// assert_eq!(Profile::default().to_string(), "swarm");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Profile {
    /// Nothing goes wrong; latencies are the default ones.
    Calm,
    /// Processes die at a port call and come back at once, later, or as the next release; or only the piece of work that
    /// makes the call is dropped.
    Crash,
    /// The broker delivers twice, a request is repeated, an acknowledgement never arrives.
    Duplicate,
    /// Broker, stores, external services or the way to them are down: for one call, for a while, for a minute.
    Outage,
    /// Calls are refused: for good, by a conflict, or in part.
    Rejection,
    /// Requests or their replies are lost, so that the caller can't know.
    LostReply,
    /// Calls are slow, processes stand still, latencies are spread or all equal.
    Latency,
    /// Clocks are wrong and step.
    Clock,
    /// Every class in every plan.
    Everything,
    /// A subset of the classes, their rates and the schedule, all drawn for each seed: what is left out lets the rest
    /// go further, so that together the seeds reach more than [`Profile::Everything`] does.
    #[default]
    Swarm,
}

impl Profile {
    /// Every profile, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::Calm,
        Self::Crash,
        Self::Duplicate,
        Self::Outage,
        Self::Rejection,
        Self::LostReply,
        Self::Latency,
        Self::Clock,
        Self::Everything,
        Self::Swarm,
    ];

    /// Profiles that stand for one class of faults; each kind of fault belongs to exactly one.
    pub const CLASSES: [Self; 7] =
        [Self::Crash, Self::Duplicate, Self::Outage, Self::Rejection, Self::LostReply, Self::Latency, Self::Clock];

    /// Returns its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Crash => "crash",
            Self::Duplicate => "duplicate",
            Self::Outage => "outage",
            Self::Rejection => "rejection",
            Self::LostReply => "lost-reply",
            Self::Latency => "latency",
            Self::Clock => "clock",
            Self::Everything => "everything",
            Self::Swarm => "swarm",
        }
    }

    /// The classes that its plans may draw from.
    pub fn classes(self) -> &'static [Self] {
        match self {
            Self::Calm => &[],
            Self::Everything | Self::Swarm => &Self::CLASSES,
            class => {
                let at = Self::CLASSES.iter().position(|one| *one == class).expect("every other profile is a class");
                &Self::CLASSES[at..=at]
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A profile of a name that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile {found:?}: use one of {}", Profile::ALL.map(Profile::name).join(", "))]
pub struct UnknownProfile {
    /// Name that was asked for.
    pub found: String,
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| UnknownProfile { found: text.to_owned() })
    }
}
