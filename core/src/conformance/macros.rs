/// Writes one `#[test]` for each check of the store port, named after what the port promises.
///
/// Takes an expression for a [`StoreSubject`](crate::conformance::StoreSubject), evaluated anew in each test, and a
/// function or closure that runs a future to its end. See the [module](crate::conformance) for an example.
#[macro_export]
macro_rules! store_conformance {
    ($subject:expr, $block_on:expr $(,)?) => {
        $crate::__store_checks! { __conformance_tests assert_store { $subject, $block_on } }
    };
}

/// Writes one `#[test]` for each check of the broker port, named after what the port promises.
///
/// Takes an expression for a [`BrokerSubject`](crate::conformance::BrokerSubject), evaluated anew in each test, and a
/// function or closure that runs a future to its end.
#[macro_export]
macro_rules! broker_conformance {
    ($subject:expr, $block_on:expr $(,)?) => {
        $crate::__broker_checks! { __conformance_tests assert_broker { $subject, $block_on } }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($assert:ident { $subject:expr, $block_on:expr } $($module:ident $parts:tt { $($name:ident $([$own:ident])?)* })*) => {
        $($(
            #[test]
            fn $name() {
                let subject = $subject;
                ($block_on)($crate::conformance::$assert(&subject, stringify!($name)))
            }
        )*)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_registry {
    ($subject:ident {} $($module:ident $parts:tt { $($name:ident $([$own:ident])?)* })*) => {
        $(pub mod $module;)*

        /// Every check of the port, in the order of its documentation.
        pub const CHECKS: &[$crate::conformance::Check<dyn $crate::conformance::$subject>] =
            &[$($($crate::conformance::Check {
                name: stringify!($name),
                parts: $crate::__conformance_parts!($parts).and($crate::__conformance_parts!([$($own)?])),
                run: |subject| Box::pin($module::$name(subject)),
            },)*)*];
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_parts {
    ([$($part:ident)*]) => { $crate::ports::Parts::new(&[$($crate::ports::Part::$part,)*]) };
}
