//! Promises of the store port, one check each.
//!
//! Each takes a [`StoreSubject`](super::StoreSubject), asks it for a fresh store and says whether the promise held. Those
//! of a part of a store need a store with that part ([`Check::parts`](super::Check::parts)).

mod every_method;
mod everything;
mod steps;

/// The one list of the store port's checks, by module: which parts of a store those of the module need, and which more
/// a check of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_checks {
    ($emit:ident $first:ident $args:tt) => {
        $crate::$emit! { $first $args
            transactions [] {
                a_transaction_is_applied_as_a_whole
                a_dropped_transaction_leaves_nothing
                a_transaction_that_fails_late_leaves_nothing
                nothing_of_a_transaction_shows_before_its_commit
                a_transaction_sees_its_own_writes
                a_transaction_keeps_seeing_the_store_as_it_began
                work_for_after_the_commit_runs_after_it_and_only_then
            }
            documents [Documents] {
                a_document_counts_its_writes
                a_write_that_expects_something_else_conflicts
                of_two_overlapping_writes_of_a_document_one_conflicts
                an_overtaken_delete_conflicts
                racing_increments_lose_none
                a_deleted_document_is_gone
                a_collection_is_read_in_the_order_of_its_ids
            }
            ranges [Documents] {
                a_write_under_a_condition_is_made_only_where_it_holds
                an_overtaken_write_under_a_condition_conflicts
                a_range_of_ids_is_read_in_order_and_no_further
                a_range_of_ids_is_deleted_up_to_its_limit
                an_overtaken_delete_of_a_range_conflicts
            }
            unique_keys [] {
                a_unique_key_is_taken_once
                a_second_taker_waits_and_finds_the_key_taken_after_a_commit
                a_second_taker_waits_and_gets_the_key_after_a_rollback
                racing_duplicates_have_one_effect [Documents]
            }
            claims [Outbox] {
                a_claimed_row_is_hidden_until_its_lease_ends
                eight_relays_claim_every_row_once
                a_relay_that_lost_its_claim_changes_nothing
                settling_answers_for_each_row
                a_retry_waits_and_counts_and_a_release_takes_its_attempt_back
                a_row_carries_its_message_unchanged_and_a_rising_sequence
                the_end_of_the_next_wait_is_known
                messages_carry_the_epoch_of_their_store
            }
            backups [Outbox] {
                a_store_that_is_put_back_is_what_it_was_in_another_epoch
            }
            order [Outbox] {
                rows_of_a_key_go_one_at_a_time_in_commit_order
                a_row_staged_first_and_committed_last_comes_last
                a_row_that_backs_off_holds_back_its_key
                an_expired_claim_keeps_its_place_in_its_key
                keys_do_not_hold_back_each_other
                unordered_rows_wait_for_nobody
            }
            fairness [Outbox] {
                rows_that_fail_each_time_starve_no_others
                a_topic_that_is_left_alone_is_not_claimed
                a_long_queue_of_one_topic_starves_no_other
            }
            schedule [Outbox] {
                a_message_is_not_claimed_before_its_moment
                a_message_is_not_in_the_log_before_its_moment
                a_message_with_a_moment_has_no_place_in_the_order_of_its_key
            }
            death [Outbox] {
                a_dead_row_blocks_its_key
                a_dead_row_can_be_skipped
                dead_rows_are_listed_with_their_reason
                a_redriven_row_keeps_its_event_id_and_its_place
                a_redriven_row_waits_for_a_later_one_that_is_out
                a_redrive_takes_only_what_it_names
                a_purged_dead_row_frees_its_key
            }
            dead_rows [Outbox] {
                dead_rows_are_read_page_by_page_and_some_of_them
                dead_rows_are_redriven_and_purged_as_they_are_listed
            }
            log [Outbox] {
                the_log_is_read_in_commit_order
                rows_are_marked_together_with_the_position [Checkpoints]
                the_position_is_in_front_of_the_first_row_that_waits
                a_refused_row_of_the_log_dies_and_comes_back
                a_claimed_row_is_not_settled_by_a_reader_of_the_log
                attempts_of_a_reader_of_the_log_are_counted_and_taken_back
                the_log_leaves_out_what_stands_in_the_way
            }
            retention [Outbox] {
                a_purge_takes_dispatched_rows_only
                a_purge_takes_only_what_is_old_enough_and_no_more_than_its_limit
                a_purge_beside_running_relays_loses_nothing
            }
            republish [Outbox] {
                a_row_that_is_published_again_keeps_its_event_id_and_its_place
                only_what_was_dispatched_in_a_span_is_published_again
            }
            inbox [Inbox] {
                each_consumer_sees_a_message_once
                failures_are_counted_apart_from_the_handler
                a_buried_message_is_kept_whole_and_counts_as_seen
                what_was_handled_is_not_buried
                a_dead_letter_can_be_taken_out_once
            }
            inbox_retention [Inbox] {
                a_purged_message_is_still_a_duplicate
                a_watermark_that_nothing_raises_is_forgotten
                a_watermark_speaks_for_one_epoch_of_its_source
                a_message_without_a_place_raises_no_watermark
                a_message_that_failed_is_not_taken_for_a_purged_one
                a_failure_of_a_purged_message_is_not_kept
                dead_letters_survive_a_purge
                a_count_of_failures_is_forgotten_long_after_the_last_one
                a_count_of_failures_of_an_event_is_forgotten_as_well
            }
            dead_letters [Inbox] {
                dead_letters_are_read_page_by_page_and_some_of_them
                a_letter_that_is_put_back_lies_behind_the_others
                a_letter_keeps_that_it_was_asked_for_until_it_is_taken_out
            }
            sagas [Sagas] {
                a_new_saga_is_stored_as_it_was_created
                one_business_key_has_one_saga_for_each_definition
                a_log_is_numbered_without_gaps
                an_append_at_another_length_conflicts
                an_append_is_checked_against_what_is_committed
                an_append_of_an_older_epoch_conflicts
                racing_appends_leave_no_gap
                purged_logs_leave_their_saga
                a_saga_without_a_log_is_deleted_in_the_end_and_frees_its_key
            }
            saga_pins [Sagas] {
                an_append_pins_another_version_if_it_says_so
                an_append_forgets_what_came_before_if_it_says_so
                the_last_append_says_how_a_saga_came_to_rest
            }
            saga_lists [Sagas] {
                sagas_are_listed_page_by_page_and_some_of_them
                sagas_are_listed_by_the_reason_for_which_they_rest
                a_list_says_since_when_a_saga_is_what_it_is
                sagas_that_sleep_are_listed_apart
            }
            signals [Sagas] {
                a_signal_wakes_a_saga_that_waits_and_is_in_its_log
                a_signal_leaves_the_saga_to_its_owner_who_hears_of_it
                a_signal_for_a_saga_that_has_ended_writes_nothing_and_says_so
                a_signal_finds_sagas_by_their_correlation
                a_signal_sees_what_its_transaction_has_written
                a_signal_finds_sagas_by_a_key_of_their_own
            }
            ownership [Sagas] {
                a_saga_is_taken_over_when_its_lease_has_ended
                a_sleeping_saga_is_left_alone_until_it_is_due
                only_active_sagas_of_known_definitions_are_taken_over
                an_operator_takes_over_a_stuck_saga
                a_lease_is_renewed_by_its_owner_only
                eight_processes_take_over_every_saga_once
            }
            participants [Operations] {
                an_operation_is_executed_and_then_compensated
                a_compensated_operation_never_changes
                old_operations_are_forgotten
                of_two_overlapping_writes_of_an_operation_one_conflicts
                racing_executions_take_effect_once [Documents]
            }
            checkpoints [Checkpoints] {
                a_checkpoint_moves_with_its_effect [Documents]
                a_checkpoint_does_not_go_back
                of_two_overlapping_moves_of_a_checkpoint_one_conflicts
                racing_projections_apply_each_position_once [Documents]
            }
            events [Events] {
                an_event_is_recorded_as_it_was_appended
                an_append_that_expects_another_version_conflicts
                an_event_that_was_appended_never_changes
                a_stream_has_versions_without_a_gap
                racing_appends_leave_no_gap_in_a_stream
                of_two_overlapping_appends_that_expect_one_version_one_conflicts
                the_log_shows_no_event_whose_predecessors_may_still_commit
                a_reader_of_the_log_beside_racing_writers_sees_each_event_once
                a_snapshot_is_kept_unless_there_is_a_later_one
                a_snapshot_ahead_of_its_stream_is_refused
            }
            parts [] {
                a_part_that_a_store_has_is_not_refused
                a_part_that_a_store_has_not_is_refused
            }
            upkeep [] {
                the_backlog_counts_what_waits
                a_census_counts_everything_and_knows_the_oldest
                the_clock_of_the_store_advances
                a_transaction_reads_the_clock_of_its_store
                time_goes_on_where_a_store_is_opened_again [Outbox]
            }
            row_counts [] {
                every_row_is_counted_until_it_is_purged
            }
        }
    };
}

crate::__store_checks! { __conformance_registry StoreSubject {} }
