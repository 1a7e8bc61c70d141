//! Promises of the broker port, one check each.
//!
//! Each takes a [`BrokerSubject`](super::BrokerSubject), asks it for a fresh broker and says whether the promise held.

mod steps;

/// The one list of the broker port's checks, by module.
#[doc(hidden)]
#[macro_export]
macro_rules! __broker_checks {
    ($emit:ident $first:ident $args:tt) => {
        $crate::$emit! { $first $args
            publishing [] {
                each_message_of_a_batch_has_its_own_result
                an_unroutable_message_is_refused_alone
                an_oversized_message_is_refused_alone
            }
            delivery [] {
                every_message_is_delivered_as_it_was_published
                a_waiting_receive_gets_what_is_published
                a_receive_returns_no_more_than_it_asked_for
                an_acknowledged_message_does_not_come_back
                an_unacknowledged_message_comes_back_after_the_visibility_timeout
                a_late_acknowledgement_changes_nothing
                a_message_given_back_comes_back_after_its_delay
                a_message_is_out_at_one_member_at_a_time
                a_member_that_leaves_gives_back_what_it_had
                a_dropped_receive_loses_nothing
            }
            extension [] {
                a_delivery_that_is_extended_stays_out_for_as_long
                an_extension_takes_no_time_away
                a_delivery_that_is_over_is_not_extended
            }
            groups [] {
                each_group_gets_every_message
                members_of_a_group_share_its_messages
                a_group_gets_its_topics_only
            }
            order [] {
                messages_of_a_key_are_delivered_in_the_order_of_publishing
                a_key_waits_while_one_of_its_messages_is_out
                a_key_waits_while_one_of_its_messages_is_to_come_back
                a_message_that_timed_out_comes_before_the_later_ones_of_its_key
                a_group_does_not_wait_for_another_one
            }
        }
    };
}

crate::__broker_checks! { __conformance_registry BrokerSubject {} }
