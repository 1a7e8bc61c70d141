use super::Targets;
use crate::{
    draw::Draw,
    plan::{Disturbance, FaultKind, TimedFault},
};

/// The work of one item is done within about this many virtual milliseconds: a fault that begins later meets nothing.
const ONE_ITEM_MS: u64 = 1_500;

/// Draws a fault over a span of time, `None` where there is nothing to strike.
pub(super) fn draw(kind: FaultKind, span_ms: u64, targets: &Targets, draw: &mut Draw) -> Option<TimedFault> {
    let what = match kind {
        FaultKind::BrokerOutage => Disturbance::BrokerOutage,
        FaultKind::StoreOutage => Disturbance::StoreOutage { store: draw.pick(&targets.stores)?.clone() },
        FaultKind::ExternalOutage => Disturbance::ExternalOutage { service: draw.pick(&targets.services)?.clone() },
        FaultKind::Partition => Disturbance::Partition { process: draw.pick(&targets.processes)?.clone() },
        FaultKind::Pause => Disturbance::Pause { process: draw.pick(&targets.processes)?.clone() },
        FaultKind::SlowLink => {
            Disturbance::SlowLink { process: draw.pick(&targets.processes)?.clone(), extra_ms: draw.small(500) as u32 }
        }
        FaultKind::ClockSkew => {
            let process = draw.pick(&targets.processes)?.clone();
            // Up to an hour: the size of a wrong time zone or of a virtual machine that was suspended.
            let size = draw.small(3_600_000) as i64;
            Disturbance::ClockSkew { process, offset_ms: if draw.chance(500) { -size } else { size } }
        }
        _ => return None,
    };
    let from_ms = draw.below(span_ms.saturating_add(ONE_ITEM_MS));
    Some(TimedFault { from_ms, to_ms: from_ms.saturating_add(length(draw)), what })
}

/// Mostly up to some seconds; one in eight is longer than all attempts of a publisher with their backoffs.
fn length(draw: &mut Draw) -> u64 {
    let (long, usual) = (draw.between(60_000, 180_000), 20 + draw.small(8_000));
    if draw.chance(125) { long } else { usual }
}
