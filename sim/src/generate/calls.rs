use super::Targets;
use crate::{
    draw::Draw,
    plan::{CallFault, FaultKind, Point, Restart, Verdict},
};

/// For each point: how readily it is chosen, and how many such calls one process makes for one item of a workload, which
/// bounds `nth`. The first column is not proportional to the second: points that are called rarely are struck as well.
const POINTS: [(Point, u32, u64); Point::ALL.len()] = [
    (Point::Begin, 3, 16),
    (Point::Read, 3, 24),
    (Point::Write, 3, 8),
    // Only a user's own SQL comes by here.
    (Point::Statement, 1, 8),
    (Point::Stage, 3, 4),
    (Point::Inbox, 4, 4),
    (Point::SagaLog, 4, 8),
    (Point::Commit, 8, 16),
    (Point::Claim, 4, 24),
    (Point::Settle, 6, 6),
    (Point::Recover, 3, 12),
    (Point::Upkeep, 1, 4),
    (Point::Publish, 8, 6),
    (Point::Subscribe, 1, 1),
    (Point::Receive, 4, 12),
    (Point::Ack, 6, 6),
    (Point::Nack, 2, 2),
    (Point::External, 8, 3),
    (Point::Request, 2, 2),
    (Point::Reply, 3, 2),
];

/// Draws a fault at a port call, `None` where there is nothing to strike.
pub(super) fn draw(kind: FaultKind, items: u64, targets: &Targets, draw: &mut Draw) -> Option<CallFault> {
    let verdict = verdict(kind, draw)?;
    let process = draw.pick(&targets.processes)?.clone();
    let (point, calls) = point(verdict, !targets.services.is_empty(), draw)?;
    // A few more than one item's worth, so that the calls of recovery and of idle loops are reached as well.
    let nth = draw.small(2 + calls.saturating_mul(items.max(1)));
    Some(CallFault { process, point, nth: u32::try_from(nth).unwrap_or(u32::MAX), verdict })
}

/// Draws among the points that can honour the verdict.
fn point(verdict: Verdict, externals: bool, draw: &mut Draw) -> Option<(Point, u64)> {
    let fits = |(point, _, _): &&(Point, u32, u64)| verdict.fits(*point) && (externals || *point != Point::External);
    let total: u32 = POINTS.iter().filter(fits).map(|(_, weight, _)| weight).sum();
    let mut at = draw.below(u64::from(total)) as u32;
    for (point, weight, calls) in POINTS.iter().filter(fits) {
        match at.checked_sub(*weight) {
            Some(rest) => at = rest,
            None => return Some((*point, *calls)),
        }
    }
    None
}

fn verdict(kind: FaultKind, draw: &mut Draw) -> Option<Verdict> {
    Some(match kind {
        FaultKind::Delay => Verdict::Delay { ms: span(draw, 5_000) },
        FaultKind::Conflict => Verdict::Conflict,
        FaultKind::Unavailable => Verdict::Unavailable,
        FaultKind::Reject => Verdict::Reject,
        FaultKind::LoseReply => Verdict::LoseReply,
        FaultKind::LoseRequest => Verdict::LoseRequest,
        FaultKind::Duplicate => Verdict::Duplicate { after_ms: span(draw, 10_000) },
        FaultKind::DropAck => Verdict::DropAck,
        FaultKind::PartialBatch => Verdict::PartialBatch { accepted: draw.below(4) as u32 },
        FaultKind::CrashBefore => Verdict::CrashBefore(restart(draw)),
        FaultKind::CrashAfter => Verdict::CrashAfter(restart(draw)),
        FaultKind::BrokerOutage
        | FaultKind::StoreOutage
        | FaultKind::ExternalOutage
        | FaultKind::Partition
        | FaultKind::Pause
        | FaultKind::SlowLink
        | FaultKind::ClockSkew => return None,
    })
}

/// Milliseconds, short ones more often, and one in eight longer than a lease or a visibility timeout.
fn span(draw: &mut Draw, high: u64) -> u32 {
    let (long, usual) = (draw.between(30_000, 120_000), draw.small(high));
    if draw.chance(125) { long as u32 } else { usual as u32 }
}

fn restart(draw: &mut Draw) -> Restart {
    let (at_once, later, upgrade) = (draw.chance(500), span(draw, 5_000), draw.chance(125));
    Restart { after_ms: if at_once { 0 } else { later }, upgrade }
}
