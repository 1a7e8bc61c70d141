use super::{
    Campaign,
    tally::{add_faults, tally},
};

/// Campaigns that are not parts of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("campaigns differ in {what}: {one} and {other}; only shards of one sweep can be merged")]
pub struct MergeError {
    what: &'static str,
    one: String,
    other: String,
}

impl Campaign {
    /// Adds another part of the same sweep.
    ///
    /// # Errors
    /// [`MergeError`] where scenario, profiles or base seed differ; nothing is changed then.
    pub fn merge(&mut self, other: Self, keep: usize) -> Result<(), MergeError> {
        let differ = |what, one: String, other: String| {
            if one == other { Ok(()) } else { Err(MergeError { what, one, other }) }
        };
        differ("format", self.format.to_string(), other.format.to_string())?;
        differ("scenario", self.scenario.to_string(), other.scenario.to_string())?;
        differ("profiles", format!("{:?}", self.profiles), format!("{:?}", other.profiles))?;
        differ("base seed", format!("{:?}", self.base_seed), format!("{:?}", other.base_seed))?;
        differ("faults left out", format!("{:?}", self.without_faults), format!("{:?}", other.without_faults))?;
        let whole = |campaign: &Self| format!("{:?}", campaign.exhausted.map(|exhausted| exhausted.whole()));
        differ("what is exhausted", whole(self), whole(&other))?;
        if let (Some(mine), Some(theirs)) = (&mut self.exhausted, other.exhausted) {
            mine.plans += theirs.plans;
            mine.next = mine.next.into_iter().chain(theirs.next).min();
        }
        self.absorb(other, keep);
        self.timing.first_failure_cpu_us = None;
        Ok(())
    }

    /// Adds what another worker of the same sweep did.
    pub(in crate::explore) fn absorb(&mut self, other: Self, keep: usize) {
        for kind in other.enabled {
            if let Err(at) = self.enabled.binary_search(&kind) {
                self.enabled.insert(at, kind);
            }
        }
        self.runs += other.runs;
        self.failed += other.failed;
        self.idle += other.idle;
        self.items += other.items;
        self.answered += other.answered;
        self.events += other.events;
        self.virtual_us += other.virtual_us;
        self.digest = self.digest.wrapping_add(other.digest);
        self.interrupted |= other.interrupted;
        for (point, calls) in other.calls {
            *self.calls.entry(point).or_default() += calls;
        }
        add_faults(&mut self.faults, other.faults);
        add_faults(&mut self.points, other.points);
        for (name, more) in other.invariants {
            let tally = tally(&mut self.invariants, &name, more.mode);
            tally.runs += more.runs;
            tally.times += more.times;
            if let Some(met) = more.met {
                *tally.met.get_or_insert(0) += met;
            }
            tally.violated += more.violated;
        }
        self.subjects.extend(other.subjects);
        for (name, more) in other.groups {
            self.groups.entry(name).or_default().add(more);
        }
        for (name, more) in other.goals {
            self.goals.entry(name).or_default().runs += more.runs;
        }
        // Every shard replays the same corpus.
        if self.corpus.plans == 0 {
            self.corpus = other.corpus;
        }
        self.twice.plans += other.twice.plans;
        self.twice.difference = self.twice.difference.take().or(other.twice.difference);
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|failure| failure.index);
        self.failures.truncate(keep);
        self.timing.wall_us = self.timing.wall_us.max(other.timing.wall_us);
        self.timing.cpu_us += other.timing.cpu_us;
        self.timing.first_failure_cpu_us =
            earliest(self.timing.first_failure_cpu_us, other.timing.first_failure_cpu_us);
        self.timing.first_failure_wall_us =
            earliest(self.timing.first_failure_wall_us, other.timing.first_failure_wall_us);
    }
}

fn earliest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}
