//! All kinds of fault. A new one is a file beside this one and a line here, apart from where it acts.

use std::str::FromStr;

use seaworthy_core::ports::Operation;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Call, CallKind, Edge, Restart, Target, Targets, TimedKind};
use crate::{
    draw::Draw,
    plan::{Point, Profile},
};

macro_rules! fault_kinds {
    (
        calls { $($(#[$about:meta])* $kind:ident $name:literal in $file:ident
            $({ $($(#[$field_about:meta])* $field:ident: $type:ty),* })? $(($inner:ident: $inner_type:ty))? $(weaker $($weaker:ident),+)?;)* }
        timed { $($(#[$long_about:meta])* $long:ident $long_name:literal in $long_file:ident
            $({ $($(#[$long_field_about:meta])* $long_field:ident: $long_type:ty),* })?;)* }
    ) => {
        /// Effect of a fault on the port call that it strikes. No fault means: proceed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[non_exhaustive]
        pub enum Verdict {
            $($(#[$about])* $kind $({ $($(#[$field_about])* $field: $type),* })? $(($inner_type))?,)*
        }

        /// Disturbance over a span of time.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[non_exhaustive]
        pub enum Disturbance {
            $($(#[$long_about])* $long $({ $($(#[$long_field_about])* $long_field: $long_type),* })?,)*
        }

        /// Faults by kind, for coverage: every verdict and every disturbance.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum FaultKind {
            $(#[doc = concat!("[`Verdict::", stringify!($kind), "`]")] $kind,)*
            $(#[doc = concat!("[`Disturbance::", stringify!($long), "`]")] $long,)*
        }

        $(impl From<super::$file::$kind> for Verdict {
            fn from(kind: super::$file::$kind) -> Self {
                let super::$file::$kind $({ $($field),* })? $(($inner))? = kind;
                Self::$kind $({ $($field),* })? $(($inner))?
            }
        })*

        $(impl From<super::$long_file::$long> for Disturbance {
            fn from(kind: super::$long_file::$long) -> Self {
                let super::$long_file::$long $({ $($long_field),* })? = kind;
                Self::$long $({ $($long_field),* })?
            }
        })*

        impl Verdict {
            /// Returns its kind, for coverage.
            pub fn kind(self) -> FaultKind {
                match self { $(Self::$kind { .. } => FaultKind::$kind,)* }
            }

            /// Returns `true` if a call at `point` can honour this verdict. A plan that asks for another is an error,
            /// never ignored.
            pub fn fits(self, point: impl Into<Point>) -> bool {
                let point: Point = point.into();
                point.operations().all(|operation| self.fits_operation(operation))
            }

            fn fits_operation(self, operation: Operation) -> bool {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        super::$file::$kind $({ $($field),* })? $(($inner))? .fits_as_it_is(operation)
                    })*
                }
            }

            /// Returns the edge of the call at which whoever makes it ends, if that is what it does.
            pub(crate) fn ends_caller(self) -> Option<Edge> {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        super::$file::$kind $({ $($field),* })? $(($inner))? .ends_caller()
                    })*
                }
            }

            /// Returns `true` if it strikes a call that waits for something to come before that has come.
            pub(crate) fn strikes_early(self) -> bool {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        super::$file::$kind $({ $($field),* })? $(($inner))? .strikes_early()
                    })*
                }
            }

            /// Returns `true` if it strikes calls within a scope only.
            pub(crate) fn needs_scope(self) -> bool {
                self.kind().needs_scope()
            }

            /// The same, milder: simplest first.
            pub(crate) fn simpler(self) -> Vec<Self> {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        let kind = super::$file::$kind $({ $($field),* })? $(($inner))?;
                        kind.simpler().into_iter().map(Self::from).collect()
                    })*
                }
            }

            /// Others that are easier to think through, simplest first: an error that the caller hears of before one that it
            /// does not, and a process that lives before one that dies.
            pub(crate) fn weaker(self) -> &'static [Self] {
                match self { $(Self::$kind { .. } => &[$($(Self::$weaker),+)?],)* }
            }

            /// Returns for how many virtual milliseconds it keeps a run from its rest, once it has struck.
            pub(crate) fn lasts_ms(self) -> u32 {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        super::$file::$kind $({ $($field),* })? $(($inner))? .lasts_ms()
                    })*
                }
            }

            /// Describes its effect on a call, in words.
            pub(crate) fn words(self, call: Call<'_>) -> String {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        super::$file::$kind $({ $($field),* })? $(($inner))? .words(call)
                    })*
                }
            }
        }

        impl Disturbance {
            /// Returns its kind, for coverage.
            pub fn kind(&self) -> FaultKind {
                match self { $(Self::$long { .. } => FaultKind::$long,)* }
            }

            /// Returns its target.
            pub(crate) fn target(&self) -> Target {
                match self {
                    $(Self::$long $({ $($long_field),* })? => {
                        super::$long_file::$long $({ $($long_field: $long_field.clone()),* })?.target()
                    })*
                }
            }

            /// Returns its strength, where it is more or less strong.
            pub(crate) fn amount(&self) -> i64 {
                match self {
                    $(Self::$long $({ $($long_field),* })? => {
                        super::$long_file::$long $({ $($long_field: $long_field.clone()),* })?.amount()
                    })*
                }
            }

            /// The same, milder: simplest first.
            pub(crate) fn simpler(&self) -> Vec<Self> {
                match self {
                    $(Self::$long $({ $($long_field),* })? => {
                        let kind = super::$long_file::$long $({ $($long_field: $long_field.clone()),* })?;
                        kind.simpler().into_iter().map(Self::from).collect()
                    })*
                }
            }

            /// Returns `true` if it is over only when whoever meets it has given up, or has had its time.
            pub(crate) const fn lasts(&self) -> bool {
                match self { $(Self::$long { .. } => super::$long_file::$long::LASTS,)* }
            }

            /// Describes its effect, in words.
            pub(crate) fn words(&self) -> String {
                match self {
                    $(Self::$long $({ $($long_field),* })? => {
                        super::$long_file::$long $({ $($long_field: $long_field.clone()),* })?.words()
                    })*
                }
            }
        }

        impl FaultKind {
            /// Every kind, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$kind,)* $(Self::$long,)*];

            /// Returns its name as written in plans and campaigns.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* $(Self::$long => $long_name,)* }
            }

            /// The profile whose plans hold it, beside those that hold every class.
            pub(crate) const fn class(self) -> Profile {
                match self {
                    $(Self::$kind => super::$file::$kind::CLASS,)*
                    $(Self::$long => super::$long_file::$long::CLASS,)*
                }
            }

            /// Returns `true` if a call of `operation` can meet a fault of this kind. A kind of which no such call is
            /// ever made can't strike.
            pub fn meets(self, operation: Operation) -> bool {
                match self {
                    $(Self::$kind => super::$file::$kind::fits(operation),)*
                    $(Self::$long => super::$long_file::$long::meets(operation),)*
                }
            }

            /// Returns `true` if it strikes calls within a scope only.
            pub(crate) const fn needs_scope(self) -> bool {
                match self {
                    $(Self::$kind => super::$file::$kind::NEEDS_SCOPE,)*
                    $(Self::$long => false,)*
                }
            }

            /// Returns `true` if the process that makes the call ends by it.
            pub(crate) const fn ends_process(self) -> bool {
                match self {
                    $(Self::$kind => super::$file::$kind::ENDS_PROCESS,)*
                    $(Self::$long => false,)*
                }
            }

            /// Returns `true` if a process that it holds up or misleads shows it by the first thing that it does then.
            pub(crate) const fn is_felt_once(self) -> bool {
                match self {
                    $(Self::$kind => false,)*
                    $(Self::$long => super::$long_file::$long::IS_FELT_ONCE,)*
                }
            }

            /// Returns `true` if there is anything for a fault of this kind to strike.
            pub(crate) fn is_possible(self, targets: &Targets) -> bool {
                match self {
                    $(Self::$kind => super::$file::$kind::is_possible(targets),)*
                    $(Self::$long => super::$long_file::$long::is_possible(targets),)*
                }
            }

            /// Returns the verdicts of this kind that are tried at each call that can meet it; none for a kind that
            /// lasts for a while.
            pub(crate) fn at_calls(self, has_next_release: bool) -> Vec<Verdict> {
                match self {
                    $(Self::$kind => super::$file::$kind::extremes(has_next_release).into_iter().map(Verdict::from).collect(),)*
                    $(Self::$long => Vec::new(),)*
                }
            }

            /// Returns the disturbances of this kind that are tried; none for a kind that strikes a call.
            pub(crate) fn for_a_while(self, targets: &Targets) -> Vec<Disturbance> {
                match self {
                    $(Self::$kind => Vec::new(),)*
                    $(Self::$long => {
                        super::$long_file::$long::extremes(targets).into_iter().map(Disturbance::from).collect()
                    })*
                }
            }

            /// Draws what a fault of this kind does, `None` where there is nothing that it could hit.
            pub(crate) fn draw(self, draw: &mut Draw, targets: &Targets) -> Option<Drawn> {
                Some(match self {
                    $(Self::$kind => Drawn::Call(super::$file::$kind::draw(draw).into()),)*
                    $(Self::$long => Drawn::Timed(super::$long_file::$long::draw(draw, targets)?.into()),)*
                })
            }
        }
    };
}

/// Fault that was drawn: one at a call, or one over a span of time.
pub(crate) enum Drawn {
    Call(Verdict),
    Timed(Disturbance),
}

fault_kinds! {
    calls {
        /// Proceed, later: a slow statement, a slow commit, a slow network.
        Delay "delay" in delay {
            /// Additional delay, in virtual milliseconds.
            ms: u32
        };
        /// Refuse with a conflict; not applied.
        Conflict "conflict" in conflict;
        /// Refuse as unavailable; not applied.
        Unavailable "unavailable" in unavailable;
        /// Refuse for good: an unroutable or oversized message, a declined payment.
        Reject "reject" in reject;
        /// Apply, but lose the reply: the caller sees `Unknown`.
        LoseReply "lose_reply" in lose_reply;
        /// Lose the request: not applied, but the caller can't know and sees `Unknown`.
        LoseRequest "lose_request" in lose_request weaker Unavailable;
        /// Apply, and have the effect happen once more later: the broker keeps a second copy, a request is repeated.
        Duplicate "duplicate" in duplicate {
            /// Time until the copy turns up, in virtual milliseconds from now.
            after_ms: u32
        };
        /// Drop the acknowledgement silently: the caller sees success, the broker never hears of it.
        DropAck "drop_ack" in drop_ack;
        /// Of a batch, only the first `accepted` entries go through; the rest are throttled.
        PartialBatch "partial_batch" in partial_batch {
            /// Number of entries that go through.
            accepted: u32
        };
        /// The process dies before the call takes effect.
        CrashBefore "crash_before" in crash_before (restart: Restart) weaker Unavailable, LoseRequest;
        /// The process dies after the call took effect, before it hears of it.
        CrashAfter "crash_after" in crash_after (restart: Restart) weaker LoseReply;
        /// The process is asked to stop while the call is under way, which goes on; it has ten seconds to end.
        Stop "stop" in stop (restart: Restart);
        /// One statement fails with an error of the moment - a deadlock, a lock that took too long - and the transaction is
        /// lost.
        StatementError "statement_error" in statement_error weaker Unavailable;
        /// The broker confirms a message that it can route to nobody, as AMQP does without the mandatory flag. Only where the
        /// topology [says so](crate::scenario::Topology::confirms_unroutable).
        Unroutable "unroutable" in unroutable;
        /// The piece of work that makes the call is dropped at it, as by a timeout, a `select!` or a client that hangs up, and its
        /// process lives on. Only within a [scope](seaworthy_core::ports::Ports::scope).
        Cancel "cancel" in cancel {
            /// `true` if the call has taken effect by then.
            after: bool
        } weaker Unavailable;
        /// The answer does not come for as long as the caller waits: until a limit of its own strikes, its process dies, or the
        /// storm is over.
        Hang "hang" in hang {
            /// `true` if the call has taken effect.
            after: bool
        } weaker Unavailable;
    }
    timed {
        /// The broker answers nobody.
        BrokerOutage "broker_outage" in broker_outage;
        /// One store answers nobody.
        StoreOutage "store_outage" in store_outage {
            /// Name of the store.
            store: SmolStr
        };
        /// One external service answers nobody.
        ExternalOutage "external_outage" in external_outage {
            /// Name of the service.
            service: SmolStr
        };
        /// The broker takes no message of one topic.
        TopicOutage "topic_outage" in topic_outage {
            /// Name of the topic.
            topic: SmolStr,
            /// `true` if it does not say so: the publisher waits for an answer in vain, and can't know.
            unheard: bool
        };
        /// One message that is handled on a store panics its handler, or kills its process, at each attempt for as long as it
        /// lasts: the first one that comes by.
        Poison "poison" in poison {
            /// Name of the store.
            store: SmolStr,
            /// `true` if the process dies of it; otherwise the handler panics.
            kills: bool
        };
        /// One message that is handled on a store, or one step of one saga there, meets a conflict at each attempt for as long
        /// as it lasts: the first one that comes by.
        EndlessConflict "endless_conflict" in endless_conflict {
            /// Name of the store.
            store: SmolStr
        };
        /// One process runs its next release meanwhile, and then the one before again. Only where there
        /// [is one](crate::scenario::Topology::next_release).
        Rollout "rollout" in rollout {
            /// Name of the process.
            process: SmolStr
        };
        /// One process can't reach the broker.
        Partition "partition" in partition {
            /// Name of the process.
            process: SmolStr
        };
        /// One process stands still and then goes on as if nothing had been.
        Pause "pause" in pause {
            /// Name of the process.
            process: SmolStr
        };
        /// One process's port calls take longer.
        SlowLink "slow_link" in slow_link {
            /// Name of the process.
            process: SmolStr,
            /// Additional delay of each call, in virtual milliseconds.
            extra_ms: u32
        };
        /// One process's clock is wrong; a negative offset makes it step back when the fault begins.
        ClockSkew "clock_skew" in clock_skew {
            /// Name of the process.
            process: SmolStr,
            /// Offset of its clock, in milliseconds.
            offset_ms: i64
        };
        /// One message panics whoever publishes it from a store, or kills its process, at each attempt for as long as it lasts: the
        /// first one that comes by.
        PoisonPublish "poison_publish" in poison_publish {
            /// Name of the store.
            store: SmolStr,
            /// `true` if the process dies of it; otherwise it panics.
            kills: bool
        };
        /// One call of an external service, by its idempotency key, panics whoever makes it, or kills its process, at each
        /// attempt for as long as it lasts: the first one that comes by.
        PoisonCall "poison_call" in poison_call {
            /// Name of the service.
            service: SmolStr,
            /// `true` if the process dies of it; otherwise it panics.
            kills: bool
        };
        /// One store is put back, when the fault ends, to what it was when it began; the processes on it die of that and come
        /// back. Only where the topology [says so](crate::scenario::Topology::restores()).
        Restore "restore" in restore {
            /// Name of the store.
            store: SmolStr
        };
    }
}

/// A kind of fault of a name that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault {found:?}: use one of {}", names())]
pub struct UnknownFault {
    /// Name that was asked for.
    pub found: String,
}

fn names() -> String {
    FaultKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|kind| kind.name() == text);
        known.ok_or_else(|| UnknownFault { found: text.to_owned() })
    }
}
