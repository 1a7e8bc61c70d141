//! What the stories of specimens must say, whichever seed fails.

/// Words of which one has to be there, several such in one row, and several such rows.
pub(crate) type Rows = &'static [&'static [&'static [&'static str]]];

/// For each specimen what its story must say, each within one row: the cause, and what came of it.
pub(crate) const SMALL: [(&str, Rows); 13] = [
    // The commit after which the message should have been published, and what kept it from being so.
    ("outbox/dual-write", &[&[&["commit"], &["writes items/"]], &[&["fault 0 strikes"]]]),
    // The row is marked, and the publish that should have come before it fails or never comes.
    ("relay/mark-before-publish", &[&[&["settle"], &["dispatched"]], &[&["fault 0 strikes"]]]),
    // The message that the broker did not take, and the row that counts as sent.
    (
        "relay/batch-result-ignored",
        &[
            &[&["fault 0 strikes at publish", "fault 0 strikes: topic outage"]],
            &[&["publish m"], &[" = "]],
            &[&["settle"], &["dispatched"]],
        ],
    ),
    // The outage, and the row that is given up for it.
    (
        "relay/outage-burns-budget",
        &[
            &[&["strikes: broker outage", "strikes: partition", "strikes: topic outage"]],
            &[&["publish m"], &["= unavailable"]],
            &[&["settle"], &["dead"]],
        ],
    ),
    // The letter twice, and between the two the mark that did not take place.
    (
        "inbox/effect-then-mark",
        &[
            &[&["> "], &["commit"], &["writes letters/e2"]],
            &[&["nothing of: mailer handles m"]],
            &[&["deliver m"], &["redelivery 1"]],
        ],
    ),
    // The mark that took place, and the letter that did not.
    ("inbox/mark-then-effect", &[&[&["commit"], &["mailer handles m"]], &[&["fault 0 strikes"]]]),
    // The acknowledgement, and the commit behind it, which comes or does not.
    ("inbox/ack-before-commit", &[&[&["ack m"], &["by mailer"]], &[&["commit"], &["mailer handles m"]]]),
    // The process without the memory that takes over, and the compensation that finds nothing to do.
    (
        "saga/compensation-skipped-after-crash",
        &[&[&["acquire on front"], &["at epoch"]], &[&["> "], &["logs compensated seat"]]],
    ),
    // The other write to the train, and the compensation that leaves it alone.
    ("saga/stale-version-compensation", &[&[&["writes seats/train-1"]], &[&["> "], &["logs compensated first_seat"]]]),
    // The charge twice under two keys, since nobody knew of the first time.
    (
        "saga/fresh-idempotency-key",
        &[&[&["> "], &["payments charge"], &["acted"]], &[&["fault 0 strikes"]], &[&["logs attempting charge"]]],
    ),
    // The approval that is noted as handled, and the fault behind that.
    ("saga/approval-apart", &[&[&["commit"], &["front handles m"]], &[&["fault 0 strikes"]]]),
    // Both of them handled by the seats: what undoes before what it undoes, or without having seen it.
    (
        "choreography/release-before-reserve",
        &[
            &[&["commit"], &["seats handles m"], &["writes seats/"]],
            &[&["commit"], &["seats handles m1.", "seats handles m2.", "seats handles m3."]],
        ],
    ),
    // The one worker takes over what the other has not finished, and both finish it.
    (
        "queue/finish-without-fence",
        &[&[&["commit"], &["writes jobs/"], &["{\"free_at\":17"]], &[&["> "], &["writes jobs/"], &["\"done\""]]],
    ),
];
