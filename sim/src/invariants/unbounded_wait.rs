use seaworthy_core::ports::Operation;

use super::{Entity, Interest, Invariant, Judge, Mode};
use crate::{
    plan::{FaultKind, is_given_up_by_its_caller},
    topology::Topology,
    trace::{Event, What},
};

/// `unbounded-wait`: a call that is never answered is given up, by a limit of whoever makes it.
///
/// In a service that says it copes with [what fails for good](Topology::fails_for_good()), a call outside, a publish, or what a consumer
/// says to the broker - that it subscribes, acknowledges, gives back, wants more time - which the plan has [hang](FaultKind::Hang) does so for ten
/// minutes, whatever else there is to do: longer than every limit of the default configurations. A topology that knows its limits asks for
/// [less](Topology::gives_up_within()). A caller that still waits then has no limit, be it a handler, a relay, a consumer, a step of a saga or a
/// loop of the user's own, and would wait for as long as the other end does: until its process is started again. Not accused is one that died
/// meanwhile, or gave the call up.
///
/// Whoever has a limit of more than ten minutes leaves this invariant out by its name. Not judged are the calls of a store, since that each has an
/// end is its [adapter's part](seaworthy_core::ports::Store), and those that receive, which wait for something to come.
///
/// State: one entry for each call that has hung.
#[derive(Debug)]
pub struct UnboundedWait {
    hang_for_good: bool,
    struck: Vec<HungCall>,
}

/// A call that the plan has hang.
#[derive(Debug)]
struct HungCall {
    whose: (u16, u32, u32),
    point: Operation,
    event: u64,
}

impl UnboundedWait {
    /// The invariant at the start of a run of a topology.
    pub fn from_topology(topology: &Topology) -> Self {
        Self { hang_for_good: topology.fails_for_good, struck: Vec::new() }
    }
}

/// The task that an event is of.
fn whose(event: &Event) -> (u16, u32, u32) {
    (event.process.0, event.incarnation, event.task)
}

impl Invariant for UnboundedWait {
    fn name(&self) -> &'static str {
        "unbounded-wait"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        if self.hang_for_good { Interest::FAULT } else { Interest::NONE }
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a call outside, or at the broker, that hangs for good")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Fault { kind: FaultKind::Hang, point: Some(point), .. } if is_given_up_by_its_caller(*point) => {
                judge.judged();
                self.struck.push(HungCall { whose: whose(event), point: *point, event: event.number });
            }
            What::NeverReturned { point, since, whom, .. } if is_given_up_by_its_caller(*point) => {
                let of_it = |struck: &&HungCall| struck.whose == whose(event) && struck.point == *point;
                let struck = self.struck.iter().rev().find(of_it).map(|struck| struck.event);
                let seconds = (event.at - since) / 1_000_000;
                let (call, limit) = match point {
                    Operation::Publish => ("a publish to", "the publish"),
                    Operation::Subscribe => ("a subscription of", "it"),
                    Operation::Ack => ("an acknowledgement of", "it"),
                    Operation::Nack => ("a negative acknowledgement of", "it"),
                    Operation::Extend => ("the extension of a delivery of", "it"),
                    _ => ("a call of", "it"),
                };
                let sentence = format!(
                    "{call} `{whom}` has hung for {seconds} s and its caller still waits: put a limit of time around {limit}"
                );
                let events = struck.into_iter().chain([event.number]).collect();
                judge.violate(Entity::named(point.name(), whom.clone()), sentence, events);
            }
            _ => {}
        }
    }
}
