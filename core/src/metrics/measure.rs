/// Kind of a [`Measure`], which says how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MeasureKind {
    /// A number that only grows, for as long as the process lives.
    Counter,
    /// Durations, in seconds where they are written as a number.
    Timer,
    /// A number that goes up and down.
    Gauge,
}

macro_rules! measures {
    ($($(#[doc = $help:literal])+ $variant:ident $kind:ident $name:literal [$($label:literal),*];)*) => {
        /// Something that is measured, with the name under which it is published.
        ///
        /// Names follow the conventions of Prometheus: counters end in `_total`, durations are in `_seconds`. The values of
        /// labels come from the code (topics, consumers, services, steps), never from data, so there are few.
        ///
        /// ```
        /// use seaworthy_core::metrics::{Measure, MeasureKind};
        ///
        /// assert_eq!(Measure::Published.name(), "seaworthy_outbox_published_total");
        /// assert_eq!(Measure::Published.kind(), MeasureKind::Counter);
        /// assert_eq!(Measure::Published.labels(), ["topic", "result"]);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Measure { $($(#[doc = $help])+ $variant,)* }

        impl Measure {
            /// Everything that is measured, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name under which it is published.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns how it is read.
            pub const fn kind(self) -> MeasureKind {
                match self { $(Self::$variant => MeasureKind::$kind,)* }
            }

            /// The names of its labels, in the order in which they are given.
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label),*],)* }
            }

            /// Returns a sentence on what it says, for those who read it later.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($help),+).trim_ascii_start(),)* }
            }
        }
    };
}

measures! {
    /// Messages staged by transactions that committed.
    Staged Counter "seaworthy_outbox_staged_total" ["topic"];
    /// Messages given to the broker, by what it said: accepted, or one of the failures.
    Published Counter "seaworthy_outbox_published_total" ["topic", "result"];
    /// Time that the broker took for a batch, counted once for each topic in it.
    PublishTime Timer "seaworthy_outbox_publish_seconds" ["topic"];
    /// Rows of the outbox settled, by what became of them: dispatched, retry, release, dead. A relay of the log stores the first and
    /// the last of these only.
    Settled Counter "seaworthy_outbox_settled_total" ["outcome"];
    /// Rows that were no more a relay's when it came to settle them: its pass took longer than its lease, or another relay was faster.
    ClaimsLost Counter "seaworthy_outbox_claims_lost_total" [];
    /// Messages handled for the first time, by transactions that committed.
    Handled Counter "seaworthy_inbox_handled_total" ["consumer"];
    /// Deliveries dropped, because their message was handled before.
    Duplicates Counter "seaworthy_inbox_duplicates_total" ["consumer"];
    /// Failed attempts to handle a message that were counted against it.
    HandlingFailed Counter "seaworthy_inbox_failures_total" ["consumer"];
    /// Messages that became dead letters.
    Buried Counter "seaworthy_inbox_buried_total" ["consumer"];
    /// Time from the inbox row of a message to the end of its transaction, by how that ended: committed, rolled_back, or a failure.
    HandlingTime Timer "seaworthy_inbox_handling_seconds" ["consumer", "result"];
    /// Events appended to streams, by transactions that committed.
    EventsAppended Counter "seaworthy_events_appended_total" [];
    /// Sagas that were created, by their definition.
    SagasStarted Counter "seaworthy_sagas_started_total" ["definition"];
    /// Attempts of the steps of sagas that came to an end, by how: done, compensated, rejected, transient, unknown.
    Attempts Counter "seaworthy_saga_attempts_total" ["step", "result"];
    /// Sagas that came to an end or a standstill: completed, compensated, abandoned, stuck.
    SagasSettled Counter "seaworthy_sagas_settled_total" ["status"];
    /// Sagas taken over from processes that let go of them or died, or that were due.
    SagasAcquired Counter "seaworthy_sagas_acquired_total" [];
    /// Time that a participant took to answer, by how it did.
    ExternalTime Timer "seaworthy_external_seconds" ["service", "operation", "result"];
    /// Time that commits took, by how they ended.
    CommitTime Timer "seaworthy_commit_seconds" ["result"];
    /// Calls of a port that failed, by operation and kind of failure; `dropped` are those that had not returned when their caller gave them up.
    PortFailures Counter "seaworthy_port_failures_total" ["operation", "kind"];
    /// Rows of the outbox that are to be published.
    Pending Gauge "seaworthy_outbox_pending" [];
    /// Age of the message that was staged first of those pending; 0 where none is.
    OldestPending Gauge "seaworthy_outbox_oldest_pending_age_seconds" [];
    /// Rows of the outbox that are dead, and wait for an operator.
    Dead Gauge "seaworthy_outbox_dead" [];
    /// Sagas by status: running, compensating, stuck, and those that have ended.
    Sagas Gauge "seaworthy_sagas" ["status"];
    /// Time for which a saga has been stuck, of the one that has been longest; 0 where none is.
    OldestStuck Gauge "seaworthy_sagas_oldest_stuck_age_seconds" [];
    /// Position up to which a subscriber has handled the log of events, or a relay has published its log, when it moved last.
    Reached Gauge "seaworthy_checkpoint_position" ["consumer"];
    /// Dead letters of a consumer.
    DeadLetters Gauge "seaworthy_inbox_dead_letters" ["consumer"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_say_what_kind_they_are_of() {
        let names: BTreeSet<_> = Measure::ALL.iter().map(|measure| measure.name()).collect();
        assert_eq!(names.len(), Measure::ALL.len());
        for measure in Measure::ALL {
            let (name, kind) = (measure.name(), measure.kind());
            assert!(name.starts_with("seaworthy_"), "{name}");
            assert_eq!(name.ends_with("_total"), kind == MeasureKind::Counter, "{name}");
            assert!(kind != MeasureKind::Timer || name.ends_with("_seconds"), "{name}");
            assert!(measure.help().ends_with('.') && !measure.help().starts_with(' '), "{name}: {}", measure.help());
        }
    }
}
