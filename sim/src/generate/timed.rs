use crate::{
    draw::Draw,
    plan::{Disturbance, TimedFault},
};

/// The work of one item is done within about this many virtual milliseconds: a fault that begins later meets nothing.
const ONE_ITEM_MS: u64 = 1_500;

/// Draws when a fault over a span of time begins and ends.
pub(super) fn draw(what: Disturbance, span_ms: u64, draw: &mut Draw) -> TimedFault {
    let from_ms = draw.below(span_ms.saturating_add(ONE_ITEM_MS));
    TimedFault { from_ms, to_ms: from_ms.saturating_add(length(&what, draw)), what }
}

/// A copy that is put back may be of an hour ago, so long that every lease, pause and delivery of then is over.
const HOUR_MS: (u64, u64) = (50 * 60_000, 70 * 60_000);

/// Mostly up to some seconds; one in eight is longer than all attempts of a publisher with their backoffs. What shows only to
/// whoever tries again and again goes on until most would have given up, or longer than all do.
fn length(what: &Disturbance, draw: &mut Draw) -> u64 {
    if what.lasts() {
        return draw.between(20_000, 150_000);
    }
    if matches!(what, Disturbance::Restore { .. }) && draw.chance(250) {
        return draw.between(HOUR_MS.0, HOUR_MS.1);
    }
    let (long, usual) = (draw.between(60_000, 180_000), 20 + draw.small(8_000));
    if draw.chance(125) { long } else { usual }
}
