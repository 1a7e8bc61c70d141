//! Event-sourced aggregates at both ends of a choreography: commands are decided on what their streams hold, and what a rejected one
//! stood for is undone on the stream that it followed from.

use std::time::Duration;

use seaworthy_core::{
    aggregate::{Cause, DomainEvent},
    choreography::{
        Command, Destination, Destinations, Domain, FollowUp, RegistrationError, Rejection, RejectionReason, Router,
        SourcedCommandHandlers, SourcedRejectionHandlers, TranslateError, Translator, rejected_letters,
    },
    events::{Ledger, Sourced},
    inbox::{Consumer, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{DeadLetterRequest, Ports, SubscriptionSpec, Timestamp},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::{World, on_each_store};

const SECOND: Duration = Duration::from_secs(1);

struct Wallets;

impl Domain for Wallets {
    const NAME: &'static str = "wallets";
    const EVENTS: &'static [&'static str] =
        &["wallet.reserved", "wallet.released", "wallet.credited", "wallet.closed", "wallet.taken"];
    const COMMANDS: &'static [&'static str] = &["credit", "close", "give"];
}

struct Tables;

impl Domain for Tables {
    const NAME: &'static str = "tables";
    const EVENTS: &'static [&'static str] = &["paid_out"];
    const COMMANDS: &'static [&'static str] = &["seat"];
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Wallet {
    chips: i64,
    reserved: Vec<(String, i64)>,
    closed: bool,
}

/// Chips that leave a wallet for another, in parts.
#[derive(Clone, Serialize, Deserialize)]
struct Transfer {
    to: String,
    parts: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
enum Event {
    Reserved(String, i64),
    Released(String, i64),
    Credited(i64),
    Closed,
    Taken(Transfer),
}

impl DomainEvent for Event {
    const NAMES: &'static [&'static str] = &["reserved", "released", "credited", "closed", "taken"];

    fn name(&self) -> &'static str {
        match self {
            Self::Reserved(..) => "reserved",
            Self::Released(..) => "released",
            Self::Credited(_) => "credited",
            Self::Closed => "closed",
            Self::Taken(_) => "taken",
        }
    }
}

enum Ask {
    Reserve(String, i64),
    Release(String),
    Credit(i64),
    Close,
    Take(Transfer),
    Give(i64),
    Return(i64),
}

impl Sourced for Wallet {
    const NAME: &'static str = "wallet";
    type Event = Event;
    type Command = Ask;
    type Refusal = &'static str;

    fn decide(&self, command: &Ask) -> Result<Vec<Event>, &'static str> {
        match command {
            Ask::Reserve(join, chips) => Ok(vec![Event::Reserved(join.clone(), *chips)]),
            Ask::Release(join) => match self.reserved.iter().find(|(known, _)| known == join) {
                Some((_, chips)) => Ok(vec![Event::Released(join.clone(), *chips)]),
                None => Err("no such join"),
            },
            Ask::Credit(0) => Ok(Vec::new()),
            Ask::Credit(chips) if *chips > 1_000 => Err("too much"),
            Ask::Credit(chips) => Ok(vec![Event::Credited(*chips)]),
            Ask::Close => Ok(vec![Event::Closed]),
            Ask::Take(transfer) if transfer.parts.iter().sum::<i64>() > self.chips => Err("not enough"),
            Ask::Take(transfer) => Ok(vec![Event::Taken(transfer.clone())]),
            Ask::Give(0) => Err("nothing is given"),
            Ask::Give(chips) | Ask::Return(chips) => Ok(vec![Event::Credited(*chips)]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Reserved(join, chips) => {
                self.chips -= chips;
                self.reserved.push((join.clone(), *chips));
            }
            Event::Released(join, chips) => {
                self.chips += chips;
                self.reserved.retain(|(known, _)| known != join);
            }
            Event::Credited(chips) => self.chips += chips,
            Event::Closed => self.closed = true,
            Event::Taken(transfer) => self.chips -= transfer.parts.iter().sum::<i64>(),
        }
    }
}

/// Payouts of a table: players with chips.
#[derive(Serialize, Deserialize)]
struct PaidOut(Vec<(String, i64)>);

struct PayOut;

impl Translator for PayOut {
    type Event = PaidOut;

    fn prepare(&self, paid: &PaidOut) -> Vec<Destination> {
        paid.0.iter().map(|(player, _)| Destination::new::<Wallets>(&**player)).collect()
    }

    fn handle(&self, paid: &PaidOut, wallets: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let credit = |(player, chips): &(String, i64)| {
            let wallet = Destination::new::<Wallets>(&**player);
            // State and version are of one moment.
            if let Some(state) = wallets.decode::<Wallet>(&wallet)? {
                assert_eq!(state.chips, 10 * i64::try_from(wallets.version(&wallet)?).expect("few"));
            }
            Ok(Command::new::<Wallets>("credit", wallet.id.clone(), chips)?.exact(wallets.version(&wallet)?))
        };
        paid.0.iter().map(credit).collect()
    }
}

/// Each part goes to a wallet as it is.
struct PassOn;

impl Translator for PassOn {
    type Event = Event;

    fn prepare(&self, taken: &Event) -> Vec<Destination> {
        let Event::Taken(transfer) = taken else { return Vec::new() };
        vec![Destination::new::<Wallets>(&*transfer.to)]
    }

    fn handle(&self, taken: &Event, wallets: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let Event::Taken(transfer) = taken else { return Ok(Vec::new()) };
        let seen = wallets.version(&Destination::new::<Wallets>(&*transfer.to))?;
        let give = |part| Ok(Command::new::<Wallets>("give", &*transfer.to, part)?.exact(seen));
        transfer.parts.iter().map(give).collect()
    }
}

fn ledger(ports: &Ports) -> Ledger<Wallet> {
    Ledger::new("wallets", ports.clock.clone(), ports.random.clone()).publish_all()
}

fn router(ports: &Ports) -> Router {
    Router::builder("payer").source::<Tables>().on("paid_out", PayOut).states(ledger(ports)).build().expect("one event")
}

fn passing_on(ports: &Ports) -> Router {
    let router = Router::builder("wallet-to-wallet").source::<Wallets>().states(ledger(ports));
    router.on("wallet.taken", PassOn).build().expect("one event")
}

fn commands(ports: &Ports) -> Handlers {
    let commands = SourcedCommandHandlers::builder::<Wallets>(ports, ledger(ports));
    let commands = commands.on("credit", Ask::Credit).on("close", |(): ()| Ask::Close).on("give", Ask::Give);
    commands.ended_when(|wallet| wallet.closed).build().expect("three commands")
}

fn rejections(ports: &Ports) -> Handlers {
    let release = |rejection: &Rejection| Ok((Ask::Release(rejection.command()?), FollowUp::none().dead_letter()));
    let back = |rejection: &Rejection| Ok((Ask::Return(rejection.command()?), FollowUp::none()));
    let rejections = SourcedRejectionHandlers::builder::<Wallets>(ports, ledger(ports)).on("seat", release);
    rejections.on("give", back).build().expect("two commands")
}

/// Everything at once, and ears for what nobody here handles.
fn open(world: &World) {
    let ports = &world.ports;
    ports.spawn("relay", Relay::new(ports).run());
    let (payer, passing_on) = (router(ports), passing_on(ports));
    for (name, topics, handlers) in [
        ("payer", payer.topics().to_vec(), payer.handlers(ports.clock.clone())),
        ("wallet-to-wallet", passing_on.topics().to_vec(), passing_on.handlers(ports.clock.clone())),
        ("commands", vec!["wallets.commands".into()], commands(ports)),
        ("rejections", vec!["wallets.rejections".into()], rejections(ports)),
    ] {
        world.broker.behind().declare(&SubscriptionSpec { group: name.into(), topics: topics.clone() });
        let config = seaworthy_core::inbox::ConsumerConfig::new(topics);
        ports.spawn(name, Consumer::new(ports, name, handlers, config).run());
    }
}

/// A command that somebody sends by hand, who wants to hear of a rejection.
fn command(number: u128, kind: &str, payload: &impl Serialize, expected: Option<u64>) -> Message {
    let mut built = MessageBuilder::new("desk", kind, "ann").topic("wallets.commands").json(payload).expect("a form");
    if let Some(version) = expected {
        built = built.header("commandexpected", version.to_string()).expect("a header");
    }
    let built = built.header("commandrejections", "tables.rejections").expect("a header");
    built.derive(Uuid::from_u128(number), &[], Timestamp::EPOCH)
}

async fn ask(world: &World, player: &str, command: Ask) {
    ledger(&world.ports).execute(&*world.ports.store, player, &command, Cause::New).await.expect("it does not refuse");
}

async fn wallet(world: &World, player: &str) -> (Wallet, u64) {
    let mut tx = world.ports.store.begin().await.expect("a store that is up");
    let loaded = ledger(&world.ports).load(&mut *tx, player).await.expect("its own events");
    (loaded.state, loaded.version)
}

fn reasons(world: &World) -> Vec<RejectionReason> {
    let reason = |message: &Message| message.json::<Rejection>().expect("a rejection").reason;
    world.sent("command.rejected").iter().map(reason).collect()
}

#[test]
fn a_command_is_decided_at_the_version_of_its_stream_and_otherwise_the_source_hears_why_not() {
    on_each_store(async |world| {
        open(world);
        let stale = |expected, version| RejectionReason::Stale { expected, version };
        let refused = RejectionReason::Refused("too much".into());
        for (number, kind, payload, expected, version, rejected) in [
            (1, "credit", 5, Some(1), 0, Some(stale(1, 0))),
            (2, "credit", 5, Some(0), 1, None),
            (3, "credit", 6, Some(0), 1, Some(stale(0, 1))),
            (4, "credit", 7, None, 2, None),
            // It was done before, so nothing happens and nobody hears.
            (5, "credit", 0, None, 2, None),
            (6, "credit", 2_000, None, 2, Some(refused)),
        ] {
            let before = reasons(world);
            world.stage([command(number, kind, &payload, expected)]).await;
            world.pass(5 * SECOND).await;
            assert_eq!(wallet(world, "ann").await.1, version, "{number}");
            let new: Vec<_> = reasons(world).into_iter().filter(|reason| !before.contains(reason)).collect();
            assert_eq!(new, Vec::from_iter(rejected), "{number}");
        }
        assert_eq!(wallet(world, "ann").await.0.chips, 12);
        world.stage([command(7, "close", &(), None), command(8, "credit", &1, None)]).await;
        world.pass(5 * SECOND).await;
        assert!(reasons(world).contains(&RejectionReason::Ended), "{:?}", reasons(world));
        assert_eq!(wallet(world, "ann").await.1, 3);
    });
}

#[test]
fn two_payouts_for_one_stream_are_paid_one_after_the_other_and_one_that_is_stale_is_paid_alone() {
    on_each_store(async |world| {
        for player in ["ann", "bob"] {
            ask(world, player, Ask::Credit(10)).await;
        }
        open(world);
        let paid = PaidOut(["ann", "ann", "bob", "new"].map(|player| (player.to_owned(), 10)).to_vec());
        let event = MessageBuilder::new("tables", "paid_out", "t-1").json(&paid).expect("a form");
        // Somebody is faster at one of the wallets: its payout is stale, and is decided once more.
        let mut is_first = true;
        let (store, wallets) = (world.ports.store.clone(), ledger(&world.ports));
        let handle = tokio::runtime::Handle::current();
        world.broker.says(move |message, _| {
            if message.kind == "credit" && message.subject == "bob" && std::mem::take(&mut is_first) {
                let (store, wallets) = (store.clone(), wallets.clone());
                handle.spawn(async move {
                    wallets.execute(&*store, "bob", &Ask::Credit(10), Cause::New).await.expect("it does not refuse");
                });
                return Err(seaworthy_core::ports::PublishError::Unavailable("slow".into()));
            }
            Ok(())
        });
        world.stage([event.derive(Uuid::from_u128(9), &[], Timestamp::EPOCH)]).await;
        world.pass(60 * SECOND).await;
        for (player, version) in [("ann", 3), ("bob", 3), ("new", 1)] {
            let (wallet, now) = wallet(world, player).await;
            assert_eq!((wallet.chips, now), (10 * version, version as u64), "{player}");
        }
        assert_eq!((world.sent("command.stale").len(), world.sent("credit").len()), (1, 5));
        assert!(reasons(world).is_empty());
    });
}

#[test]
fn commands_are_decided_on_streams_and_what_is_rejected_is_undone_on_the_stream_of_its_source() {
    on_each_store(async |world| {
        open(world);
        let order = async |player: &str, command: Ask| {
            ask(world, player, command).await;
            world.pass(20 * SECOND).await;
        };
        let take = |to: &str, parts: &[i64]| Ask::Take(Transfer { to: to.into(), parts: parts.to_vec() });
        let chips = async |player: &str| wallet(world, player).await.0.chips;
        order("ann", Ask::Give(100)).await;
        order("eve", Ask::Close).await;
        order("ann", take("bob", &[10, 5])).await;
        assert_eq!((chips("ann").await, chips("bob").await), (85, 15), "of bob nothing had happened");
        order("ann", take("bob", &[7])).await;
        assert_eq!((chips("ann").await, chips("bob").await, reasons(world)), (78, 22, vec![]), "at his version");
        order("ann", take("bob", &[0, 8])).await;
        let both = (chips("ann").await, chips("bob").await);
        assert_eq!(both, (70, 30), "what one part is refused for holds up no other");
        assert_eq!(reasons(world), [RejectionReason::Refused("nothing is given".into())]);
        order("ann", take("eve", &[20])).await;
        assert_eq!((chips("ann").await, chips("eve").await), (70, 0), "late, and returned");
        let [_, _] = &reasons(world)[..] else { panic!("{:?}", reasons(world)) };
        assert!(reasons(world).contains(&RejectionReason::Ended), "{:?}", reasons(world));
    });
}

/// The event that a join was, and the command that followed from it, as it comes back.
fn rejected(number: u128, player: &str, join: &str) -> Message {
    let event = MessageBuilder::new("wallets", "wallet.reserved", player).json(&(join, 1)).expect("a form");
    let event = event.derive(Uuid::from_u128(number), &["event"], Timestamp::EPOCH);
    let seats =
        Router::builder("seats").source::<Wallets>().translate("wallet.reserved", |(join, _): &(String, i64)| {
            Ok(vec![Command::new::<Tables>("seat", "t-1", join)?])
        });
    let seats = seats.build().expect("one event");
    let commands = seats.handle(&event, &Destinations::none()).expect("one command");
    let command = seats.split(&event, commands, Timestamp::EPOCH).expect("one message").remove(0);
    let rejection = Rejection { command, reason: RejectionReason::Refused("table_full".into()) };
    let built = MessageBuilder::new("tables", "command.rejected", player).topic("wallets.rejections");
    built.json(&rejection).expect("a form").derive(Uuid::from_u128(number), &["rejected"], Timestamp::EPOCH)
}

#[test]
fn a_rejected_command_is_undone_by_the_command_that_names_it_once_and_a_refusal_is_a_dead_letter() {
    on_each_store(async |world| {
        ask(world, "ann", Ask::Reserve("j-1".into(), 30)).await;
        ask(world, "ann", Ask::Reserve("j-2".into(), 50)).await;
        open(world);
        world.stage([rejected(1, "ann", "j-1"), rejected(2, "ann", "j-9")]).await;
        world.pass(30 * SECOND).await;
        let (ann, version) = wallet(world, "ann").await;
        assert_eq!((ann.chips, ann.reserved, version), (-50, vec![("j-2".to_owned(), 50)], 3));
        let letters = async |consumer: &str| {
            let request = DeadLetterRequest::new(consumer, 10);
            let letters = world.ports.store.dead_letters(&request).await.expect("a store that is up");
            letters.into_iter().map(|letter| letter.reason.to_string()).collect::<Vec<_>>()
        };
        // What the source wants besides is done with what it undoes, and not without.
        assert_eq!(letters(&rejected_letters::<Wallets>()).await, ["refused: \"table_full\""]);
        let refused = letters("rejections").await;
        assert!(refused.len() == 1 && refused[0].contains("no such join"), "{refused:?}");
    });
}

#[test]
fn forms_that_are_unknown_or_registered_twice_are_errors_of_the_build() {
    on_each_store(async |world| {
        let ports = &world.ports;
        let unknown = SourcedCommandHandlers::builder::<Wallets>(ports, ledger(ports)).on("debit", Ask::Credit).build();
        let expected = RegistrationError::Unknown { domain: "wallets".into(), kind: "debit".into() };
        assert_eq!(unknown.err(), Some(expected));
        let twice = SourcedCommandHandlers::builder::<Wallets>(ports, ledger(ports));
        let twice = twice.on("credit", Ask::Credit).on("credit", Ask::Credit).build();
        assert_eq!(twice.err(), Some(RegistrationError::Twice("credit".into())));
        let nothing = |_: &Rejection| Err(HandlerError::Refused("nothing".into()));
        let twice = SourcedRejectionHandlers::builder::<Wallets>(ports, ledger(ports));
        let twice = twice.on("seat", nothing).on("seat", nothing).build();
        assert_eq!(twice.err(), Some(RegistrationError::Twice("seat".into())));
    });
}
