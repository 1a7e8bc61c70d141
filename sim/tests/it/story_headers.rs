//! Headers in a story: short ones as they are, long ones cut, and an event that a command takes along by its name.

use seaworthy_core::{
    choreography::{CARRIED_EVENT, Command, Destinations, Domain, Router},
    message::{Message, MessageBuilder},
    ports::Timestamp,
};
use seaworthy_sim::trace::{
    Outcome,
    script::{Script, staged},
};
use uuid::Uuid;

use crate::story_lineage::{has, rows, story};

struct Heroes;

impl Domain for Heroes {
    const NAME: &'static str = "heroes";
    const EVENTS: &'static [&'static str] = &["hero.killed_dragon"];
    const COMMANDS: &'static [&'static str] = &["drop_item"];
}

/// An event, and the command that followed from it.
fn killed_and_dropped() -> [Message; 2] {
    let killed = MessageBuilder::new("heroes", "hero.killed_dragon", "siegfried").topic("heroes").json("fafnir");
    let killed = killed.expect("a text").derive(Uuid::from_u128(1), &[], Timestamp::EPOCH);
    let router = Router::builder("items")
        .source::<Heroes>()
        .translate("hero.killed_dragon", |_: &String| Ok(vec![Command::new::<Heroes>("drop_item", "siegfried", &17)?]));
    let router = router.build().expect("one event");
    let commands = router.handle(&killed, &Destinations::none()).expect("one command");
    let dropped = router.split(&killed, commands, Timestamp::EPOCH).expect("one message").remove(0);
    [killed, dropped]
}

fn with_header(number: u128, name: &str, value: &str) -> Message {
    let message = MessageBuilder::new("front", "order.placed", "order-1").topic("orders").header(name, value);
    message.expect("a header").derive(Uuid::from_u128(number), &[], Timestamp::EPOCH)
}

/// Some kilobytes of base64 would be all that is seen of a row.
#[test]
fn an_event_that_a_command_takes_along_is_named_and_not_printed() {
    let [killed, dropped] = killed_and_dropped();
    let carried = dropped.headers.get(CARRIED_EVENT).expect("it takes it along").to_owned();
    assert!(carried.len() > 200, "it is long: {}", carried.len());
    let mut script = Script::new();
    let heroes = script.process("heroes-1");
    script.commit(heroes, "heroes", Outcome::Done, [staged(&killed)]);
    let sent = script.commit(heroes, "heroes", Outcome::Done, [staged(&dropped)]);
    script.publish(heroes, &dropped, Outcome::Done);
    script.rest();
    let story = story(&script, "siegfried", &[sent]);
    let told: Vec<_> = rows(&story).into_iter().filter(|row| row.contains("drop_item")).collect();
    assert_eq!(told.len(), 2, "{story}");
    for row in told {
        assert!(row.contains("m2 drop_item of siegfried"), "{row}");
        assert!(row.contains("commandevent=m1"), "{row}");
        assert!(!row.contains(&carried[..20]), "{row}");
    }
}

#[test]
fn a_header_that_is_long_is_cut_and_says_how_long_it_is() {
    let fits = "x".repeat(60);
    let long = format!("{fits}€{}", "y".repeat(100));
    let mut script = Script::new();
    let front = script.process("front-1");
    script.commit(front, "orders", Outcome::Done, [staged(&with_header(1, "note", &fits))]);
    script.commit(front, "orders", Outcome::Done, [staged(&with_header(2, "note", &long))]);
    // It claims to take an event along, and nobody can read it.
    let sent = script.commit(front, "orders", Outcome::Done, [staged(&with_header(3, CARRIED_EVENT, &long))]);
    script.rest();
    let story = story(&script, "order-1", &[sent]);
    has(&story, &format!("m1 order.placed of order-1 with note={fits}"));
    has(&story, &format!("m2 order.placed of order-1 with note={fits}... (163 bytes)"));
    has(&story, &format!("m3 order.placed of order-1 with commandevent={fits}... (163 bytes)"));
}
