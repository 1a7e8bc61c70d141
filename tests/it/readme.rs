//! The README's Rust is code that compiles: the workflow of one's own is `scenarios/src/welcoming.rs`, the translator of a card
//! room `adapters/tests/it/support/card_room.rs`, the rest is here.

use seaworthy_sim::scenario::{Column, Conserved, EffectTable, InboxTable, OutboxTable, Topology};

fn topology() -> Topology {
    Topology::new()
        .outbox_table(
            OutboxTable::sql("payments", "outbox").id("message_id").key("account").order("seq").sent("sent_at"),
        )
        .inbox_table(
            InboxTable::sql("payments", "processed_messages").consumer(Column::always("ledger")).message("message_id"),
        )
        .effect_table(EffectTable::sql("payments", "bookings").one_per("payment_id"))
        .conserved(
            Conserved::new("what is booked is on the accounts")
                .plus("payments", "bookings", "cents")
                .minus("payments", "accounts", "cents"),
        )
}

/// A program of somebody's own, whole.
mod program {
    use seaworthy_scenarios::{payments::PaymentService, welcoming::Welcoming};

    pub(super) fn main() -> std::process::ExitCode {
        seaworthy_sim::cli::main([Welcoming.into(), PaymentService::new().into()])
    }
}

/// Code as it reads: however it is broken into lines, and whoever may see it.
pub(crate) fn words(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace("pub(super)", "").replace(",)", ")")
}

/// The Rust of a README.
pub(crate) fn excerpts(readme: &str) -> Vec<&str> {
    readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn every_rust_excerpt_of_the_readme_is_code_of_a_file_that_is_compiled() {
    let compiled = [
        words(include_str!("readme.rs")),
        words(include_str!("../../scenarios/src/welcoming.rs")),
        words(include_str!("../../adapters/tests/it/support/card_room.rs")),
    ];
    let excerpts = excerpts(include_str!("../../README.md"));
    assert_eq!(excerpts.len(), 4, "the workflow, the tables, the program and a translator: {excerpts:?}");
    for excerpt in excerpts {
        let is_compiled = compiled.iter().any(|file| file.contains(&words(excerpt)));
        assert!(is_compiled, "nothing compiles this excerpt as it is:\n{excerpt}");
    }
}

#[test]
fn the_excerpts_are_what_the_readme_says() {
    let tables = topology().tables;
    let declared = (tables.outboxes.len(), tables.inboxes.len(), tables.effects.len(), tables.conserved.len());
    assert_eq!(declared, (1, 1, 1, 1));
    // It would run the command line of this test program.
    let _: fn() -> std::process::ExitCode = program::main;
}
