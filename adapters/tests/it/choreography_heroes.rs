//! The smallest choreography, an example of many guides: a hero who kills a dragon gets an ancient item.

use std::time::Duration;

use seaworthy_core::{
    choreography::{Command, Domain, Router},
    inbox::{Consumer, ConsumerConfig, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{DeadLetterRequest, Expected, Ports, SubscriptionSpec, Timestamp},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::{World, inbox::Scripted, on_each_store};

struct Heroes;

impl Domain for Heroes {
    const NAME: &'static str = "heroes";
    const EVENTS: &'static [&'static str] = &["hero.killed_dragon"];
    const COMMANDS: &'static [&'static str] = &["drop_ancient_item"];
}

#[derive(Serialize, Deserialize)]
struct KilledDragon {
    hero: String,
}

#[derive(Serialize, Deserialize)]
struct DropAncientItem {
    item: u32,
}

/// The saga: this event leads to that command.
fn ancient_items() -> Router {
    let router = Router::builder("ancient-items").source::<Heroes>();
    let router = router.translate("hero.killed_dragon", |event: &KilledDragon| {
        Ok(vec![Command::new::<Heroes>("drop_ancient_item", &*event.hero, &DropAncientItem { item: 17 })?])
    });
    router.build().expect("one translator of one event")
}

/// What does it: each hero once, and never for the cursed one, at whom it panics.
fn dropping() -> Scripted {
    Scripted::new(|tx, message| {
        Box::pin(async move {
            assert!(message.subject != "hero-7", "the seventh is cursed");
            let DropAncientItem { item } = message.json()?;
            let body = format!("{item}").into();
            tx.put("items", &message.subject, Expected::Absent, body).await?;
            Ok::<(), HandlerError>(())
        })
    })
}

fn killed(number: u128) -> Message {
    let hero = format!("hero-{number}");
    let event = MessageBuilder::new("heroes", "hero.killed_dragon", &*hero).topic("heroes");
    event.json(&KilledDragon { hero }).expect("JSON").derive(Uuid::from_u128(number), &[], Timestamp::EPOCH)
}

fn start(ports: &Ports, handler: &Scripted) {
    let handlers = Handlers::builder().on("drop_ancient_item", handler.clone()).build().expect("one handler");
    let items = Consumer::new(ports, "items", handlers, ConsumerConfig::new([Heroes::commands_topic()]));
    ports.spawn("relay", Relay::new(ports).run());
    ports.spawn("saga", ancient_items().consumer(ports).run());
    ports.spawn("items", items.run());
}

async fn items(world: &World) -> Vec<String> {
    let mut tx = world.ports.store.begin().await.expect("a store that is up");
    let found = tx.scan("items", None, 1_000).await.expect("a store that is up");
    found.into_iter().map(|(hero, _)| hero.to_string()).collect()
}

/// Events are there before anybody listens, and while the process is gone; one handler fails each time.
#[test]
fn seed_49_an_event_leads_to_a_command_also_after_a_restart_and_a_handler_that_panics_stops_no_other() {
    on_each_store(async |world| {
        let router = ancient_items();
        for (group, topics) in
            [(router.name().clone(), router.topics().to_vec()), ("items".into(), vec![Heroes::commands_topic()])]
        {
            world.broker.behind().declare(&SubscriptionSpec { group, topics });
        }
        world.stage((1..=10).map(killed)).await;
        let (first, handler) = (world.replica(2), dropping());
        start(&first, &handler);
        world.pass(Duration::from_millis(200)).await;
        // The first process ends with the failing one still to be tried, and with events that nobody has heard.
        first.stop.set();
        world.pass(Duration::from_secs(5)).await;
        world.stage((11..=20).map(killed)).await;
        world.pass(Duration::from_secs(5)).await;
        assert!(items(world).await.len() < 20, "nobody is there to do it");
        start(&world.replica(3), &handler);
        world.pass(Duration::from_secs(120)).await;
        let mut expected: Vec<String> =
            (1..=20).filter(|number| *number != 7).map(|number| format!("hero-{number}")).collect();
        expected.sort();
        assert_eq!(items(world).await, expected, "each of the others once, and it would conflict if it were twice");
        let letters =
            world.ports.store.dead_letters(&DeadLetterRequest::new("items", 10)).await.expect("a store that is up");
        let dead: Vec<_> = letters.iter().map(|letter| (&*letter.message.subject, &*letter.reason)).collect();
        assert_eq!(dead, [("hero-7", "panicked: the seventh is cursed")]);
        for group in ["ancient-items", "items"] {
            assert_eq!(world.broker.behind().unacknowledged(group), 0, "{group}");
        }
    });
}
