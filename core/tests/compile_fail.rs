//! What must not compile, with what the compiler says about it.

#[test]
fn sagas_in_an_illegal_order_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/saga_*.rs");
}
