use std::fmt;

use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use super::reach::is_beside_the_point;
use crate::{explore::Campaign, plan::FaultKind};

/// An invariant or a kind of fault that was not asked for, because nothing in the whole campaign could have shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Name of it: `invariant per-key-order`, `fault drop_ack`.
    pub what: String,
    /// Reason, in words.
    pub why: String,
}

impl Campaign {
    /// Lists the things that the scenario can't have, as its own runs have shown.
    pub(super) fn left_out(&self) -> Vec<LeftOut> {
        if self.runs == 0 {
            return Vec::new();
        }
        let invariants = self.invariants.iter().filter(|(_, tally)| is_beside_the_point(tally)).map(|(name, _)| {
            let subject = self.subjects.get(name).map_or("its subject", SmolStr::as_str);
            LeftOut { what: format!("invariant {name}"), why: format!("no run had {subject}") }
        });
        let faults =
            self.enabled.iter().filter(|kind| !self.can_strike(**kind) && !self.is_elsewhere(**kind)).map(|kind| {
                let points: Vec<&str> =
                    Operation::ALL.iter().filter(|point| kind.meets(**point)).map(|point| point.name()).collect();
                let why = match kind {
                    FaultKind::ClockSkew => "no process read its clock while it was wrong".to_owned(),
                    kind if kind.needs_scope() => "no run made a call within a scope, which it could drop".to_owned(),
                    _ => format!("no run made a call that it strikes ({})", points.join(", ")),
                };
                LeftOut { what: format!("fault {}", kind.name()), why }
            });
        invariants.chain(faults).chain(self.undeclared()).collect()
    }

    /// Names the kinds of fault that a service has to be declared for, in one line.
    fn undeclared(&self) -> Option<LeftOut> {
        let can_strike = |kind: &&FaultKind| self.calls.keys().any(|operation| kind.meets(*operation));
        let kinds: Vec<&str> = self.undeclared.iter().filter(can_strike).map(|kind| kind.name()).collect();
        let why = "a service that bears what fails each time says `Topology::fails_for_good()`".to_owned();
        (!kinds.is_empty()).then(|| LeftOut { what: format!("faults {}", kinds.join(", ")), why })
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.why)
    }
}
