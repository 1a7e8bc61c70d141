//! What the broker port promises, one check each.
//!
//! Each takes a [`BrokerSubject`](super::BrokerSubject), asks it for a fresh broker and says whether the promise held.

/// The one list of the broker port's checks, by module.
#[doc(hidden)]
#[macro_export]
macro_rules! __broker_checks {
    ($emit:ident $first:ident $args:tt) => {
        $crate::$emit! { $first $args
            publishing {
                each_message_of_a_batch_has_its_own_result
            }
        }
    };
}

crate::__broker_checks! { __conformance_registry BrokerSubject {} }
