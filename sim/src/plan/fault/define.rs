//! The types that a list of kinds of fault comes to: the enums of verdicts, disturbances and kinds, and each question that is asked of a
//! kind, handed on to the type that it is.

/// Defines the enums of a list. Each kind is a type in a file of its own, which answers by [`CallKind`](super::CallKind) or
/// [`TimedKind`](super::TimedKind).
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

            /// Returns `true` if another one that is tried as well leaves at a call of `operation` the same behind, or more.
            pub(crate) fn is_spared(self, operation: Operation) -> bool {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($inner))? => {
                        super::$file::$kind $({ $($field),* })? $(($inner))? .is_spared(operation)
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
pub(super) use fault_kinds;
