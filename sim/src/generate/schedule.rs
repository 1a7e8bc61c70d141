use crate::{
    draw::Draw,
    plan::{Latency, Profile, Schedule},
};

/// The schedule of one plan: drawn where the profile is about time or about everything, else the default one.
pub(super) fn draw(profile: Profile, stream: impl FnOnce() -> Draw) -> Schedule {
    match profile {
        Profile::Latency | Profile::Everything | Profile::Swarm => drawn(&mut stream()),
        _ => Schedule::default(),
    }
}

fn drawn(draw: &mut Draw) -> Schedule {
    let latency = match draw.below(8) {
        // With all latencies equal, or none, only the order of ready tasks decides who goes first.
        0 => Latency::Zero,
        1 => Latency::Equal { ms: draw.small(20) as u32 },
        2 => Latency::Spread { min_ms: 1, max_ms: draw.between(50, 500) as u32 },
        _ => Schedule::default().latency,
    };
    let stall_per_mille = match draw.below(8) {
        0 => 0,
        1 => draw.between(20, 200) as u16,
        _ => Schedule::default().stall_per_mille,
    };
    Schedule { latency, stall_per_mille }
}
