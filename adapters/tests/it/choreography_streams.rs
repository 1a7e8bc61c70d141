//! Event-sourced aggregates at both ends of a choreography: commands are decided on their streams, and what a rejected one
//! stood for is undone on the stream that it followed from.

use std::time::Duration;

use seaworthy_core::{
    aggregate::{Cause, DomainEvent},
    choreography::{
        Command, Destination, Destinations, Domain, FollowUp, Rejection, RejectionReason, Router,
        SourcedCommandHandlers, SourcedRejectionHandlers, TranslateError, Translator,
    },
    events::{Ledger, Sourced},
    inbox::{Consumer, ConsumerConfig},
    message::Message,
    outbox::Relay,
    ports::{Ports, SubscriptionSpec},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::support::{World, on_each_store};

struct Wallets;

impl Domain for Wallets {
    const NAME: &'static str = "wallet";
    const EVENTS: &'static [&'static str] = &["wallet.taken"];
    const COMMANDS: &'static [&'static str] = &["give"];
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Wallet {
    chips: u64,
    is_closed: bool,
}

/// Chips that leave a wallet for another, in parts.
#[derive(Clone, Serialize, Deserialize)]
struct Transfer {
    to: String,
    parts: Vec<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "event")]
enum Event {
    Taken(Transfer),
    Given { chips: u64 },
    Returned { chips: u64 },
    Closed,
}

impl DomainEvent for Event {
    const NAMES: &'static [&'static str] = &["taken", "given", "returned", "closed"];

    fn name(&self) -> &'static str {
        match self {
            Self::Taken(_) => "taken",
            Self::Given { .. } => "given",
            Self::Returned { .. } => "returned",
            Self::Closed => "closed",
        }
    }
}

enum Order {
    Take(Transfer),
    Give(u64),
    Return(u64),
    Close,
}

impl Sourced for Wallet {
    const NAME: &'static str = "wallet";
    type Event = Event;
    type Command = Order;
    type Refusal = &'static str;

    fn decide(&self, order: &Order) -> Result<Vec<Event>, &'static str> {
        match order {
            Order::Give(0) => Err("nothing is given"),
            Order::Give(chips) => Ok(vec![Event::Given { chips: *chips }]),
            Order::Take(transfer) if transfer.parts.iter().sum::<u64>() > self.chips => Err("not enough"),
            Order::Take(transfer) => Ok(vec![Event::Taken(transfer.clone())]),
            Order::Return(chips) => Ok(vec![Event::Returned { chips: *chips }]),
            Order::Close => Ok(vec![Event::Closed]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Taken(transfer) => self.chips -= transfer.parts.iter().sum::<u64>(),
            Event::Given { chips } | Event::Returned { chips } => self.chips += chips,
            Event::Closed => self.is_closed = true,
        }
    }
}

fn wallets(ports: &Ports) -> Ledger<Wallet> {
    let wallets = Ledger::new(Wallets::NAME, ports.clock.clone(), ports.random.clone());
    wallets.publish(&["taken"]).expect("an event")
}

/// Each part goes to a wallet as it is.
struct PassOn;

impl Translator for PassOn {
    type Event = Transfer;

    fn prepare(&self, transfer: &Transfer) -> Vec<Destination> {
        vec![Destination::new::<Wallets>(&*transfer.to)]
    }

    fn handle(&self, transfer: &Transfer, wallets: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let seen = wallets.version(&Destination::new::<Wallets>(&*transfer.to))?;
        let give = |part| Ok(Command::new::<Wallets>("give", &*transfer.to, part)?.exact(seen));
        transfer.parts.iter().map(give).collect()
    }
}

fn open(world: &World) {
    let ports = &world.ports;
    let router = Router::builder("wallet-to-wallet").source::<Wallets>().states(wallets(ports));
    let router = router.on("wallet.taken", PassOn).build().expect("one event");
    let commands = SourcedCommandHandlers::builder::<Wallets>(ports, wallets(ports)).on("give", Order::Give);
    let commands = commands.ended_when(|wallet| wallet.is_closed).build().expect("one command");
    let rejections = SourcedRejectionHandlers::builder::<Wallets>(ports, wallets(ports))
        .on("give", |rejection| Ok((Order::Return(rejection.command()?), FollowUp::none())));
    let rejections = rejections.build().expect("one command");
    let declare = |group: &str, topics: Vec<SmolStr>| {
        world.broker.behind().declare(&SubscriptionSpec { group: group.into(), topics });
    };
    declare(router.name(), router.topics().to_vec());
    ports.spawn("relay", Relay::new(ports).run());
    ports.spawn("router", router.consumer(ports).run());
    for (name, handlers, topic) in [
        ("wallets", commands, Wallets::commands_topic()),
        ("wallet-rejections", rejections, Wallets::rejections_topic()),
    ] {
        declare(name, vec![topic.clone()]);
        ports.spawn(name, Consumer::new(ports, name, handlers, ConsumerConfig::new([topic])).run());
    }
}

async fn order(world: &World, wallet: &str, order: Order) {
    let done = wallets(&world.ports).execute(&*world.ports.store, wallet, &order, Cause::New).await;
    assert!(done.is_ok(), "{wallet}");
    world.pass(Duration::from_secs(20)).await;
}

fn take(to: &str, parts: &[u64]) -> Order {
    Order::Take(Transfer { to: to.into(), parts: parts.to_vec() })
}

async fn chips<const N: usize>(world: &World, names: [&str; N]) -> [u64; N] {
    let mut tx = world.ports.store.begin().await.expect("up");
    let mut found = [0; N];
    for (name, chips) in names.iter().zip(&mut found) {
        *chips = wallets(&world.ports).load(&mut *tx, name).await.expect("a stream").state.chips;
    }
    found
}

fn reasons(world: &World) -> Vec<RejectionReason> {
    let reason = |message: &Message| message.json::<Rejection>().expect("a rejection").reason;
    let rejected = world.broker.accepted().into_iter().map(|(_, message)| message);
    rejected.filter(|message| message.kind == "command.rejected").map(|message| reason(&message)).collect()
}

#[test]
fn commands_are_decided_on_streams_and_what_is_rejected_is_undone_on_the_stream_of_its_source() {
    on_each_store(async |world| {
        open(world);
        order(world, "ann", Order::Give(100)).await;
        order(world, "eve", Order::Close).await;
        order(world, "ann", take("bob", &[10, 5])).await;
        assert_eq!(chips(world, ["ann", "bob"]).await, [85, 15], "of bob nothing had happened");
        order(world, "ann", take("bob", &[7])).await;
        assert_eq!((chips(world, ["ann", "bob"]).await, reasons(world)), ([78, 22], vec![]), "at his version");
        order(world, "ann", take("bob", &[0, 8])).await;
        assert_eq!(chips(world, ["ann", "bob"]).await, [70, 30], "what one part is refused for holds up no other");
        assert_eq!(reasons(world), [RejectionReason::Refused("nothing is given".into())]);
        order(world, "ann", take("eve", &[20])).await;
        assert_eq!(chips(world, ["ann", "eve"]).await, [70, 0], "late, and returned");
        assert_eq!(reasons(world)[1..], [RejectionReason::Ended]);
    });
}
