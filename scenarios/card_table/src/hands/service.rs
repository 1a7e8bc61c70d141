use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::{Cause, MessageMap, Repository},
    choreography::{
        Command, CommandHandlers, Destination, Destinations, Domain as _, ProcessRetention, Router, TranslateError,
        Translator,
    },
    ids::{OperationId, derive},
    inbox::Handlers,
    ports::Ports,
    wake::Wake,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::{
    hand::{Act, Hand, HandEvent},
    life::hand_life,
};
use crate::{
    messages::{
        DEAL_CARDS, DEALT, FOLD_IDLE, HAND_COMMANDS, HAND_LIFE, HAND_STARTED, HandStarted, Hands, OVER, TABLE_TO_HAND,
        Tables, transaction_of,
    },
    parts::{Consumers, Denied, KEEP, RequestHandler, answer, decode},
};

/// Acts in a hand; the body is an [`ActInHand`].
pub const ACT: &str = "act";

/// The body of an [`ACT`] request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActInHand {
    /// Id of the hand.
    pub hand: SmolStr,
    /// Player who acts.
    pub player: SmolStr,
    /// Act of the player.
    pub act: Act,
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
    let forget = ProcessRetention::new(hand_life().collection(), KEEP);
    ports.spawn("process-retention", forget.run(ports.clone()));
    let handler = Dealer { hands: hands(&ports), ports: ports.clone() };
    answer(&ports, Arc::new(handler), wake).await;
}

/// Returns the consumers of the domain.
pub fn consumers(ports: &Ports) -> Consumers {
    Consumers::new()
        .with(HAND_COMMANDS, commands(ports))
        .with(TABLE_TO_HAND, table_to_hand().handlers(ports.clock.clone()))
        .with(HAND_LIFE, hand_life().handlers(ports.clock.clone()))
}

/// Returns the repository of all hands, with the messages of what happens in them.
pub fn hands(ports: &Ports) -> Repository<Hand> {
    let started = |event: &HandEvent| match event {
        HandEvent::Dealt(started) => Some(started.clone()),
        HandEvent::Over(_) => None,
    };
    let over = |event: &HandEvent| match event {
        HandEvent::Over(over) => Some(over.clone()),
        HandEvent::Dealt(_) => None,
    };
    let messages = MessageMap::builder(Hands::NAME).publish("Dealt", DEALT, started).publish("Over", OVER, over);
    let messages = messages.build().expect("each event of a hand is registered once");
    Repository::new(messages, ports.clock.clone(), ports.random.clone())
}

/// Handlers of the commands to hands. One that is over stays as it is, whatever comes late.
pub fn commands(ports: &Ports) -> Handlers {
    CommandHandlers::builder::<Hands>(ports, hands(ports))
        .open(DEAL_CARDS, |started: HandStarted| Ok::<_, ()>(Hand::dealt(started)))
        .on(FOLD_IDLE, |hand: &mut Hand, (): ()| {
            hand.fold_idle();
            Ok::<_, ()>(())
        })
        .ended_when(|hand| hand.over.is_some())
        .build()
        .expect("two commands")
}

/// The router from tables to hands.
pub fn table_to_hand() -> Router {
    Router::builder(TABLE_TO_HAND).source::<Tables>().on(HAND_STARTED, Deal).build().expect("one event")
}

/// A hand that has begun at its table is dealt, where there is none of its id.
struct Deal;

impl Translator for Deal {
    type Event = HandStarted;

    fn prepare(&self, started: &HandStarted) -> Vec<Destination> {
        vec![Destination::new::<Hands>(started.hand.clone())]
    }

    fn handle(&self, started: &HandStarted, hands: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let hand = Destination::new::<Hands>(started.hand.clone());
        let seen = hands.version(&hand)?;
        Ok(vec![Command::new::<Hands>(DEAL_CARDS, hand.id, started)?.exact(seen)])
    }
}

/// Carries out what players do in hands.
struct Dealer {
    hands: Repository<Hand>,
    ports: Ports,
}

#[async_trait]
impl RequestHandler for Dealer {
    async fn carry_out(&self, operation: &str, body: &[u8]) -> Result<(), Denied> {
        if operation != ACT {
            return Err(Denied::Refused(format_smolstr!("hands can't {operation}")));
        }
        let ActInHand { hand, player, act } = decode(body)?;
        let correlation_id = transaction_of(&hand);
        let cause = Cause::Operation { id: OperationId(derive(correlation_id, &["act", &player])), correlation_id };
        self.hands.update(&*self.ports.store, &hand, cause, |hand| hand.act(&player, act)).await?;
        Ok(())
    }
}
