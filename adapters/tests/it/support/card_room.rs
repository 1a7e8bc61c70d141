//! A card room of three domains that answer each other: players join tables, tables are settled, hands are dealt. Each player
//! has a wallet; a join reserves chips there, a seat takes them to the table, and a settlement pays them out again.

mod room;

use std::collections::BTreeMap;

use seaworthy_core::{
    aggregate::{Aggregate, DomainEvent, MessageMap, Repository},
    choreography::{
        Command, CommandHandlers, Destination, Destinations, Domain, FollowUp, Rejection, RejectionHandlers, Router,
        TranslateError, Translator,
    },
    inbox::Handlers,
    ports::Ports,
};
use serde::{Deserialize, Serialize};

pub(crate) use room::{on_store, open, open_with, player, table};

pub(crate) struct Players;

impl Domain for Players {
    const NAME: &'static str = "player";
    const EVENTS: &'static [&'static str] = &["funds.reserved", "funds.released"];
    const COMMANDS: &'static [&'static str] = &["confirm.join", "credit.funds"];
}

pub(crate) struct Tables;

impl Domain for Tables {
    const NAME: &'static str = "table";
    const EVENTS: &'static [&'static str] = &["player.seated", "table.settled", "hand.started"];
    const COMMANDS: &'static [&'static str] = &["seat.player"];
}

pub(crate) struct Hands;

impl Domain for Hands {
    const NAME: &'static str = "hand";
    const EVENTS: &'static [&'static str] = &[];
    const COMMANDS: &'static [&'static str] = &["deal.cards"];
}

/// A player with a wallet, and the chips that are reserved for joins, by table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Player {
    pub(crate) id: String,
    pub(crate) chips: u64,
    pub(crate) joins: BTreeMap<String, u64>,
    pub(crate) barred: bool,
    pub(crate) credits: u32,
}

impl Player {
    pub(crate) fn join(&mut self, table: &str, buy_in: u64) {
        self.chips -= buy_in;
        self.joins.insert(table.to_owned(), buy_in);
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Funds {
    pub(crate) player: String,
    pub(crate) table: String,
    pub(crate) chips: u64,
}

pub(crate) enum PlayerEvent {
    Reserved(Funds),
    Released(Funds),
}

impl DomainEvent for PlayerEvent {
    const NAMES: &'static [&'static str] = &["reserved", "released"];

    fn name(&self) -> &'static str {
        match self {
            Self::Reserved(_) => "reserved",
            Self::Released(_) => "released",
        }
    }
}

impl Aggregate for Player {
    const NAME: &'static str = "player";
    type Event = PlayerEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<PlayerEvent> {
        let before = before?;
        let funds = |table: &String, chips: u64| Funds { player: after.id.clone(), table: table.clone(), chips };
        let joined = after.joins.iter().find(|(table, _)| !before.joins.contains_key(*table));
        let left = before.joins.iter().find(|(table, _)| !after.joins.contains_key(*table));
        match (joined, left) {
            (Some((table, chips)), _) => Some(PlayerEvent::Reserved(funds(table, *chips))),
            // Chips that came back to the wallet, and not those that went to the table.
            (None, Some((table, _))) if after.chips > before.chips => {
                Some(PlayerEvent::Released(funds(table, after.chips - before.chips)))
            }
            (None, _) => None,
        }
    }
}

/// A table with what each player has there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) seats: usize,
    pub(crate) seated: BTreeMap<String, u64>,
    pub(crate) payouts: Vec<(String, u64)>,
    /// Payouts that nobody would take.
    pub(crate) owed: u64,
    pub(crate) hands: u32,
    pub(crate) closed: bool,
}

impl Table {
    /// Ends the game: what is on the table is paid out.
    pub(crate) fn settle(&mut self, payouts: &[(String, u64)]) {
        self.seated.clear();
        self.payouts = payouts.to_vec();
        self.closed = true;
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) table: String,
    pub(crate) payouts: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandStarted {
    pub(crate) hand: String,
    pub(crate) players: Vec<String>,
}

pub(crate) enum TableEvent {
    Seated(Funds),
    Settled(Settled),
    Started(HandStarted),
}

impl DomainEvent for TableEvent {
    const NAMES: &'static [&'static str] = &["seated", "settled", "started"];

    fn name(&self) -> &'static str {
        match self {
            Self::Seated(_) => "seated",
            Self::Settled(_) => "settled",
            Self::Started(_) => "started",
        }
    }
}

impl Aggregate for Table {
    const NAME: &'static str = "table";
    type Event = TableEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<TableEvent> {
        let before = before?;
        if before.payouts != after.payouts {
            return Some(TableEvent::Settled(Settled { table: after.id.clone(), payouts: after.payouts.clone() }));
        }
        if before.hands != after.hands {
            let players = after.seated.keys().cloned().collect();
            return Some(TableEvent::Started(HandStarted { hand: format!("{}-{}", after.id, after.hands), players }));
        }
        let (player, chips) = after.seated.iter().find(|(player, _)| !before.seated.contains_key(*player))?;
        Some(TableEvent::Seated(Funds { player: player.clone(), table: after.id.clone(), chips: *chips }))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hand {
    pub(crate) id: String,
    pub(crate) players: Vec<String>,
}

pub(crate) struct Nothing;

impl DomainEvent for Nothing {
    const NAMES: &'static [&'static str] = &[];

    fn name(&self) -> &'static str {
        "nothing"
    }
}

impl Aggregate for Hand {
    const NAME: &'static str = "hand";
    type Event = Nothing;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(_: Option<&Self>, _: &Self) -> Option<Nothing> {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoSeat {
    TableFull,
    SeatedAlready,
}

/// Reserved funds become a request for a seat, decided on the table as it is.
pub(crate) struct AskForSeat;

impl Translator for AskForSeat {
    type Event = Funds;

    fn prepare(&self, funds: &Funds) -> Vec<Destination> {
        vec![Destination::new::<Tables>(&*funds.table)]
    }

    fn handle(&self, funds: &Funds, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let seen = destinations.version(&Destination::new::<Tables>(&*funds.table))?;
        Ok(vec![Command::new::<Tables>("seat.player", &*funds.table, funds)?.exact(seen)])
    }
}

/// A settlement becomes a credit for each payout, each on the player as it is.
pub(crate) struct PayOut;

impl Translator for PayOut {
    type Event = Settled;

    fn prepare(&self, settled: &Settled) -> Vec<Destination> {
        settled.payouts.iter().map(|(player, _)| Destination::new::<Players>(&**player)).collect()
    }

    fn handle(&self, settled: &Settled, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let credit = |(player, chips): &(String, u64)| {
            let destination = Destination::new::<Players>(&**player);
            let seen = destinations.version(&destination)?;
            let credit = Funds { player: player.clone(), table: settled.table.clone(), chips: *chips };
            Ok(Command::new::<Players>("credit.funds", destination.id, &credit)?.exact(seen))
        };
        settled.payouts.iter().map(credit).collect()
    }
}

pub(crate) fn player_to_table() -> Router {
    Router::builder("player-to-table").source::<Players>().on("funds.reserved", AskForSeat).build().expect("one event")
}

pub(crate) fn table_to_player() -> Router {
    let confirm = |seated: &Funds| Ok(vec![Command::new::<Players>("confirm.join", &*seated.player, seated)?]);
    let builder = Router::builder("table-to-player").source::<Tables>();
    builder.on("table.settled", PayOut).translate("player.seated", confirm).build().expect("two events")
}

pub(crate) fn table_to_hand() -> Router {
    let deal = |started: &HandStarted| Ok(vec![Command::new::<Hands>("deal.cards", &*started.hand, started)?]);
    let builder = Router::builder("table-to-hand").source::<Tables>();
    builder.translate("hand.started", deal).build().expect("one event")
}

pub(crate) fn players(ports: &Ports) -> Repository<Player> {
    let funds = |event: &PlayerEvent| match event {
        PlayerEvent::Reserved(funds) | PlayerEvent::Released(funds) => funds.clone(),
    };
    let map = MessageMap::builder("player");
    let map = map.publish("reserved", "funds.reserved", funds).publish("released", "funds.released", funds);
    Repository::new(map.build().expect("each event"), ports.clock.clone(), ports.random.clone())
}

pub(crate) fn tables(ports: &Ports) -> Repository<Table> {
    let value = |event: &TableEvent| match event {
        TableEvent::Seated(seated) => serde_json::to_value(seated),
        TableEvent::Settled(settled) => serde_json::to_value(settled),
        TableEvent::Started(started) => serde_json::to_value(started),
    };
    let payload = move |event: &TableEvent| value(event).expect("it has a JSON form");
    let map = MessageMap::builder("table").publish("seated", "player.seated", payload);
    let map = map.publish("settled", "table.settled", payload).publish("started", "hand.started", payload);
    Repository::new(map.build().expect("each event"), ports.clock.clone(), ports.random.clone())
}

pub(crate) fn table_commands(ports: &Ports) -> Handlers {
    let seat = |table: &mut Table, seat: Funds| {
        if table.seated.contains_key(&seat.player) {
            return Err(NoSeat::SeatedAlready);
        }
        if table.seated.len() == table.seats {
            return Err(NoSeat::TableFull);
        }
        table.seated.insert(seat.player, seat.chips);
        Ok(())
    };
    let commands = CommandHandlers::builder::<Tables>(ports, tables(ports)).on("seat.player", seat);
    commands.ended_when(|table| table.closed).build().expect("one command")
}

pub(crate) fn player_commands(ports: &Ports) -> Handlers {
    let credit = |player: &mut Player, credit: Funds| {
        if player.barred {
            return Err("barred");
        }
        player.chips += credit.chips;
        player.credits += 1;
        Ok(())
    };
    let confirm =
        |player: &mut Player, seated: Funds| player.joins.remove(&seated.table).map(drop).ok_or("no such join");
    let commands = CommandHandlers::builder::<Players>(ports, players(ports));
    commands.on("credit.funds", credit).on("confirm.join", confirm).build().expect("two commands")
}

pub(crate) fn hand_commands(ports: &Ports) -> Handlers {
    let map = MessageMap::builder("hand").build().expect("no events");
    let hands = Repository::new(map, ports.clock.clone(), ports.random.clone());
    let open = |deal: HandStarted| Ok::<_, ()>(Hand { id: deal.hand, players: deal.players });
    CommandHandlers::builder::<Hands>(ports, hands).open("deal.cards", open).build().expect("one command")
}

/// A join that came to nothing: exactly what it reserved goes back to the wallet.
pub(crate) fn release(player: &mut Player, rejection: &Rejection) -> bool {
    let Ok(seat) = rejection.command::<Funds>() else { return false };
    let Some(reserved) = player.joins.remove(&seat.table) else { return false };
    player.chips += reserved;
    true
}

pub(crate) fn player_rejections(ports: &Ports, follow_up: FollowUp) -> Handlers {
    let compensate = move |player: &mut Player, rejection: &Rejection| {
        release(player, rejection);
        Ok(follow_up)
    };
    RejectionHandlers::builder::<Players>(ports, players(ports))
        .on("seat.player", compensate)
        .build()
        .expect("one command")
}

pub(crate) fn table_rejections(ports: &Ports) -> Handlers {
    let owe = |table: &mut Table, rejection: &Rejection| {
        table.owed += rejection.command::<Funds>()?.chips;
        Ok(FollowUp::none())
    };
    // A seat that the player did not ask for any more: none in these tests.
    let builder = RejectionHandlers::builder::<Tables>(ports, tables(ports)).on("credit.funds", owe);
    builder.ended_when(|table| table.closed).build().expect("one command")
}
