//! The errors of ports, on one scale.

use seaworthy_core::ports::{
    Answer, BrokerError, ExternalError,
    FailureKind::{self, Conflict, Refused, Unavailable, Unknown},
    PortError, PublishError, Refusal, StoreError,
};

/// Kinds that an error of this type has in the end, when each kind is asked for.
fn kinds<E: PortError>() -> [FailureKind; 4] {
    [Conflict, Unavailable, Refused, Unknown].map(|kind| {
        let error = E::new(kind, "no such luck");
        assert!(error.to_string().ends_with("no such luck"), "the text is kept: {error}");
        error.kind()
    })
}

#[test]
fn an_error_means_what_it_was_made_for_and_what_its_port_has_no_word_for_is_unavailable() {
    assert_eq!(kinds::<StoreError>(), [Conflict, Unavailable, Refused, Unknown]);
    assert_eq!(kinds::<ExternalError>(), [Unavailable, Unavailable, Refused, Unknown]);
    assert_eq!(kinds::<PublishError>(), [Unavailable, Unavailable, Refused, Unknown]);
    assert_eq!(kinds::<BrokerError>(), [Unavailable, Unavailable, Unavailable, Unknown]);
}

#[test]
fn a_refusal_is_made_of_any_text_and_says_nothing_but_its_reason() {
    let refusals: [Refusal; 3] =
        ["sold out".into(), String::from("sold out").into(), smol_str::SmolStr::new("sold out").into()];
    for refusal in refusals {
        assert_eq!((refusal.reason(), refusal.to_string()), ("sold out", "sold out".to_owned()));
        assert_eq!(ExternalError::from(refusal).kind(), Refused);
    }
}

/// For whoever records calls, without a look at each type that a port returns.
#[test]
fn an_answer_says_of_how_many_things_it_speaks() {
    let held = [true, false];
    let of = [
        (Answer::Done, 0),
        (Answer::Count(7), 7),
        (Answer::Position(Some(9)), 1),
        (Answer::Position(None), 0),
        (Answer::Yes(true), 1),
        (Answer::Yes(false), 0),
        (Answer::Held(&held), 2),
        (Answer::Rows(&[]), 0),
    ];
    for (answer, count) in of {
        assert_eq!(answer.count(), count, "{answer:?}");
    }
}
