use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Cause, MessageMap, Repository},
    choreography::{
        Command, CommandHandlers, Destination, Destinations, Domain as _, FollowUp, Rejection, RejectionHandlers,
        Router, TranslateError, Translator,
    },
    ids::OperationId,
    inbox::Handlers,
    ports::Ports,
    wake::Wake,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::table::{Table, TableEvent};
use crate::{
    messages::{
        CREDIT, FUNDS_RESERVED, Funds, HAND_SETTLED, HAND_STARTED, HandOver, NOT_OPEN, PAID_OUT, PLAYER_SEATED,
        PLAYER_TO_TABLE, Payout, Players, SEAT_PLAYER, SETTLE_HAND, TABLE_COMMANDS, TABLE_REJECTIONS, Tables,
        transaction_of,
    },
    parts::{Consumers, Denied, RequestHandler, answer, decode},
};

/// Begins a hand; the body is a [`StartHand`].
pub const START_HAND: &str = "start_hand";
/// Gives up a seat; the body is a [`GiveUpSeat`].
pub const GIVE_UP_SEAT: &str = "give_up_seat";
/// Ends a table; the body is its id.
pub const SETTLE_TABLE: &str = "settle_table";

/// The body of a [`START_HAND`] request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartHand {
    /// Table at which it is played.
    pub table: SmolStr,
    /// Number of the hand at that table, from 1: asked for again, it is the same.
    pub number: u32,
    /// Chips that each player puts at stake.
    pub stake: u64,
}

/// The body of a [`GIVE_UP_SEAT`] request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveUpSeat {
    /// Table of the seat.
    pub table: SmolStr,
    /// The join by which it was taken.
    pub join: SmolStr,
}

/// Runs one replica of the domain until a stop is asked for. Dropping the future ends the requests; the others are tasks of the
/// process and go on until it stops.
pub async fn serve(ports: Ports) {
    let consumers = consumers(&ports);
    serve_with(ports, consumers).await;
}

/// As [`serve`], with these consumers.
pub async fn serve_with(ports: Ports, consumers: Consumers) {
    let wake = Wake::new();
    consumers.spawn(&ports, &wake);
    let handler = Croupier { tables: tables(&ports), ports: ports.clone() };
    answer(&ports, Arc::new(handler), wake).await;
}

/// Returns the consumers of the domain.
pub fn consumers(ports: &Ports) -> Consumers {
    Consumers::new()
        .with(TABLE_COMMANDS, commands(ports))
        .with(TABLE_REJECTIONS, rejections(ports))
        .with(PLAYER_TO_TABLE, player_to_table(AskForSeat).handlers(ports.clock.clone()))
}

/// Returns the repository of all tables, with the messages of what happens at them.
pub fn tables(ports: &Ports) -> Repository<Table> {
    let content = |event: &TableEvent| match event {
        TableEvent::PlayerSeated(funds) => serde_json::to_value(funds),
        TableEvent::HandStarted(started) => serde_json::to_value(started),
        TableEvent::HandSettled(settled) => serde_json::to_value(settled),
        TableEvent::PaidOut(paid) => serde_json::to_value(paid),
    };
    let content = move |event: &TableEvent| content(event).expect("each of them has a JSON form");
    let messages = MessageMap::builder(Tables::NAME)
        .publish("PlayerSeated", PLAYER_SEATED, content)
        .publish("HandStarted", HAND_STARTED, content)
        .publish("HandSettled", HAND_SETTLED, content)
        .publish("PaidOut", PAID_OUT, content);
    let messages = messages.build().expect("each event of a table is registered once");
    Repository::new(messages, ports.clock.clone(), ports.random.clone())
}

/// Handlers of the commands to tables. At one that is settled nobody is seated any more.
pub fn commands(ports: &Ports) -> Handlers {
    CommandHandlers::builder::<Tables>(ports, tables(ports))
        .on(SEAT_PLAYER, Table::seat)
        .on(SETTLE_HAND, |table: &mut Table, over: HandOver| table.settle_hand(&over))
        .ended_when(|table| table.is_settled)
        .build()
        .expect("two commands")
}

/// Handlers of credits that were rejected: the table keeps the chips of that one payout, if its player has left. Of any other
/// reason an operator has to hear, since the chips are still owed: the command is a dead letter.
pub fn rejections(ports: &Ports) -> Handlers {
    let keep = |table: &mut Table, rejection: &Rejection| match rejection.refusal::<SmolStr>().as_deref() {
        Some(NOT_OPEN) => {
            table.keep(&rejection.command::<Payout>()?);
            Ok(FollowUp::none())
        }
        _ => Ok(FollowUp::none().dead_letter()),
    };
    let rejections = RejectionHandlers::builder::<Tables>(ports, tables(ports)).on(CREDIT, keep);
    rejections.ended_when(|table| table.is_settled).build().expect("one command")
}

/// The router from wallets to tables, with this translation of reserved funds.
pub fn player_to_table(ask: impl Translator) -> Router {
    Router::builder(PLAYER_TO_TABLE).source::<Players>().on(FUNDS_RESERVED, ask).build().expect("one event")
}

/// Reserved funds become a request for a seat, decided on the table as it is.
#[derive(Clone, Copy, Debug)]
pub struct AskForSeat;

impl Translator for AskForSeat {
    type Event = Funds;

    fn prepare(&self, funds: &Funds) -> Vec<Destination> {
        vec![Destination::new::<Tables>(funds.table.clone())]
    }

    fn handle(&self, funds: &Funds, tables: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let table = Destination::new::<Tables>(funds.table.clone());
        let seen = tables.version(&table)?;
        Ok(vec![Command::new::<Tables>(SEAT_PLAYER, table.id, funds)?.exact(seen)])
    }
}

/// Carries out what is asked for at tables.
struct Croupier {
    tables: Repository<Table>,
    ports: Ports,
}

#[async_trait]
impl RequestHandler for Croupier {
    async fn carry_out(&self, operation: &str, body: &[u8]) -> Result<(), Denied> {
        let (tables, store) = (&self.tables, &*self.ports.store);
        match operation {
            START_HAND => {
                let StartHand { table, number, stake } = decode(body)?;
                let hand = transaction_of(&format_smolstr!("{table}-h{number}"));
                let cause = Cause::Operation { id: OperationId(hand), correlation_id: hand };
                tables.update(store, &table, cause, |table| table.start(number, stake)).await?;
            }
            GIVE_UP_SEAT => {
                let GiveUpSeat { table, join } = decode(body)?;
                tables.update(store, &table, Cause::New, |table| table.give_up(&join)).await?;
            }
            SETTLE_TABLE => {
                let table: SmolStr = decode(body)?;
                tables.update(store, &table, Cause::New, Table::settle).await?;
            }
            other => return Err(Denied::Refused(format_smolstr!("tables can't {other}"))),
        }
        Ok(())
    }
}
