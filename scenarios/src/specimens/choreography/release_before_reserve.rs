//! A service that releases a seat when it hears that the payment was declined, and takes a seat that it does not know for
//! none of its own. Then it hears of the booking, and holds the seat for ever.
//!
//! Threads: the way of a booking to `seats`, and its way by `payments`. The short one is slower once: a crash, an error or a
//! redelivery of its message is enough.
//!
//! Mechanism: two messages about one thing that come from two services have no order between them, although one causes the
//! other. What undoes may come before what it undoes, and has to leave a mark.
//!
//! Violates: `conserved`, and for the release `handled-without-effect`.
//!
//! Right: the twin below notes a seat that it does not know as released, and a booking that comes later leaves it so.

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Ports, Transaction},
    wake::Wake,
};
use seaworthy_sim::scenario::{Conserved, Topology};

use crate::small::{FRONT, ITEM_TAKEN, ITEMS, SmallService, front};

const PAYMENTS: &str = "payments";
const DECLINED: &str = "payment.declined";
const SEATS: &str = "seats";
/// Item that nobody who books it can pay for.
const DEAR: &str = "item-2";

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "choreography/release-before-reserve",
        about: "a release that comes before its reservation is taken for somebody else's",
        topology: || topology(false),
    };
    let right = SmallService {
        name: "choreography/release-before-reserve/right",
        about: "a release that comes before its reservation leaves a mark; everything is right",
        topology: || topology(true),
    };
    (broken, right)
}

fn topology(marks: bool) -> Topology {
    Topology::new()
        .process("front-1", FRONT, FRONT, |boot| front(boot.ports))
        .process("payments-1", PAYMENTS, PAYMENTS, |boot| payments(boot.ports))
        .process("seats-1", SEATS, SEATS, move |boot| seats(boot.ports, marks))
        .process("seats-2", SEATS, SEATS, move |boot| seats(boot.ports, marks))
        .group(PAYMENTS, &[ITEMS])
        .group(SEATS, &[ITEMS, PAYMENTS])
        .conserved(
            Conserved::new("a seat is held for each payment")
                .plus_documents(PAYMENTS, "paid", "seats")
                .minus_documents(SEATS, SEATS, "held")
                .at_rest(),
        )
}

async fn payments(ports: Ports) {
    let wake = Wake::new();
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    let handlers = Handlers::builder().on(ITEM_TAKEN, Pay(ports.clone())).build().expect("one handler for one type");
    let consumer = Consumer::new(&ports, PAYMENTS, handlers, [ITEMS]);
    consumer.wake(wake).run().await;
}

struct Pay(Ports);

#[async_trait]
impl Handler for Pay {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let item = &message.subject;
        if item != DEAR {
            tx.put("paid", item, Expected::Absent, Bytes::from_static(br#"{"seats":1}"#)).await?;
            return Ok(());
        }
        // Payments have keys of their own: nothing orders this behind the booking.
        let declined = MessageBuilder::new(PAYMENTS, DECLINED, item.clone()).topic(PAYMENTS).caused_by(message);
        let declined = declined.partition_key(format!("payment of {item}"));
        tx.stage(&declined.draw(&*self.0.clock, &*self.0.random)).await?;
        Ok(())
    }
}

async fn seats(ports: Ports, marks: bool) {
    let (reserve, release) = (Seat { marks }, Seat { marks });
    let handlers = Handlers::builder().on(ITEM_TAKEN, reserve).on(DECLINED, release);
    let handlers = handlers.build().expect("one handler for one type");
    Consumer::new(&ports, SEATS, handlers, [ITEMS, PAYMENTS]).run().await;
}

/// The seat of an item: held from its booking to its release, whichever comes first.
struct Seat {
    marks: bool,
}

#[async_trait]
impl Handler for Seat {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let known = tx.get(SEATS, &message.subject).await?;
        let is_booking = message.kind == ITEM_TAKEN;
        if known.is_none() && !is_booking && !self.marks {
            return Ok(());
        }
        let body = format!(r#"{{"held":{}}}"#, u8::from(known.is_none() && is_booking));
        let expected = known.map_or(Expected::Absent, |seat| Expected::Version(seat.version));
        tx.put(SEATS, &message.subject, expected, body.into()).await?;
        Ok(())
    }
}
