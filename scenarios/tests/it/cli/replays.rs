//! A violation told, kept and run again.

use super::{folder, seaworthy};

/// What stands in the line to paste behind the program's name, which is the one that it was called by.
fn pasted(out: &str) -> &str {
    let called = concat!("replay ", env!("CARGO_BIN_EXE_seaworthy"), " ");
    out.lines().find_map(|line| line.strip_prefix(called)).expect("a line to paste")
}

#[test]
fn a_violation_is_told_kept_and_replayed_with_the_line_that_is_printed() {
    let folder = folder();
    let twin = "order_fulfillment/mark-before-publish";
    let ran = seaworthy(folder.path(), &["run", twin, "--seeds", "500", "--base-seed", "7"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("violated lost-event"), "{}", ran.out);
    let line = pasted(&ran.out);
    let replayed = seaworthy(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(replayed.code, Some(1), "{}{}", replayed.out, replayed.err);
    assert!(replayed.out.contains("violated lost-event"), "{}", replayed.out);
    let again = seaworthy(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(replayed.out, again.out, "a replay is the same each time");
}

#[test]
fn the_line_to_paste_names_the_store_that_the_failure_was_found_on() {
    let folder = folder();
    let arguments = ["run", "order_fulfillment/mark-before-publish", "--seeds", "500", "--store", "sqlite"];
    let ran = seaworthy(folder.path(), &arguments);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let line = pasted(&ran.out);
    assert!(line.ends_with(" --store sqlite"), "{line}");
    let replayed = seaworthy(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(replayed.code, Some(1), "{}{}", replayed.out, replayed.err);
    assert!(replayed.out.trim_end().ends_with(line), "the replay names it too: {}", replayed.out);
}

#[test]
fn traces_of_one_seed_are_the_same_and_those_of_two_are_shown_side_by_side() {
    let folder = folder();
    for (seed, file) in [("1", "--trace=a"), ("1", "--trace=b"), ("2", "--trace=c")] {
        assert_eq!(seaworthy(folder.path(), &["replay", seed, file]).code, Some(0));
    }
    assert_eq!(seaworthy(folder.path(), &["diff", "a", "b"]).code, Some(0));
    let differ = seaworthy(folder.path(), &["diff", "a", "c"]);
    assert_eq!(differ.code, Some(1));
    assert!(differ.out.contains("the traces differ at event"), "{}", differ.out);
    let printed = seaworthy(folder.path(), &["replay", "1", "--trace"]);
    assert!(printed.out.contains("publish m1 order.confirmed"), "{}", printed.out);
}

#[test]
fn spans_are_printed_between_the_lines_of_the_trace_and_change_none_of_them() {
    let folder = folder();
    let printed = seaworthy(folder.path(), &["replay", "1", "--trace"]);
    let with_spans = seaworthy(folder.path(), &["replay", "1", "--trace", "--spans"]);
    assert_eq!(with_spans.code, Some(0), "{}", with_spans.err);
    assert!(with_spans.out.contains(" > saga saga=s1 definition=checkout epoch=1\n"), "{}", with_spans.out);
    let mut rest = with_spans.out.lines();
    for line in printed.out.lines() {
        assert!(rest.any(|other| other == line), "missing or changed: {line}");
    }
    let again = seaworthy(folder.path(), &["replay", "1", "--trace", "--spans"]);
    assert_eq!(with_spans.out, again.out);
}
