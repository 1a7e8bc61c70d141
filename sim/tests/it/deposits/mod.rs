//! A scenario small enough to be looked through: a teller books deposits, each of which must count once.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{collections::BTreeMap, ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Expected, ExternalCall, Operation, Ports, Refusal, StoreError};
use seaworthy_sim::{
    external::Service,
    invariants::{Ending, Invariant, Judge, Judged, Mode, Violation},
    plan::{Fault, FaultKind, Plan, PlanError},
    scenario::{Client, Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, Fingerprint, What},
    world::{Effort, Fired, RunOptions, RunReport},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Deposits, by number and amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deposits(pub(crate) Vec<(u32, u32)>);

impl Workload for Deposits {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.0.drain(range);
        fewer
    }

    fn simpler(&self) -> Vec<Self> {
        let halved = Self(self.0.iter().map(|(number, amount)| (*number, (amount / 2).max(1))).collect());
        Some(halved).into_iter().filter(|halved| halved != self).collect()
    }
}

/// The scenario, right or wrong on purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Teller {
    /// Whether it looks if a deposit was booked before.
    pub(crate) looks: bool,
    /// Deposits of a drawn workload at most.
    pub(crate) deposits_max: u64,
}

/// Books each deposit once.
pub(crate) const RIGHT: Teller = Teller { looks: true, deposits_max: 4 };
/// Books a deposit again when it is asked again.
pub(crate) const WRONG: Teller = Teller { looks: false, deposits_max: 4 };

struct Bank;

impl Service for Bank {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, _: &ExternalCall) -> SmolStr {
        SmolStr::new_static("bank")
    }
}

async fn book(ports: &Ports, looks: bool, id: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    if looks && tx.get("deposits", id).await?.is_some() {
        return Ok(());
    }
    let expected = if looks { Expected::Absent } else { Expected::Any };
    tx.put("deposits", id, expected, Bytes::from_static(b"1")).await?;
    tx.observe("booked", id, 1);
    tx.commit().await
}

#[async_trait]
impl Scenario for Teller {
    type Workload = Deposits;

    fn name(&self) -> &str {
        "deposits"
    }

    fn about(&self) -> &str {
        "each deposit counts once"
    }

    fn topology(&self) -> Topology {
        let looks = self.looks;
        Topology::new()
            .without_protocol()
            .process("teller-1", "teller", "ledger", move |boot| async move {
                while let Some(request) = boot.ports.ingress.next().await {
                    let id = String::from_utf8_lossy(&request.body).into_owned();
                    // Unanswered where it failed: the client asks again.
                    if book(&boot.ports, looks, &id).await.is_ok() {
                        request.response.accept(Bytes::new());
                    }
                }
            })
            .external("bank", || Bank)
    }

    fn workload(&self, draw: &mut Draw) -> Deposits {
        if self.deposits_max == 0 {
            return Deposits(Vec::new());
        }
        Deposits(
            (1..=draw.between(1, self.deposits_max)).map(|number| (number as u32, draw.small(100) as u32)).collect(),
        )
    }

    fn invariants(&self, _: &Deposits) -> Vec<Box<dyn Invariant>> {
        vec![Box::<BookedOnce>::default(), Box::<Booked>::default()]
    }

    async fn drive(&self, workload: &Deposits, client: Client) {
        for (number, _) in &workload.0 {
            let _ = client.ask("teller", "deposit", Bytes::from(format!("deposit-{number}"))).await;
        }
    }
}

fn booked(event: &Event) -> Option<&SmolStr> {
    let What::Commit { effects, .. } = &event.what else { return None };
    effects.iter().find_map(|effect| match effect {
        Effect::Observed { fact, subject, .. } if fact == "booked" => Some(subject),
        _ => None,
    })
}

#[derive(Default)]
struct BookedOnce(BTreeMap<SmolStr, u64>);

impl Invariant for BookedOnce {
    fn name(&self) -> &'static str {
        "booked-once"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let Some(id) = booked(event) {
            judge.judged();
            if let Some(before) = self.0.insert(id.clone(), event.number) {
                judge.violate(id.as_str(), format!("{id} was booked twice"), vec![before, event.number]);
            }
        }
    }

    fn conclude(&mut self, _: Ending, _: &mut Judge<'_>) {}
}

#[derive(Default)]
struct Booked(bool);

impl Invariant for Booked {
    fn name(&self) -> &'static str {
        "something-booked"
    }

    fn mode(&self) -> Mode {
        Mode::Sometimes
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if booked(event).is_some() && !std::mem::replace(&mut self.0, true) {
            judge.reached("something-booked");
        }
    }
}

/// A run that does nothing but say what `violations` says: for what has to be known exactly.
pub(crate) fn pretend(
    violations: impl Fn(&Plan<Deposits>) -> Vec<Violation>,
) -> impl Fn(&Teller, &Plan<Deposits>, &RunOptions) -> Result<RunReport, PlanError> {
    move |_, plan, _| {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add(&plan.seed);
        fingerprint.add(&plan.faults);
        fingerprint.add(&plan.workload.0);
        let mut calls = [0; Operation::ALL.len()];
        calls[Operation::Commit as usize] = plan.workload.len() as u64;
        let point = |fault: &Fault| match fault {
            Fault::Call(call) => call.point.operations().next(),
            _ => None,
        };
        let fired = plan.faults.iter().enumerate();
        let judged = Judged {
            invariant: "booked-once",
            mode: Mode::Always,
            times: plan.workload.len() as u64,
            subject: None,
            met: 0,
        };
        let goal = Judged { invariant: "something-booked", mode: Mode::Sometimes, times: 0, subject: None, met: 0 };
        Ok(RunReport {
            fingerprint: fingerprint.value(),
            events: 10,
            calls,
            strikable: None,
            answered: plan.workload.len() as u64,
            effort: Effort::default(),
            virtual_time: Duration::from_millis(5),
            ending: Ending::Quiet,
            violations: violations(plan),
            judged: vec![judged, goal],
            reached: vec!["something-booked"],
            dealt: Vec::new(),
            fired: fired
                .map(|(index, fault)| Fired { index: index as u32, kind: fault.kind(), point: point(fault) })
                .collect(),
            processes: vec!["teller-1".into()],
            trace: None,
            spans: None,
        })
    }
}

/// A violation of an invariant about an entity.
pub(crate) fn violation(invariant: &str, entity: &str) -> Violation {
    Violation {
        invariant: invariant.into(),
        entity: entity.into(),
        sentence: format!("{entity} breaks {invariant}"),
        events: Vec::new(),
        at_the_end: false,
        panicked_at: None,
    }
}

/// Whether a plan holds a fault of this kind.
pub(crate) fn holds(plan: &Plan<Deposits>, kind: FaultKind) -> bool {
    plan.faults.iter().any(|fault| fault.kind() == kind)
}
