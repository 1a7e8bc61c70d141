//! What is said again and again takes few rows of a story, and crowds nothing out.

use seaworthy_core::ports::Operation;
use seaworthy_sim::{
    plan::FaultKind,
    story::{Pointers, tell},
    trace::{
        Outcome, SettledAs, TxId, What,
        script::{self, Script, handled, staged},
    },
};

use crate::{
    story_failure::{crash, plan, report},
    story_lineage::{Finds, has, has_not, rows, story},
};

fn ask(script: &mut Script, process: seaworthy_sim::trace::ProcessIndex) -> u64 {
    script.event(process, What::Request { request: 4, operation: "pay".into() })
}

/// A request that is asked forty times, since the process that took it first died of a fault with a transaction open.
fn asked_again_and_again() -> (Script, u64) {
    let mut script = Script::new();
    let (one, two) = (script.process("orders-1"), script.process("orders-2"));
    ask(&mut script, one);
    script.commit(one, "orders", Outcome::Done, [script::created(1, "checkout", "order-1")]);
    script.fault(one, FaultKind::CrashAfter, Operation::Commit);
    script.commit(one, "orders", Outcome::DoneUnheard, [script::created(2, "payment", "order-1")]);
    script.crash(one);
    script.boot(one);
    let mut last = 0;
    for round in 0..40 {
        last = ask(script.after_ms(2_000), if round % 3 == 0 { one } else { two });
    }
    script.rest();
    (script, last)
}

#[test]
fn a_request_that_is_asked_forty_times_is_two_rows_which_say_how_often_and_until_when() {
    let (script, last) = asked_again_and_again();
    let story = story(&script, "nobody", &[last]);
    let asked: Vec<&str> = rows(&story).into_iter().filter(|row| row.contains("request 4: pay")).collect();
    assert_eq!(asked.len(), 2, "{story}");
    assert!(asked[0].contains("request 4: pay (there and elsewhere, 39 times more, until 7"), "{story}");
    assert!(asked[1].starts_with('>'), "the last one shows it: {story}");
    for words in
        ["creates s1 checkout of order-1", "fault 0 strikes at commit", "creates s2 payment", "crashes", "boots"]
    {
        has(&story, words);
    }
}

#[test]
fn a_story_as_json_says_how_often_in_numbers_and_is_read_again() {
    let (script, last) = asked_again_and_again();
    let finds = Finds { entity: "nobody", events: vec![last] };
    let story = tell(&plan(vec![crash()]), &report(&script, vec![Box::new(finds)], Vec::new()), Pointers::default());
    let again = story.diagram.iter().flat_map(|diagram| &diagram.rows).find_map(|row| row.after);
    assert_eq!(again.expect("a row stands for others").times, 39);
    assert_eq!(seaworthy_sim::story::Story::from_json(&story.json()).expect("it reads what it writes"), story);
}

#[test]
fn a_row_that_fails_again_and_again_leaves_room_for_how_it_came_about() {
    let message = script::message(1, "orders", "order-1");
    let mut script = Script::new();
    let (orders, relay) = (script.process("orders-1"), script.process("relay-1"));
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    for round in 0..30 {
        script.claim(relay, "orders", round, &[&message], Outcome::Done);
        script.publish(relay, &message, Outcome::Unavailable);
        script.settle(relay, "orders", round, &[&message], (SettledAs::Release, true), Outcome::Done);
    }
    let last = script.claim(relay, "orders", 30, &[&message], Outcome::Done);
    script.rest();
    let story = story(&script, "order-1", &[last]);
    has(&story, "stages m1");
    has(&story, "= unavailable (28 times more");
    assert!(rows(&story).len() <= 12, "{story}");
}

#[test]
fn what_is_said_three_times_is_told_three_times() {
    let mut script = Script::new();
    let one = script.process("orders-1");
    let last = [(); 3].map(|()| ask(&mut script, one))[2];
    script.rest();
    let story = story(&script, "nobody", &[last]);
    assert_eq!(rows(&story).iter().filter(|row| row.contains("request 4: pay")).count(), 3, "{story}");
    has_not(&story, "times more");
}

#[test]
fn of_two_messages_about_one_thing_the_order_in_which_they_were_handled_is_told() {
    let (reserve, release) = (script::message(1, "seats", "seat-1"), script::message(2, "payments", "seat-1"));
    let mut script = Script::new();
    let (front, payments) = (script.process("front-1"), script.process("payments-1"));
    let (one, two) = (script.process("seats-1"), script.process("seats-2"));
    script.commit(front, "front", Outcome::Done, [staged(&reserve)]);
    script.commit(payments, "payments", Outcome::Done, [staged(&release)]);
    script.deliver(two, "seats", &release);
    script.commit(two, "seats", Outcome::Done, [handled("seats", &release)]);
    script.deliver(one, "seats", &reserve);
    let held = script.commit(one, "seats", Outcome::Done, [handled("seats", &reserve)]);
    script.rest();
    let story = story(&script, "nobody", &[held]);
    has(&story, "seats handles m2");
    has(&story, "deliver m2 to seats");
}

#[test]
fn a_read_that_another_commit_overtook_is_told_with_its_own_commit() {
    let (reserve, release) = (script::message(1, "seats", "seat-1"), script::message(2, "payments", "seat-1"));
    let mut script = Script::new();
    let (one, two) = (script.process("seats-1"), script.process("seats-2"));
    script.commit(one, "front", Outcome::Done, [staged(&reserve), staged(&release)]);
    script.deliver(two, "seats", &release);
    script.deliver(one, "seats", &reserve);
    // The script numbers its transactions by commits.
    let looks =
        |tx, on: &str| What::Statement { tx: TxId(tx), point: Operation::Get, on: on.into(), outcome: Outcome::Done };
    for tx in [3, 2] {
        script.event(two, What::Begin { tx: TxId(tx), outcome: Outcome::Done });
    }
    script.event(two, looks(3, "seats"));
    script.event(one, looks(2, "reservations"));
    let held = script.commit(one, "seats", Outcome::Done, [handled("seats", &reserve)]);
    script.commit(two, "seats", Outcome::Done, [handled("seats", &release)]);
    script.rest();
    let story = story(&script, "nobody", &[held]);
    has(&story, "begin t3");
    has(&story, "t3 get seats");
    has_not(&story, "begin t2");
    has_not(&story, "get reservations");
}
