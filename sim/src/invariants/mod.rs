//! Invariants: properties that must hold, judged from the trace as it streams by.

mod dealt;
mod decoded;
mod entity;
mod interest;
mod judge;
mod judged;
mod lately;
mod panel;
mod property;
mod protocol;

mod acknowledged_before_handled;
mod bounded_attempts;
mod bounded_growth;
mod checkpoint_beyond_effect;
mod conserved;
mod dead_only_injected;
mod dense_streams;
mod duplicate_effect;
mod event_once;
mod full_compensation;
mod gap_read_past;
mod handled_without_effect;
mod heard;
mod lineage;
mod lock_stranded;
mod lost_event;
mod message_held_up;
mod message_unhandled;
mod no_row_stuck;
mod one_message_per_id;
mod one_saga_per_key;
mod per_key_order;
mod phantom_event;
mod prompt_when_calm;
mod rejection_once;
mod saga_held_up;
mod saga_resolves;
mod saga_starts_late;
mod sagas_hoarded;
mod stale_claim_settle;
mod stands_still;
mod stops_when_asked;
mod terminal_state_final;
mod topic_held_up;
mod torn_step;
mod unbounded_wait;
mod waits_behind_dead;

mod brief;
mod groups;
mod messages;
mod name_numbers;
mod pages;
mod practice;
mod readers;
mod rows;
mod rows_held_up;
mod saga_log;
mod seating;
mod waiting_processes;

#[cfg(test)]
mod forgetting;

pub use crate::trace::event::Ending;
pub use acknowledged_before_handled::AcknowledgedBeforeHandled;
pub use bounded_attempts::BoundedAttempts;
pub use bounded_growth::BoundedGrowth;
pub use checkpoint_beyond_effect::CheckpointBeyondEffect;
pub use conserved::ConservedSums;
pub use dead_only_injected::DeadOnlyInjected;
pub use dealt::Dealt;
pub use dense_streams::DenseStreams;
pub use duplicate_effect::DuplicateEffect;
pub use entity::Entity;
pub use event_once::EventOnce;
pub use full_compensation::FullCompensation;
pub use gap_read_past::GapReadPast;
pub use handled_without_effect::HandledWithoutEffect;
pub use heard::Heard;
pub use interest::Interest;
pub use judge::{Judge, Violation};
pub use judged::Judged;
pub use lineage::Lineage;
pub use lock_stranded::LockStranded;
pub use lost_event::LostEvent;
pub use message_held_up::MessageHeldUp;
pub use message_unhandled::MessageUnhandled;
pub use no_row_stuck::NoRowStuck;
pub use one_message_per_id::OneMessagePerId;
pub use one_saga_per_key::OneSagaPerKey;
pub use panel::{Findings, Panel};
pub use per_key_order::PerKeyOrder;
pub use phantom_event::PhantomEvent;
pub use practice::{Deed, Handling, Practice, Student};
pub use prompt_when_calm::PromptWhenCalm;
pub use property::{
    AppendedEvent, AtEachEvent, AtRest, Broken, Called, Conservation, EventNumber, Holds, Property, Ruling, Written,
    always, conserved, ends, eventually, sometimes, stays,
};
pub use protocol::{delivery, protocol, sagas, streams, upkeep};
pub use rejection_once::RejectionOnce;
pub use saga_held_up::SagaHeldUp;
pub use saga_log::SagaLog;
pub use saga_resolves::SagaResolves;
pub use saga_starts_late::SagaStartsLate;
pub use sagas_hoarded::SagasHoarded;
pub use seaworthy_memory::Lookup;
pub use stale_claim_settle::StaleClaimSettle;
pub use stands_still::StandsStill;
pub use stops_when_asked::StopsWhenAsked;
pub use terminal_state_final::TerminalStateFinal;
pub use topic_held_up::TopicHeldUp;
pub use torn_step::TornStep;
pub use unbounded_wait::UnboundedWait;
pub use waits_behind_dead::WaitsBehindDead;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::trace::Event;

/// Moment at which an invariant is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// As the trace grows: it must hold at every event.
    Always,
    /// After the system has come to rest.
    Eventually,
    /// Over a campaign: it must happen at least once. [`Judge::reached`] says when.
    Sometimes,
}

/// Property that a scenario must have. It sees the trace as a stream, draws nothing, and keeps its own small state:
/// what is settled is forgotten, so that a run of months stays small.
pub trait Invariant: Send {
    /// Its name: words with hyphens, as in `lost-event`.
    fn name(&self) -> &'static str;

    /// Returns the moment at which it is judged.
    fn mode(&self) -> Mode;

    /// Returns the events that it wants to see; asked once, before the first. Without a narrower answer it sees all of
    /// them.
    fn interest(&self) -> Interest {
        Interest::ALL
    }

    /// Returns the condition for the invariant to have anything to judge in a scenario, in words that follow "no run
    /// had": `two messages of one key`. An invariant whose subject never came up in a campaign can't be asked for: it
    /// is left out, and named. Without a subject, an invariant that never had anything to judge is a gap.
    fn subject(&self) -> Option<&'static str> {
        None
    }

    /// Returns `true` if it wants to be told what the scenario does when nothing goes wrong. If nobody does, nobody
    /// finds out.
    fn learns(&self) -> bool {
        false
    }

    /// Is told, before the first event, what the scenario does when nothing goes wrong, where that is known.
    fn learn(&mut self, practice: &Arc<Practice>) {
        let _ = practice;
    }

    /// Is told, before the first event, how long a port call of the run usually takes at most: what is late where calls take a
    /// millisecond is not where they take ten seconds.
    fn pace(&mut self, longest_call: Duration) {
        let _ = longest_call;
    }

    /// Sees one event of its interest.
    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>);

    /// Sees the end. The default has nothing to add.
    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        let _ = (ending, judge);
    }
}
