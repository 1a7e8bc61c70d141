//! What the store port promises, one check each.
//!
//! Each takes a [`StoreSubject`](super::StoreSubject), asks it for a fresh store and says whether the promise held.

/// The one list of the store port's checks, by module.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_checks {
    ($emit:ident $first:ident $args:tt) => {
        $crate::$emit! { $first $args
            transactions {
                a_transaction_is_applied_as_a_whole
                a_dropped_transaction_leaves_nothing
                a_transaction_that_fails_late_leaves_nothing
                nothing_of_a_transaction_shows_before_its_commit
                a_transaction_sees_its_own_writes
                a_transaction_keeps_seeing_the_store_as_it_began
            }
        }
    };
}

crate::__store_checks! { __conformance_registry StoreSubject {} }
