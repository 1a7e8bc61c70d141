//! What operators read: entries of a log and requests in words.

use seaworthy_core::{
    ids::Direction,
    saga::{AttemptFailure, CompensationState, Record, SagaRequest, Value, Verb},
};

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn failed(failure: AttemptFailure, panicked: bool, direction: Direction) -> Record {
    let (step, error) = ("pay".into(), "down".into());
    Record::Retry { step, direction, attempt: 3, failure, delay_us: 4_000_000, error, panicked, own: false }
}

#[test]
fn an_entry_is_told_with_all_that_it_says() {
    use Direction::{Action, Compensation};
    let step = || "pay".into();
    let done = |output| Record::Done { step: step(), output };
    for (record, words) in [
        (done(Value::NULL), "step `pay` is done"),
        (done(value("7")), "step `pay` is done: 7"),
        (
            failed(AttemptFailure::Transient, false, Action),
            "attempt 3 of step `pay` failed: down; the next one follows after 4s",
        ),
        (
            failed(AttemptFailure::Unknown, false, Action),
            "attempt 3 of step `pay` has an outcome that nobody knows: down; the next one follows after 4s",
        ),
        (
            failed(AttemptFailure::Unknown, true, Compensation),
            "attempt 3 of the compensation of step `pay` ended in a panic: down; the next one follows after 4s",
        ),
        (
            Record::Rejected { step: step(), reason: "no".into(), maybe_executed: true },
            "step `pay` is refused for good, and is undone all the same: no",
        ),
        (Record::Compensated { step: step(), maybe_executed: false }, "step `pay` is undone"),
        (
            Record::Settled { step: step(), done: true, output: value("7"), reason: "seen".into() },
            "an operator takes step `pay` as done, with 7: seen",
        ),
    ] {
        assert_eq!(record.to_string(), words);
    }
}

/// An entry has one name; what has two was written by no release, and waits for none.
#[test]
fn an_entry_of_an_unknown_name_is_a_newer_releases_and_one_of_two_names_is_damaged() {
    let unknown = |stored: &'static [u8]| Record::decode(stored).expect_err("nobody knows it").is_unknown();
    assert!(unknown(br#"{"applauded":{"step":"pay"}}"#));
    assert!(unknown(br#""applauded""#));
    assert!(!unknown(br#"{"applauded":{"step":"pay"},"booed":{"step":"pay"}}"#));
    assert!(!unknown(br#"{"done":{}}"#) && !unknown(b"7") && !unknown(b"{"));
}

/// `Record::decode` knows its own names from a newer release's by a list; serde's own list is in its error.
#[test]
fn a_damaged_entry_of_each_name_that_there_is_waits_for_no_newer_release() {
    let error = Record::decode(br#"{"applauded":7}"#).expect_err("nobody knows it").to_string();
    let (_, listed) = error.split_once("expected one of").expect("the names that there are");
    let names: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
    assert!(names.len() > 25 && names.contains(&"waived"), "{error}");
    for name in names {
        let damaged = Record::decode(format!(r#"{{"{name}":7}}"#).as_bytes()).expect_err("no record");
        assert!(!damaged.is_unknown(), "{name}");
    }
}

/// The entry has another name in the code than when it was first stored; logs know nothing of that, nor do the older
/// releases that read them in a rolling deployment.
#[test]
fn a_skipped_step_is_read_and_written_as_older_releases_do() {
    let stored = br#"{"waived":{"step":"pay","reason":"by phone"}}"#;
    let skipped = Record::SkippedByOperator { step: "pay".into(), reason: "by phone".into() };
    assert_eq!(Record::decode(stored).as_ref(), Ok(&skipped));
    assert_eq!(skipped.encode(), &stored[..]);
    assert_eq!(skipped.to_string(), "an operator skips step `pay`: by phone");
    assert_eq!(serde_json::from_str(r#""waived""#).ok(), Some(CompensationState::Skipped));
    assert_eq!(serde_json::to_string(&CompensationState::Skipped).expect("a name"), r#""waived""#);
}

#[test]
fn a_request_says_what_is_to_be_done_with_which_step_by_whom_and_why() {
    let step = || "pay".into();
    for (verb, words) in [
        (Verb::Resume, "resume"),
        (Verb::Cancel, "cancel"),
        (Verb::Abandon, "abandon"),
        (Verb::RetryNow, "retry now"),
        (Verb::Skip { step: step() }, "skip step `pay`"),
        (Verb::Settle { step: step(), output: value("7") }, "take step `pay` as done, with 7"),
        (Verb::SettleNotDone { step: step() }, "take step `pay` as not done"),
        (Verb::Unknown(value(r#""applaud""#)), r#"a verb that this release does not know, "applaud""#),
    ] {
        assert_eq!(verb.to_string(), words);
        let request = SagaRequest::new(verb, "ops").because("it is late");
        assert_eq!(request.to_string(), format!("{words}, asked for by ops: it is late"));
    }
}
