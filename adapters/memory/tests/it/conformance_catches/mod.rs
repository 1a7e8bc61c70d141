//! Every check of the conformance suite finds a bug that was planted for it.

mod broker;
mod events;
mod store;
mod transaction;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{self, BrokerSubject, StoreSubject, block_on},
    ports::{Broker, Clock as _, Store},
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker, Unroutable},
    store::MemoryStore,
};

struct BrokenStore(Arc<ManualClock>, store::Bug);

#[async_trait]
impl StoreSubject for BrokenStore {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(store::Broken::new(Arc::new(MemoryStore::new(self.0.clone())), self.1))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    /// What is in memory goes with its process; these two are as a file's store would be.
    async fn reopened(&self, store: Arc<dyn Store>, set_back_by: Duration) -> Option<Arc<dyn Store>> {
        match self.1 {
            store::Bug::GoesBackWithItsClock => {
                let behind = ManualClock::at(self.0.now().before(set_back_by));
                Some(Arc::new(MemoryStore::new(behind)))
            }
            store::Bug::StaysAheadOfItsClock => Some(store),
            _ => None,
        }
    }
}

struct BrokenBroker(Arc<ManualClock>, broker::Bug);

#[async_trait]
impl BrokerSubject for BrokenBroker {
    async fn fresh(&self) -> Arc<dyn Broker> {
        let config = BrokerConfig::default().unroutable(Unroutable::Reject);
        Arc::new(broker::Broken::new(Arc::new(MemoryBroker::new(self.0.clone(), config)), self.1))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    fn unroutable_topic(&self) -> Option<&str> {
        Some("nobody-listens")
    }

    fn payload_bytes_refused(&self) -> Option<usize> {
        Some(BrokerConfig::default().payload_bytes_max + 1)
    }
}

/// Which checks find which bug; each check is named at least once.
#[rustfmt::skip]
const STORE: &[(store::Bug, &[&str])] = {
    use store::Bug::*;
    &[
        (StagesAtOnce, &[
            "a_dropped_transaction_leaves_nothing",
            "a_transaction_that_fails_late_leaves_nothing",
            "nothing_of_a_transaction_shows_before_its_commit",
        ]),
        (CommitsWhenDropped, &["a_dropped_transaction_leaves_nothing"]),
        (MovesCheckpointsAtOnce, &["nothing_of_a_transaction_shows_before_its_commit", "a_dropped_transaction_leaves_nothing"]),
        (ForgetsCheckpoints, &["a_transaction_is_applied_as_a_whole", "a_checkpoint_moves_with_its_effect"]),
        (ReadsPastItsOwnWrites, &["a_transaction_sees_its_own_writes"]),
        (KeepsOldPins, &["an_append_pins_another_version_if_it_says_so"]),
        (KeepsOldEntries, &["an_append_forgets_what_came_before_if_it_says_so"]),
        (KeepsNoOutcome, &["the_last_append_says_how_a_saga_came_to_rest"]),
        (LosesSignals, &["a_signal_wakes_a_saga_that_waits_and_is_in_its_log"]),
        (SignalsTwice, &["a_signal_leaves_the_saga_to_its_owner_who_hears_of_it"]),
        (HidesEndedSagas, &["a_signal_for_a_saga_that_has_ended_writes_nothing_and_says_so"]),
        (SignalsByIdOnly, &["a_signal_finds_sagas_by_their_correlation"]),
        (KeepsNoKeys, &["a_signal_finds_sagas_by_a_key_of_their_own"]),
        (KeysForAnything, &["a_signal_finds_sagas_by_a_key_of_their_own"]),
        (SignalsWhatIsCommitted, &["a_signal_sees_what_its_transaction_has_written"]),
        (ForgetsWhatComesAfter, &["work_for_after_the_commit_runs_after_it_and_only_then"]),
        (WorksBeforeItsCommit, &["work_for_after_the_commit_runs_after_it_and_only_then"]),
        (ReadsWhatIsCommittedNow, &["a_transaction_keeps_seeing_the_store_as_it_began"]),
        (SwallowsConflicts, &[
            "of_two_overlapping_writes_of_a_document_one_conflicts",
            "an_overtaken_delete_conflicts",
            "an_overtaken_write_under_a_condition_conflicts",
            "an_overtaken_delete_of_a_range_conflicts",
            "racing_increments_lose_none",
            "what_was_handled_is_not_buried",
            "racing_appends_leave_no_gap",
            "of_two_overlapping_appends_that_expect_one_version_one_conflicts",
            "of_two_overlapping_writes_of_an_operation_one_conflicts",
            "a_checkpoint_does_not_go_back",
            "of_two_overlapping_moves_of_a_checkpoint_one_conflicts",
        ]),
        (CountsVersionsFromZero, &["a_document_counts_its_writes"]),
        (IgnoresExpectations, &["a_write_that_expects_something_else_conflicts"]),
        (DeletesNothing, &["a_deleted_document_is_gone"]),
        (ScansBackwards, &["a_collection_is_read_in_the_order_of_its_ids"]),
        (WritesUnderAnyCondition, &["a_write_under_a_condition_is_made_only_where_it_holds"]),
        (ReadsPastTheEndOfARange, &["a_range_of_ids_is_read_in_order_and_no_further"]),
        (DeletesWithoutLimit, &["a_range_of_ids_is_deleted_up_to_its_limit"]),
        (TakesDuplicatesForFirst, &["a_unique_key_is_taken_once", "racing_duplicates_have_one_effect"]),
        (CallsAWaitADuplicate, &[
            "a_second_taker_waits_and_finds_the_key_taken_after_a_commit",
            "a_second_taker_waits_and_gets_the_key_after_a_rollback",
        ]),
        (MistakesConsumers, &["each_consumer_sees_a_message_once"]),
        (ForgetsFailures, &[
            "failures_are_counted_apart_from_the_handler",
            "a_message_that_failed_is_not_taken_for_a_purged_one",
        ]),
        (KeepsFailuresOfThePurged, &["a_failure_of_a_purged_message_is_not_kept"]),
        (BuriesWithoutPayload, &["a_buried_message_is_kept_whole_and_counts_as_seen"]),
        (KeepsExhumedLetters, &["a_dead_letter_can_be_taken_out_once"]),
        (HasNoWatermark, &["a_purged_message_is_still_a_duplicate"]),
        (IgnoresEpochs, &["a_watermark_speaks_for_one_epoch_of_its_source"]),
        (PlacesTheUnplaced, &["a_message_without_a_place_raises_no_watermark"]),
        (HasNoEpoch, &[
            "messages_carry_the_epoch_of_their_store",
            "a_store_that_is_put_back_is_what_it_was_in_another_epoch",
        ]),
        (KeepsItsEpochForLife, &["a_store_that_is_put_back_is_what_it_was_in_another_epoch"]),
        (DealsItsEpochToAll, &["a_store_that_is_put_back_is_what_it_was_in_another_epoch"]),
        (LosesNothing, &["a_store_that_is_put_back_is_what_it_was_in_another_epoch"]),
        (KeepsFailuresForEver, &["a_count_of_failures_is_forgotten_long_after_the_last_one"]),
        (ForgetsYoungFailures, &["a_count_of_failures_is_forgotten_long_after_the_last_one"]),
        (PurgesDeadLetters, &["dead_letters_survive_a_purge"]),
        (KeepsWatermarks, &["a_watermark_that_nothing_raises_is_forgotten"]),
        (ForgetsWatermarks, &["a_watermark_that_nothing_raises_is_forgotten"]),
        (ListsAnyLetter, &["dead_letters_are_read_page_by_page_and_some_of_them"]),
        (AsksForAnyLetter, &["a_letter_keeps_that_it_was_asked_for_until_it_is_taken_out"]),
        (ForgetsWhatIsAskedFor, &["a_letter_keeps_that_it_was_asked_for_until_it_is_taken_out"]),
        (PutsLettersBackInTheirPlaces, &["a_letter_that_is_put_back_lies_behind_the_others"]),
        (LeasesForNoTime, &["a_claimed_row_is_hidden_until_its_lease_ends", "eight_relays_claim_every_row_once"]),
        (LeasesForEver, &["a_claimed_row_is_hidden_until_its_lease_ends", "the_end_of_the_next_wait_is_known"]),
        (SettlesForAnyone, &["a_relay_that_lost_its_claim_changes_nothing"]),
        (SaysEverythingSettled, &["settling_answers_for_each_row"]),
        (RetriesAtOnce, &[
            "a_retry_waits_and_counts_and_a_release_takes_its_attempt_back",
            "a_row_that_backs_off_holds_back_its_key",
        ]),
        (CountsReleases, &["a_retry_waits_and_counts_and_a_release_takes_its_attempt_back"]),
        (DropsTraceparents, &["a_row_carries_its_message_unchanged_and_a_rising_sequence"]),
        (DropsHeaders, &["a_row_carries_its_message_unchanged_and_a_rising_sequence"]),
        (PublishesAtOnce, &[
            "a_message_is_not_claimed_before_its_moment",
            "a_message_is_not_in_the_log_before_its_moment",
        ]),
        (KeepsMomentsInOrder, &["a_message_with_a_moment_has_no_place_in_the_order_of_its_key"]),
        (DropsMoments, &["a_message_is_not_claimed_before_its_moment"]),
        (KnowsNoNextMoment, &["the_end_of_the_next_wait_is_known"]),
        (ClaimsWithoutOrder, &[
            "rows_of_a_key_go_one_at_a_time_in_commit_order",
            "a_row_that_backs_off_holds_back_its_key",
            "an_expired_claim_keeps_its_place_in_its_key",
            "a_redriven_row_waits_for_a_later_one_that_is_out",
            "keys_do_not_hold_back_each_other",
        ]),
        (ClaimsOneRowAtATime, &["keys_do_not_hold_back_each_other"]),
        (ClaimsByRowNumber, &["a_row_staged_first_and_committed_last_comes_last"]),
        (ClaimsInOrderAlways, &["unordered_rows_wait_for_nobody"]),
        (SkipsTheDead, &["a_dead_row_blocks_its_key"]),
        (StopsAtTheDead, &["a_dead_row_can_be_skipped"]),
        (ForgetsGaps, &["a_dead_row_can_be_skipped", "a_refused_row_of_the_log_dies_and_comes_back"]),
        (ForgetsReasons, &["dead_rows_are_listed_with_their_reason"]),
        (ListsAnyDeadRow, &["dead_rows_are_read_page_by_page_and_some_of_them"]),
        (ListsDeadRowsByTheirSequence, &["dead_rows_are_read_page_by_page_and_some_of_them"]),
        (RedrivesAnyDeadRow, &["dead_rows_are_redriven_and_purged_as_they_are_listed"]),
        (PurgesAnyDeadRow, &["dead_rows_are_redriven_and_purged_as_they_are_listed"]),
        (RedrivesUnderNewIds, &["a_redriven_row_keeps_its_event_id_and_its_place"]),
        (RedrivesEverything, &["a_redrive_takes_only_what_it_names"]),
        (RedrivesInTheOrderNamed, &["a_redrive_takes_only_what_it_names"]),
        (SendsRedrivenRowsAtOnce, &["a_redriven_row_waits_for_a_later_one_that_is_out"]),
        (KeepsPurgedRows, &["a_purged_dead_row_frees_its_key"]),
        (NamesOtherRows, &[
            "a_redriven_row_keeps_its_event_id_and_its_place",
            "a_redrive_takes_only_what_it_names",
            "a_purged_dead_row_frees_its_key",
            "a_purge_takes_dispatched_rows_only",
        ]),
        (PurgesTheDead, &["a_purge_takes_dispatched_rows_only"]),
        (PurgesPendingRows, &["a_purge_takes_dispatched_rows_only", "a_purge_beside_running_relays_loses_nothing"]),
        (RepublishesWhatWasSentSince, &["only_what_was_dispatched_in_a_span_is_published_again"]),
        (RepublishesWhatWasSentBefore, &["only_what_was_dispatched_in_a_span_is_published_again"]),
        (RepublishesEveryTopic, &["only_what_was_dispatched_in_a_span_is_published_again"]),
        (RepublishesUnderNewSequences, &["a_row_that_is_published_again_keeps_its_event_id_and_its_place"]),
        (KeepsForgottenSagas, &["a_saga_without_a_log_is_deleted_in_the_end_and_frees_its_key"]),
        (PurgesYoungRows, &[
            "a_saga_without_a_log_is_deleted_in_the_end_and_frees_its_key",
            "old_operations_are_forgotten",
            "a_purge_takes_only_what_is_old_enough_and_no_more_than_its_limit",
            "a_purged_message_is_still_a_duplicate",
            "purged_logs_leave_their_saga",
        ]),
        (PurgesWithoutLimit, &[
            "a_saga_without_a_log_is_deleted_in_the_end_and_frees_its_key",
            "old_operations_are_forgotten",
            "a_purge_takes_only_what_is_old_enough_and_no_more_than_its_limit",
            "a_purged_message_is_still_a_duplicate",
            "purged_logs_leave_their_saga",
        ]),
        (ReadsTheLogBackwards, &["the_log_is_read_in_commit_order"]),
        (CountsNoAttempts, &["attempts_of_a_reader_of_the_log_are_counted_and_taken_back"]),
        (TakesNoAttemptBack, &["attempts_of_a_reader_of_the_log_are_counted_and_taken_back"]),
        (MarksAtOnce, &["rows_are_marked_together_with_the_position"]),
        (ShowsWhatIsBehindTheDead, &[
            "a_refused_row_of_the_log_dies_and_comes_back",
            "the_log_leaves_out_what_stands_in_the_way",
        ]),
        (ShowsWhatIsLeased, &["a_claimed_row_is_not_settled_by_a_reader_of_the_log"]),
        (MovesThePositionAnyhow, &["the_position_is_in_front_of_the_first_row_that_waits"]),
        (TakesTopicsThatAreLeftAlone, &[
            "a_topic_that_is_left_alone_is_not_claimed",
            "the_log_leaves_out_what_stands_in_the_way",
        ]),
        (TakesTheOldestFirst, &[
            "rows_that_fail_each_time_starve_no_others",
            "a_long_queue_of_one_topic_starves_no_other",
        ]),
        (LosesSagaInputs, &["a_new_saga_is_stored_as_it_was_created"]),
        (KeysSagasByVersion, &["one_business_key_has_one_saga_for_each_definition"]),
        (NumbersLogsFromZero, &["a_log_is_numbered_without_gaps"]),
        (AppendsAtAnyLength, &["an_append_at_another_length_conflicts"]),
        (AppendsUnderAnyEpoch, &["an_append_of_an_older_epoch_conflicts"]),
        (AppendsAgainstItsSnapshot, &["an_append_is_checked_against_what_is_committed"]),
        (ListsAnySaga, &[
            "sagas_are_listed_page_by_page_and_some_of_them",
            "sagas_are_listed_by_the_reason_for_which_they_rest",
        ]),
        (ListsSagasForAnyReason, &["sagas_are_listed_by_the_reason_for_which_they_rest"]),
        (ListsSagasThatAreAwake, &["sagas_that_sleep_are_listed_apart"]),
        (ListsSagasSinceTheirStart, &["a_list_says_since_when_a_saga_is_what_it_is"]),
        (IgnoresSagaLeases, &[
            "a_saga_is_taken_over_when_its_lease_has_ended",
            "a_lease_is_renewed_by_its_owner_only",
            "eight_processes_take_over_every_saga_once",
        ]),
        (WakesSleepers, &["a_sleeping_saga_is_left_alone_until_it_is_due"]),
        (RevivesSagas, &["only_active_sagas_of_known_definitions_are_taken_over"]),
        (IgnoresOperators, &["an_operator_takes_over_a_stuck_saga"]),
        (RenewsForAnyone, &["a_lease_is_renewed_by_its_owner_only"]),
        (ForgetsAnswers, &["an_operation_is_executed_and_then_compensated"]),
        (OverwritesTombstones, &["a_compensated_operation_never_changes"]),
        (ForgetsOperations, &["racing_executions_take_effect_once"]),
        (ReadsOldCheckpoints, &["racing_projections_apply_each_position_once"]),
        (ForgetsStreams, &["an_event_is_recorded_as_it_was_appended"]),
        (AppendsAtAnyVersion, &[
            "an_append_that_expects_another_version_conflicts",
            "racing_appends_leave_no_gap_in_a_stream",
            "of_two_overlapping_appends_that_expect_one_version_one_conflicts",
        ]),
        (ChangesEvents, &["an_event_that_was_appended_never_changes"]),
        (LeavesVersionsOut, &["a_stream_has_versions_without_a_gap", "racing_appends_leave_no_gap_in_a_stream"]),
        (AppendsApart, &["a_dropped_transaction_leaves_nothing", "a_stream_has_versions_without_a_gap"]),
        (ShowsWhatMayHavePredecessors, &[
            "the_log_shows_no_event_whose_predecessors_may_still_commit",
            "a_reader_of_the_log_beside_racing_writers_sees_each_event_once",
        ]),
        (SkipsAnEventOfThePage, &[
            "an_event_is_recorded_as_it_was_appended",
            "a_reader_of_the_log_beside_racing_writers_sees_each_event_once",
        ]),
        (KeepsTheLastSnapshot, &["a_snapshot_is_kept_unless_there_is_a_later_one"]),
        (KeepsSnapshotsAhead, &["a_snapshot_ahead_of_its_stream_is_refused"]),
        (ClaimsAnOutboxThatItHasNot, &["a_part_that_a_store_has_is_not_refused"]),
        (DeniesItsOutbox, &["a_part_that_a_store_has_not_is_refused"]),
        (ReportsNoBacklog, &["the_backlog_counts_what_waits"]),
        (CountsOnlyTheYoung, &["a_census_counts_everything_and_knows_the_oldest"]),
        (CountsWhatWasPurged, &["every_row_is_counted_until_it_is_purged"]),
        (GoesBackWithItsClock, &["time_goes_on_where_a_store_is_opened_again"]),
        (StaysAheadOfItsClock, &["time_goes_on_where_a_store_is_opened_again"]),
        (ClockStands, &["the_clock_of_the_store_advances", "a_transaction_reads_the_clock_of_its_store"]),
    ]
};

#[rustfmt::skip]
const BROKER: &[(broker::Bug, &[&str])] = {
    use broker::Bug::*;
    &[
        (ReturnsOneResult, &["each_message_of_a_batch_has_its_own_result"]),
        (RejectsWholeBatches, &["an_unroutable_message_is_refused_alone", "an_oversized_message_is_refused_alone"]),
        (AcceptsEverything, &["an_unroutable_message_is_refused_alone", "an_oversized_message_is_refused_alone"]),
        (DropsTraceparents, &["every_message_is_delivered_as_it_was_published"]),
        (DropsHeaders, &["every_message_is_delivered_as_it_was_published"]),
        (LosesEveryThirdMessage, &["every_message_is_delivered_as_it_was_published"]),
        (ReturnsNothingAtOnce, &["a_waiting_receive_gets_what_is_published"]),
        (IgnoresHowManyAreAsked, &["a_receive_returns_no_more_than_it_asked_for"]),
        (IgnoresAcknowledgements, &["an_acknowledged_message_does_not_come_back"]),
        (DeliversOnceMore, &["an_acknowledged_message_does_not_come_back", "every_message_is_delivered_as_it_was_published"]),
        (AcknowledgesAtDelivery, &[
            "an_unacknowledged_message_comes_back_after_the_visibility_timeout",
            "a_member_that_leaves_gives_back_what_it_had",
            "a_key_waits_while_one_of_its_messages_is_out",
            "a_message_that_timed_out_comes_before_the_later_ones_of_its_key",
        ]),
        (AcknowledgesByMessage, &["a_late_acknowledgement_changes_nothing"]),
        (IgnoresDelays, &[
            "a_message_given_back_comes_back_after_its_delay",
            "a_key_waits_while_one_of_its_messages_is_to_come_back",
        ]),
        (AcknowledgesWhenLeaving, &["a_member_that_leaves_gives_back_what_it_had"]),
        (LosesDroppedReceives, &["a_dropped_receive_loses_nothing"]),
        (GivesEachMemberAGroup, &[
            "a_message_is_out_at_one_member_at_a_time",
            "members_of_a_group_share_its_messages",
        ]),
        (HasOneGroup, &["each_group_gets_every_message", "a_group_does_not_wait_for_another_one"]),
        (DeliversAllTopics, &["a_group_gets_its_topics_only"]),
        (HasNoKeys, &[
            "a_key_waits_while_one_of_its_messages_is_out",
            "a_key_waits_while_one_of_its_messages_is_to_come_back",
        ]),
        (DeliversBackwards, &["messages_of_a_key_are_delivered_in_the_order_of_publishing"]),
        (ExtendsInWordsOnly, &["a_delivery_that_is_extended_stays_out_for_as_long"]),
        (ExtendsByGivingBack, &["an_extension_takes_no_time_away"]),
        (ExtendsWhatIsOver, &["a_delivery_that_is_over_is_not_extended"]),
    ]
};

#[test]
fn each_planted_bug_of_a_store_is_found_by_the_checks_that_are_about_it() {
    for (bug, checks) in STORE {
        for name in *checks {
            let found = conformance::store::CHECKS.iter().find(|check| check.name == *name);
            let check = found.unwrap_or_else(|| panic!("{name} is a check"));
            let outcome = block_on(check.run(&BrokenStore(ManualClock::new(), *bug)));
            assert!(outcome.is_err(), "{name} does not find {bug:?}");
        }
    }
}

#[test]
fn each_planted_bug_of_a_broker_is_found_by_the_checks_that_are_about_it() {
    for (bug, checks) in BROKER {
        for name in *checks {
            let found = conformance::broker::CHECKS.iter().find(|check| check.name == *name);
            let check = found.unwrap_or_else(|| panic!("{name} is a check"));
            let outcome = block_on(check.run(&BrokenBroker(ManualClock::new(), *bug)));
            assert!(outcome.is_err(), "{name} does not find {bug:?}");
        }
    }
}

#[test]
fn every_check_has_a_planted_bug() {
    let planted: BTreeSet<&str> = STORE.iter().flat_map(|(_, checks)| *checks).copied().collect();
    let all: BTreeSet<&str> = conformance::store::CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(planted, all);
    let planted: BTreeSet<&str> = BROKER.iter().flat_map(|(_, checks)| *checks).copied().collect();
    let all: BTreeSet<&str> = conformance::broker::CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(planted, all);
}

#[test]
fn a_report_names_what_failed_and_what_was_seen() {
    let subject = BrokenStore(ManualClock::new(), store::Bug::ClockStands);
    let report = block_on(conformance::store_report(&subject));
    assert!(!report.is_conformant());
    let failed: Vec<&str> = report.failures().map(|check| check.name).collect();
    assert!(failed.contains(&"the_clock_of_the_store_advances"), "{failed:?}");
    let told = report.to_string();
    let line = "the port promises: the store's clock advances as the subject says; seen: by 0ns";
    assert!(told.contains(line), "{told}");
}

/// What an adapter's test calls: it is red for a store that breaks its word, and green for one that keeps it.
#[test]
fn a_check_by_its_name_panics_where_its_promise_does_not_hold_or_there_is_none() {
    let ends = |check: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(check)).is_ok();
    let broken = BrokenStore(ManualClock::new(), store::Bug::ClockStands);
    let store = |name| ends(&mut || block_on(conformance::assert_store(&broken, name)));
    assert!(!store("the_clock_of_the_store_advances"));
    assert!(store("a_dropped_transaction_leaves_nothing"));
    assert!(!store("no such check"));
    let (bug, checks) = BROKER[0];
    let kept = BROKER.iter().map(|(_, checks)| checks[0]).find(|kept| {
        let subject = BrokenBroker(ManualClock::new(), bug);
        let check = conformance::broker::CHECKS.iter().find(|check| check.name == *kept).expect("a check");
        block_on(check.run(&subject)).is_ok()
    });
    let broker = |name| {
        let subject = BrokenBroker(ManualClock::new(), bug);
        ends(&mut || block_on(conformance::assert_broker(&subject, name)))
    };
    assert!(!broker(checks[0]));
    assert!(broker(kept.expect("a promise that it keeps")));
}
