use crate::explore::FailedRun;

/// Says in one line what failed, for whoever waits until its plan is shrunk: where each run takes a second, so long that one
/// may take it for a hang.
pub(crate) fn found(failure: &FailedRun) -> String {
    let violation = &failure.violation;
    // What somebody panics with may have lines of its own.
    let sentence = violation.sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("found by {}: {}: {sentence}; shrinking its plan", failure.source, violation.invariant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{explore::Source, invariants::Violation, plan::Profile};

    #[test]
    fn it_is_one_line_whatever_the_sentence_is() {
        let violation = Violation {
            invariant: "client-panicked".into(),
            entity: "the client".into(),
            sentence: "the client panicked: assertion failed\n  left: 1\n right: 2".to_owned(),
            events: Vec::new(),
            at_the_end: false,
            panicked_at: None,
        };
        let source = Source::Seed { seed: 7, profile: Profile::Calm };
        let failure = FailedRun { index: 0, source, violation, others: 0, fingerprint: 1 };
        assert_eq!(
            found(&failure),
            "found by seed 0x0000000000000007, profile calm: client-panicked: the client panicked: assertion failed \
             left: 1 right: 2; shrinking its plan"
        );
    }
}
