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
        invariants.chain(faults).chain(self.undeclared()).chain(self.full_group()).collect()
    }

    /// Names the kinds of fault that a service has to be declared for, each declaration in one line.
    fn undeclared(&self) -> Vec<LeftOut> {
        let can_strike = |kind: &&FaultKind| self.calls.keys().any(|operation| kind.meets(*operation));
        let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
        for kind in self.undeclared.iter().filter(can_strike) {
            let why = declaration(*kind);
            match lines.iter_mut().find(|(known, _)| *known == why) {
                Some((_, kinds)) => kinds.push(kind.name()),
                None => lines.push((why, vec![kind.name()])),
            }
        }
        let line = |(why, kinds): (&str, Vec<&str>)| {
            let what = if kinds.len() == 1 { "fault" } else { "faults" };
            LeftOut { what: format!("{what} {}", kinds.join(", ")), why: why.to_owned() }
        };
        lines.into_iter().map(line).collect()
    }

    /// Names what no fault of a plan does, but the broker where the topology has it: take no more for a group.
    fn full_group(&self) -> Option<LeftOut> {
        let is_left_out = self.group_holds.is_none() && self.calls.contains_key(&Operation::Receive);
        is_left_out.then(|| LeftOut {
            what: "a full group".to_owned(),
            why: "the broker takes whatever comes, unless the topology says `Topology::group_holds(n)`".to_owned(),
        })
    }
}

/// Says how a topology declares that its services bear a kind of fault.
const fn declaration(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Restore => "a service that bears a store that is put back to a copy says `Topology::restores()`",
        FaultKind::Rollout => {
            "a service that has a next release and bears what fails each time says `Topology::next_release()` and `fails_for_good()`"
        }
        FaultKind::Unroutable => {
            "a broker that confirms what it can route to nobody is declared by `Topology::confirms_unroutable()`"
        }
        _ => "a service that bears what fails each time says `Topology::fails_for_good()`",
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a campaign in which each operation was called, and these kinds were not declared for.
    fn left_out(undeclared: &[FaultKind], group_holds: Option<usize>) -> Vec<String> {
        let mut campaign = Campaign::new("shop", Vec::new(), None, []);
        campaign.runs = 1;
        campaign.calls = Operation::ALL.iter().map(|operation| (*operation, 1)).collect();
        (campaign.undeclared, campaign.group_holds) = (undeclared.to_vec(), group_holds);
        campaign.left_out().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_topology_has_to_declare_is_named_with_the_declaration() {
        let undeclared = [
            FaultKind::Unroutable,
            FaultKind::Poison,
            FaultKind::EndlessConflict,
            FaultKind::Rollout,
            FaultKind::Restore,
        ];
        assert_eq!(
            left_out(&undeclared, None),
            [
                "fault unroutable (a broker that confirms what it can route to nobody is declared by `Topology::confirms_unroutable()`)",
                "faults poison, endless_conflict (a service that bears what fails each time says `Topology::fails_for_good()`)",
                "fault rollout (a service that has a next release and bears what fails each time says `Topology::next_release()` and `fails_for_good()`)",
                "fault restore (a service that bears a store that is put back to a copy says `Topology::restores()`)",
                "a full group (the broker takes whatever comes, unless the topology says `Topology::group_holds(n)`)",
            ]
        );
        assert_eq!(left_out(&[], Some(3)), Vec::<String>::new());
    }
}
