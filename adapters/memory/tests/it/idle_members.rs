//! Members that wait for messages: few are woken for each, and none is forgotten.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use proptest::prelude::*;
use seaworthy_core::{
    conformance::block_on,
    ports::{Broker, BrokerError, Delivery, Subscription},
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker},
};

use crate::beyond_the_ports::{group, message};

type Receiving = Pin<Box<dyn Future<Output = Result<Vec<Delivery>, BrokerError>>>>;

/// A member of the group that receives, and is polled only when it was woken.
struct Member {
    subscription: Arc<dyn Subscription>,
    receiving: Option<Receiving>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken {
    is_woken: AtomicBool,
    times: AtomicUsize,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.times.fetch_add(1, Ordering::SeqCst);
    }
}

impl Member {
    fn join(broker: &MemoryBroker) -> Self {
        let subscription = Arc::from(block_on(broker.subscribe(&group("shipping"))).expect("joins"));
        Self { subscription, receiving: None, woken: Arc::default() }
    }

    fn receive(&mut self) {
        let subscription = Arc::clone(&self.subscription);
        self.receiving = Some(Box::pin(async move { subscription.receive(1).await }));
        self.woken.is_woken.store(true, Ordering::SeqCst);
    }

    /// Polls it if it was woken. Returns what it received.
    fn poll(&mut self) -> Option<Delivery> {
        let receiving = self.receiving.as_mut()?;
        if !self.woken.is_woken.swap(false, Ordering::SeqCst) {
            return None;
        }
        match receiving.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.woken)))) {
            Poll::Pending => None,
            Poll::Ready(received) => {
                self.receiving = None;
                Some(received.expect("receives").remove(0))
            }
        }
    }
}

fn broker(clock: &Arc<ManualClock>, members: usize) -> (MemoryBroker, Vec<Member>) {
    let broker = MemoryBroker::new(clock.clone(), BrokerConfig::default());
    broker.declare(&group("shipping"));
    let members = (0..members).map(|_| Member::join(&broker)).collect();
    (broker, members)
}

#[test]
fn a_message_wakes_a_few_of_a_thousand_idle_members() {
    let (broker, mut members) = broker(&ManualClock::new(), 1_000);
    for member in &mut members {
        member.receive();
        assert!(member.poll().is_none(), "there is nothing yet");
    }
    for number in 0..100 {
        block_on(broker.publish(&[message(number, &format!("key-{number}"))])).expect("answers");
        let got: Vec<usize> = (0..members.len()).filter(|at| members[*at].poll().is_some()).collect();
        assert_eq!(got.len(), 1);
        members[got[0]].receive();
        assert!(members[got[0]].poll().is_none());
    }
    let woken: usize = members.iter().map(|member| member.woken.times.load(Ordering::SeqCst)).sum();
    assert!(woken <= 100 * 9, "{woken} times for a hundred messages");
}

/// The eight that were woken are gone before they have looked; the ninth takes the message and is stuck with it.
#[test]
fn what_those_who_were_woken_leave_is_the_next_ones() {
    let clock = ManualClock::new();
    let (broker, mut members) = broker(&clock, 10);
    for member in &mut members {
        member.receive();
        assert!(member.poll().is_none());
    }
    block_on(broker.publish(&[message(1, "key")])).expect("answers");
    members.drain(..8);
    let taken: Vec<bool> = members.iter_mut().map(|member| member.poll().is_some()).collect();
    assert_eq!(taken, [true, false], "what nobody of those has taken");
    // Its time has passed: it goes to the last one.
    clock.advance(BrokerConfig::default().visibility_timeout);
    assert_eq!(members[1].poll().map(|delivery| delivery.redeliveries), Some(1));
}

#[derive(Clone, Debug)]
enum Act {
    Publish(usize),
    Receive(usize),
    /// It is polled if it was woken.
    Poll(usize),
    /// It gives its receiving up, as a `select!` does.
    GiveUp(usize),
    Acknowledge(usize),
    GiveBack(usize, u64),
    Advance(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_usize..4).prop_map(Act::Publish),
        6 => (0_usize..12).prop_map(Act::Receive),
        9 => (0_usize..12).prop_map(Act::Poll),
        2 => (0_usize..12).prop_map(Act::GiveUp),
        2 => (0_usize..12).prop_map(Act::Acknowledge),
        2 => (0_usize..12, 0_u64..3_000).prop_map(|(member, ms)| Act::GiveBack(member, ms)),
        2 => (0_u64..4_000).prop_map(Act::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever members do, those that wait in the end get what is there, each polled only when it is woken.
    #[test]
    fn nobody_who_waits_is_forgotten(acts in proptest::collection::vec(act(), 0..60)) {
        let clock = ManualClock::new();
        let (broker, mut members) = broker(&clock, 12);
        let mut held: Vec<Vec<Delivery>> = (0..members.len()).map(|_| Vec::new()).collect();
        let mut sent = 0_u128;
        // All wait, and have looked once.
        for member in &mut members {
            member.receive();
            prop_assert!(member.poll().is_none());
        }
        for act in acts {
            match act {
                Act::Publish(count) => for _ in 0..count {
                    let message = message(sent, &format!("key-{}", sent % 7));
                    sent += 1;
                    block_on(broker.publish(&[message])).expect("answers");
                },
                Act::Receive(member) if members[member].receiving.is_none() => members[member].receive(),
                Act::Receive(_) => {}
                Act::Poll(member) => held[member].extend(members[member].poll()),
                Act::GiveUp(member) => members[member].receiving = None,
                Act::Acknowledge(member) => for delivery in held[member].drain(..) {
                    block_on(members[member].subscription.ack(delivery.tag)).expect("acknowledges");
                },
                Act::GiveBack(member, ms) => for delivery in held[member].drain(..) {
                    let delay = Duration::from_millis(ms);
                    block_on(members[member].subscription.nack(delivery.tag, delay)).expect("gives back");
                },
                Act::Advance(ms) => clock.advance(Duration::from_millis(ms)),
            }
        }
        // From here on nobody comes back: each who waits takes one, as long as there are any.
        for _ in 0..100 {
            while members.iter().any(|member| member.receiving.is_some() && member.woken.is_woken.load(Ordering::SeqCst)) {
                for member in &mut members {
                    let Some(delivery) = member.poll() else { continue };
                    block_on(member.subscription.ack(delivery.tag)).expect("acknowledges");
                }
            }
            clock.advance(Duration::from_secs(1));
        }
        let waiting = members.iter().filter(|member| member.receiving.is_some()).count();
        prop_assert!(waiting == 0 || broker.pending() == 0, "{} wait, and {} are there", waiting, broker.pending());
    }
}
