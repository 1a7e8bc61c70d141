//! Lists of dead letters: page by page, some of them, and the order in which they lie.

use crate::{
    conformance::{
        CheckVerdict, Outcome, StoreSubject,
        outcome::{expect, expect_eq},
        samples::{CONSUMER, letters, received},
    },
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, InboxEntry, Store, StoreError},
};

/// The letter of a number: each third one is of another type and topic.
fn letter(number: u64) -> Message {
    let plain = received(number, &format!("key-{number}"));
    if number.is_multiple_of(3) {
        Message { kind: "order.cancelled".into(), topic: "cancellations".into(), ..plain }
    } else {
        plain
    }
}

/// Takes out the letter of a message, if there is one, and buries it.
async fn bury(store: &dyn Store, message: &Message, reason: &str) -> Result<(), StoreError> {
    let entry = InboxEntry::for_message(CONSUMER, message);
    let mut tx = store.begin().await?;
    tx.inbox_exhume(&entry).await?;
    tx.inbox_bury(&entry, message, reason).await?;
    tx.commit().await
}

/// Numbers of the messages of letters.
fn numbers(letters: &[DeadLetter]) -> Vec<u64> {
    letters.iter().map(|letter| letter.message.sequence).collect()
}

/// Pages follow each other without a gap, also where letters are taken out meanwhile; and each filter leaves out what it
/// says.
pub async fn dead_letters_are_read_page_by_page_and_some_of_them(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let mut moments = Vec::new();
    for number in 1..=7 {
        bury(&*store, &letter(number), if number <= 2 { "100% poison" } else { "poison" }).await?;
        moments.push(store.now().await?);
        subject.advance(subject.unit()).await;
    }
    let first = store.dead_letters(&letters(3)).await?;
    expect_eq("a page holds as many letters as asked for", numbers(&first), vec![1, 2, 3])?;
    let rising = first.iter().map(|letter| letter.number).collect::<Vec<_>>();
    let counted = rising[0] > 0 && rising.is_sorted_by(|one, next| one < next);
    expect("the places of letters rise", counted, || format!("{rising:?}"))?;
    let mut tx = store.begin().await?;
    tx.inbox_exhume(&InboxEntry::for_message(CONSUMER, &letter(3))).await?;
    tx.commit().await?;
    let behind = letters(3).after(rising[2]);
    let promise = "a page goes on behind a place, whether or not its letter is there";
    expect_eq(promise, numbers(&store.dead_letters(&behind).await?), vec![4, 5, 6])?;
    let cases: [(&str, DeadLetterRequest, Vec<u64>); 12] = [
        ("a type", letters(9).of_kind("order.cancelled"), vec![6]),
        ("a type, in pages", letters(2).of_kind("order.confirmed").after(rising[0]), vec![2, 4]),
        ("a topic", letters(9).of_topic("cancellations"), vec![6]),
        ("a key", letters(9).of_key("key-5"), vec![5]),
        ("a reason, letter by letter", letters(9).because("0% poison"), vec![1, 2]),
        ("a reason that is none's", letters(9).because("0_ poison"), vec![]),
        (
            "messages, in their order",
            letters(9).only([letter(7).id, letter(2).id, letter(2).id, letter(3).id]),
            vec![2, 7],
        ),
        ("messages, up to a limit", letters(1).only([letter(7).id, letter(2).id]), vec![2]),
        ("no messages", letters(9).only([]), vec![]),
        ("those that failed until then", letters(9).failed_until(moments[3]), vec![1, 2, 4]),
        ("those that failed since", letters(9).failed_from(moments[4]), vec![5, 6, 7]),
        ("all of it", letters(9).of_kind("order.confirmed").only([letter(4).id, letter(6).id]), vec![4]),
    ];
    for (asked, request, expected) in cases {
        let promise = format!("a list has what is asked for: {asked}");
        expect_eq(&promise, numbers(&store.dead_letters(&request).await?), expected)?;
    }
    Ok(CheckVerdict::Held)
}

/// A letter that is taken out and buried again in one transaction stands in the way of none that was not tried.
pub async fn a_letter_that_is_put_back_lies_behind_the_others(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for number in 1..=3 {
        bury(&*store, &letter(number), "poison").await?;
    }
    for tries in 1..=2 {
        subject.advance(subject.unit()).await;
        let before = store.now().await?;
        bury(&*store, &letter(1), "poison still").await?;
        let all = store.dead_letters(&letters(9)).await?;
        expect_eq("a letter that is put back lies behind the others", numbers(&all), vec![2, 3, 1])?;
        let said = (all[2].reason.as_str(), all[2].failures);
        expect_eq("it has failed once more, and says why", said, ("poison still", tries))?;
        let at = all[2].failed_at;
        expect("and when", before <= at, || format!("{at}, put back at {before}"))?;
        expect("in a new place", all[2].number > all[1].number, || format!("{all:?}"))?;
    }
    Ok(CheckVerdict::Held)
}

/// An operator asks for some letters; those that look for requests see these alone, until each is handled, or buried once more.
pub async fn a_letter_keeps_that_it_was_asked_for_until_it_is_taken_out(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for number in 1..=4 {
        bury(&*store, &letter(number), "poison").await?;
    }
    let asked = letters(9).asked();
    expect_eq(
        "nobody has asked for a letter that was just buried",
        numbers(&store.dead_letters(&asked).await?),
        vec![],
    )?;
    let first = store.now().await?;
    let named = store.ask_redrive(&letters(1).only([letter(3).id, letter(2).id])).await?;
    expect_eq("letters are asked for in their order, up to a limit", named, vec![letter(2).id])?;
    let seen = store.dead_letters(&asked).await?;
    expect_eq("a letter that was asked for is seen as such", numbers(&seen), vec![2])?;
    let at = seen[0].asked_at;
    subject.advance(subject.unit()).await;
    let again = store.ask_redrive(&letters(9).of_kind("order.confirmed").because("poison")).await?;
    expect_eq(
        "letters that were asked for are asked for again",
        again,
        vec![letter(1).id, letter(2).id, letter(4).id],
    )?;
    let seen = store.dead_letters(&asked).await?;
    expect_eq("those that were asked for are listed in their order", numbers(&seen), vec![1, 2, 4])?;
    expect_eq("a letter keeps the time of the first request", seen[1].asked_at, at)?;
    expect("and that is the time of the request", at.is_some_and(|at| first <= at), || format!("{at:?}, not {first}"))?;
    expect_eq(
        "a name narrows it down",
        numbers(&store.dead_letters(&asked.clone().only([letter(3).id, letter(4).id])).await?),
        vec![4],
    )?;
    let all = store.dead_letters(&letters(9)).await?;
    expect_eq("nothing else about a letter changes", numbers(&all), vec![1, 2, 3, 4])?;
    bury(&*store, &letter(2), "poison still").await?;
    let mut tx = store.begin().await?;
    tx.inbox_exhume(&InboxEntry::for_message(CONSUMER, &letter(4))).await?;
    tx.commit().await?;
    expect_eq("what was taken out is asked for no more", numbers(&store.dead_letters(&asked).await?), vec![1])?;
    Ok(CheckVerdict::Held)
}
