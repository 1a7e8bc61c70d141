//! Lists of dead rows: page by page, some of them, and what is redriven and purged by the same request.

use super::steps::{kill_next, stage};
use crate::{
    conformance::{BrokenPromise, CheckVerdict, Outcome, StoreSubject, outcome::expect_eq, samples::message},
    ids::MessageId,
    message::Message,
    ports::{DeadRow, DeadRowRequest, Store, Timestamp},
};

/// The message of a number: each third one is of another type and topic.
fn numbered(number: u64) -> Message {
    let plain = message(number, &format!("key-{}", number % 4));
    if number.is_multiple_of(3) {
        Message { kind: "order.cancelled".into(), topic: "cancellations".into(), ..plain }
    } else {
        plain
    }
}

/// Seven dead rows, and when each had died.
async fn seven_dead(subject: &dyn StoreSubject, store: &dyn Store) -> Result<Vec<Timestamp>, BrokenPromise> {
    let mut moments = Vec::new();
    for number in 1..=7 {
        // One at a time, since a dead row is in the way of its key.
        stage(store, &[Message { partition_key: format!("own-{number}").into(), ..numbered(number) }]).await?;
        let reason = if number <= 2 { "100% too large" } else { "unroutable" };
        kill_next(store, u128::from(number), reason, subject.unit() * 5).await?;
        moments.push(store.now().await?);
        subject.advance(subject.unit()).await;
    }
    Ok(moments)
}

/// Messages of dead rows, as they were numbered.
fn numbers(ids: impl IntoIterator<Item = MessageId>) -> Vec<u64> {
    let number = |id| (1..=7).find(|number| numbered(*number).id == id).unwrap_or(0);
    ids.into_iter().map(number).collect()
}

fn listed(rows: &[DeadRow]) -> Vec<u64> {
    numbers(rows.iter().map(|dead| dead.row.message.id))
}

/// Requests, with what each asks for, of seven dead rows.
fn cases(moments: &[Timestamp]) -> Vec<(&'static str, DeadRowRequest, Vec<u64>)> {
    let all = || DeadRowRequest::new(9);
    let id = |number| numbered(number).id;
    vec![
        ("a type", all().of_kind("order.cancelled"), vec![3, 6]),
        ("a topic", all().of_topic("cancellations"), vec![3, 6]),
        ("a key", all().of_key("own-5"), vec![5]),
        ("a reason, letter by letter", all().because("0% too"), vec![1, 2]),
        ("a reason that is none's", all().because("0_ too"), vec![]),
        (
            "messages, in the order in which they died",
            all().only([id(7), id(2), id(2), MessageId(uuid::Uuid::nil())]),
            vec![2, 7],
        ),
        ("messages, up to a limit", DeadRowRequest::new(1).only([id(7), id(2)]), vec![2]),
        ("no messages", all().only([]), vec![]),
        ("those that had died by then", all().died_until(moments[3]), vec![1, 2, 3, 4]),
        ("those that died since", all().died_from(moments[4]), vec![5, 6, 7]),
        ("all of it", all().of_topic("orders").because("unroutable").only([id(1), id(4), id(6)]), vec![4]),
    ]
}

/// Pages follow each other without a gap, also where rows are purged meanwhile; each filter leaves out what it says; a row
/// that dies again lies behind the others.
pub async fn dead_rows_are_read_page_by_page_and_some_of_them(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let moments = seven_dead(subject, &*store).await?;
    for (asked, request, expected) in cases(&moments) {
        let promise = format!("a list of dead rows has what is asked for: {asked}");
        expect_eq(&promise, listed(&store.dead_rows(&request).await?), expected)?;
    }
    let first = store.dead_rows(&DeadRowRequest::new(3)).await?;
    expect_eq("a page holds as many rows as asked for", listed(&first), vec![1, 2, 3])?;
    let said: Vec<_> = first.iter().map(|dead| dead.died_at <= moments[2]).collect();
    expect_eq("a dead row says when it died", said, vec![true; 3])?;
    store.purge_dead(&DeadRowRequest::new(1).only([numbered(3).id])).await?;
    let behind = DeadRowRequest::new(3).after(first[2].place());
    let promise = "a page goes on behind a place, whether or not its row is there";
    expect_eq(promise, listed(&store.dead_rows(&behind).await?), vec![4, 5, 6])?;
    expect_eq(promise, listed(&store.dead_rows(&behind.clone().of_kind("order.cancelled")).await?), vec![6])?;
    store.redrive(&DeadRowRequest::new(1)).await?;
    kill_next(&*store, 9, "unroutable", subject.unit() * 5).await?;
    let again = store.dead_rows(&behind.after(first[1].place())).await?;
    expect_eq("a row that dies again lies behind the others", listed(&again), vec![4, 5, 6])?;
    let all = store.dead_rows(&DeadRowRequest::new(9)).await?;
    expect_eq("a row that dies again lies behind the others", listed(&all), vec![2, 4, 5, 6, 7, 1])?;
    Ok(CheckVerdict::Held)
}

/// A redrive and a purge take what a list of the same request shows, and nothing else.
pub async fn dead_rows_are_redriven_and_purged_as_they_are_listed(subject: &dyn StoreSubject) -> Outcome {
    for case in 0..cases(&[Timestamp::EPOCH; 7]).len() {
        for redrives in [true, false] {
            let store = subject.fresh().await;
            let moments = seven_dead(subject, &*store).await?;
            let (asked, request, expected) = cases(&moments).swap_remove(case);
            let mut taken =
                numbers(if redrives { store.redrive(&request).await? } else { store.purge_dead(&request).await? });
            taken.sort_unstable();
            let verb = if redrives { "redrive" } else { "purge" };
            expect_eq(&format!("a {verb} of dead rows takes what is asked for: {asked}"), &taken, &expected)?;
            let left: Vec<u64> = (1..=7).filter(|number| !expected.contains(number)).collect();
            let dead = store.dead_rows(&DeadRowRequest::new(9)).await?;
            expect_eq(&format!("a {verb} of dead rows leaves the others: {asked}"), listed(&dead), left)?;
        }
    }
    Ok(CheckVerdict::Held)
}
