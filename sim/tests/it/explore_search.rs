//! Plans from anywhere: a search of one's own is run, counted and told as seeds are, and learns from each run.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use crate::deposits::{Deposits, RIGHT, pretend, violation};
use seaworthy_sim::{
    explore::{Campaign, Candidate, Search, SearchOptions, Source, Until, replay, runner, search},
    generate::generate,
    plan::Profile,
    world::{RunOptions, RunReport},
};

/// The plans of seeds from 0, ten at most: it goes on only while nothing has failed.
#[derive(Default)]
struct Careful {
    next: AtomicU64,
    learnt: Mutex<Vec<(u64, bool)>>,
}

impl Search<Deposits> for Careful {
    fn next(&self) -> Option<Candidate<Deposits>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let has_failed = self.learnt.lock().expect("no panic").iter().any(|(_, held)| !held);
        let (seed, profile) = (turn, Profile::Crash);
        let plan = generate(&RIGHT, seed, profile);
        (turn < 10 && !has_failed).then_some(Candidate {
            turn,
            index: turn,
            source: Source::Seed { seed, profile },
            plan,
        })
    }

    fn learn(&self, candidate: &Candidate<Deposits>, report: &RunReport) {
        self.learnt.lock().expect("no panic").push((candidate.index, report.held()));
    }
}

fn run(mine: &Careful, until: Until) -> Campaign {
    let failing = pretend(|plan| if plan.seed == 6 { vec![violation("a", "b")] } else { Vec::new() });
    let blank = Campaign::new("deposits", vec![Profile::Crash], None, []);
    let options = SearchOptions::default().jobs(1).until(until);
    search(&runner(&RIGHT, failing), mine, blank, &options, None, &|_| {}).expect("it runs")
}

#[test]
fn a_search_learns_from_each_run_and_says_what_comes_next() {
    let mine = Careful::default();
    let campaign = run(&mine, Until::end());
    assert_eq!((campaign.runs, campaign.failed), (7, 1));
    assert_eq!(campaign.failures[0].index, 6);
    let learnt = mine.learnt.into_inner().expect("no panic");
    assert_eq!(learnt, (0..7).map(|index| (index, index != 6)).collect::<Vec<_>>());
}

#[test]
fn a_stop_rule_ends_a_search_that_has_more() {
    let mine = Careful::default();
    assert_eq!(run(&mine, Until::runs(4)).runs, 4);
    assert_eq!(mine.learnt.into_inner().expect("no panic").len(), 4);
}

#[test]
fn one_plan_is_a_search_that_ends_after_it() {
    let plan = generate(&RIGHT, 6, Profile::Crash);
    let source = Source::File("six.json".into());
    let failing = runner(&RIGHT, pretend(|_| vec![violation("a", "b")]));
    let (campaign, report) = replay(&failing, source.clone(), &plan, &RunOptions::default()).expect("it fits");
    assert_eq!((campaign.runs, campaign.failed, campaign.twice.plans), (1, 1, 0));
    assert_eq!(campaign.failures[0].source, source);
    assert_eq!(report.violations, [violation("a", "b")]);
}
