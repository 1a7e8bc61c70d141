//! The time that players have to act is kept by a task of the process that has dealt the cards. Where that process dies the hand
//! waits for ever for somebody who does nothing, and its table for the hand.
//!
//! Threads: one hand with an idle player; the process of its timer dies.
//!
//! Mechanism: a delay that is nowhere but in memory.
//!
//! Violates: `stands-still`: the process of the hand waits for what never comes; or `hand-life-cycle`: the hand is never over.
//!
//! Right: the timer of [`hand_life`](seaworthy_card_table::hands::hand_life) is a stored message that is not published before
//! its moment.

use async_trait::async_trait;
use seaworthy_card_table::{
    hands::{ACT_WITHIN, Hand, HandLife, NotActed, consumers, hands, serve_with},
    messages::{
        DEAL_CARDS, FOLD_IDLE, HAND_COMMANDS, HAND_LIFE, HAND_SETTLED, HAND_STARTED, HandOver, HandSettled,
        HandStarted, Hands, OVER, Tables,
    },
};
use seaworthy_core::{
    aggregate::{Cause, Repository, Tracked},
    choreography::{ProcessManager, Reaction},
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{Ports, Transaction},
};

use crate::card_table::CardTable;

/// The card table with this mistake.
pub(super) fn twin() -> CardTable {
    let about = "who is idle is folded by a task of the process that has dealt, and by nobody if that dies";
    CardTable::with_mistake("idle-timer-in-memory", about).hands(|ports| {
        let deal = Deal { hands: hands(&ports), ports: ports.clone() };
        let commands = Handlers::builder().on(DEAL_CARDS, deal).ignore(FOLD_IDLE).build().expect("two types");
        let consumers =
            consumers(&ports).with(HAND_COMMANDS, commands).with(HAND_LIFE, life().handlers(ports.clock.clone()));
        Box::pin(serve_with(ports, consumers))
    })
}

struct Deal {
    hands: Repository<Hand>,
    ports: Ports,
}

#[async_trait]
impl Handler for Deal {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let started: HandStarted = message.json()?;
        let (id, cause) = (started.hand.clone(), message.clone());
        self.hands.save(tx, Tracked::new(Hand::dealt(started)), Cause::Message(message)).await?;
        let (hands, ports) = (self.hands.clone(), self.ports.clone());
        self.ports.spawn("idle", async move {
            ports.clock.sleep(ACT_WITHIN).await;
            let fold = |hand: &mut Hand| {
                if hand.over.is_none() {
                    hand.fold_idle();
                }
                Ok::<_, NotActed>(())
            };
            // Whoever has dealt the hand meanwhile, if this was not committed, has a timer, too.
            while hands.update(&*ports.store, &id, Cause::Message(&cause), fold).await.is_err() {
                ports.clock.sleep(ACT_WITHIN).await;
            }
        });
        Ok(())
    }
}

/// The life of a hand, without a timer.
fn life() -> ProcessManager<HandLife> {
    let manager = ProcessManager::<HandLife>::builder(HAND_LIFE)
        .on::<Tables, HandStarted>(HAND_STARTED, |life, _| {
            life.is_started = true;
            life.settle(Reaction::none())
        })
        .on::<Hands, HandOver>(OVER, |life, over| {
            life.over = Some(over.clone());
            life.settle(Reaction::none())
        })
        .on::<Tables, HandSettled>(HAND_SETTLED, |_, _| Ok(Reaction::none().end()));
    manager.build().expect("one reaction for each message")
}
