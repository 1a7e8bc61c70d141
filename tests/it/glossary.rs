//! A row is dispatched, a message is handled: neither end of a message takes the word of the other.

use crate::architecture::sources;

/// Identifiers, texts and comments of these files that have a word, in whatever form.
fn lines_with(folders: &[&str], word: &str) -> Vec<String> {
    let files = folders.iter().flat_map(|folder| sources(folder));
    let lines = files.flat_map(|(path, text)| {
        let found = text.lines().enumerate().filter(|(_, line)| line.to_lowercase().contains(word));
        found.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())).collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn seed_64_no_outbox_speaks_of_what_was_processed_and_no_inbox_of_what_was_dispatched() {
    let (outbox, inbox) =
        (["core/src/outbox", "core/src/ports/store/outbox"], ["core/src/inbox", "core/src/ports/store/inbox"]);
    for (folders, word) in [(outbox, "processed"), (inbox, "dispatched")] {
        let found = lines_with(&folders, word);
        assert!(found.is_empty(), "this end has another word for it than `{word}`:\n{}", found.join("\n"));
    }
    // The words are there, each at its own end, or the search finds nothing anywhere.
    assert!(!lines_with(&outbox, "dispatched").is_empty() && !lines_with(&inbox, "handled").is_empty());
}
