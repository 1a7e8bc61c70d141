//! What must not compile, with what the compiler says about it.

#[test]
fn sagas_in_an_illegal_order_do_not_compile() {
    trybuild::TestCases::new().compile_fail("cases/saga_*.rs");
}

#[test]
fn messages_staged_without_a_transaction_and_aggregates_saved_twice_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("cases/outbox_*.rs");
    cases.compile_fail("cases/aggregate_*.rs");
}
