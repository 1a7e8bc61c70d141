//! How a difference is told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use seaworthy_sim::{
    check::{CheckError, check},
    explore::DifferenceCause,
    invariants::{Ending, Invariant, Judge, Mode},
    plan::Profile,
    scenario::{Client, Draw, Scenario, Topology},
    trace::{Effect, Event, What},
};

use super::{
    Leaky, caught,
    scenario::{Requests, campaign},
};

#[test]
fn the_story_shows_both_events_what_differs_in_them_and_the_spans_before() {
    static COUNTER: AtomicU64 = AtomicU64::new(100);
    let source = Leaky::new(|_| {
        Box::pin(async {
            let _span = tracing::info_span!("count_up").entered();
            COUNTER.fetch_add(1, Ordering::Relaxed).to_string()
        })
    });
    let difference = caught(&source);
    let story = &difference.story;
    let line = |start: &str| story.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{story}"));
    assert!(line("first run ").contains("commit t1 on notes"), "{story}");
    assert!(line("second run ").contains("commit t1 on notes"), "{story}");
    assert!(story.contains("> count_up") && story.contains("request 1: note"), "{story}");
    // What the counter had come to before depends on the runs that came before; that it went on does not.
    assert!(story.contains("\" and \"1"), "{story}");
    assert!(story.contains("(seed 0x"), "{story}");
}

#[test]
fn a_campaign_ends_at_the_first_difference() {
    let source = Leaky::new(|_| Box::pin(async { rand::random::<u64>().to_string() }));
    let campaign = campaign(&source);
    assert!(campaign.runs < 10, "{} runs", campaign.runs);
    let verdict = campaign.verdict();
    assert!(!verdict.held && !verdict.passes(false) && verdict.to_string().starts_with("differ when run twice;"));
}

#[test]
fn a_check_fails_with_the_difference_however_lenient() {
    let source = Leaky::new(|_| Box::pin(async { rand::random::<u64>().to_string() }));
    let error = check(source).seeds(20).profile(Profile::Calm).strict(false).verify().expect_err("it leaks");
    assert!(matches!(error, CheckError::Nondeterministic { .. }), "{error}");
    assert!(error.to_string().starts_with("leaky: two runs of one plan differ at event"), "{error}");
}

/// Fails once in the life of the program, in a run that is not among those that are run twice.
struct Moody;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicBool = AtomicBool::new(false);

#[async_trait]
impl Scenario for Moody {
    type Workload = Requests;

    fn name(&self) -> &str {
        "moody"
    }

    fn about(&self) -> &str {
        "fails once"
    }

    fn topology(&self) -> Topology {
        Leaky::new(|_| {
            Box::pin(async {
                let late = REQUESTS.fetch_add(1, Ordering::Relaxed) > 100;
                if late && !FAILED.swap(true, Ordering::Relaxed) { "alarm".to_owned() } else { "calm".to_owned() }
            })
        })
        .topology()
    }

    fn workload(&self, draw: &mut Draw) -> Requests {
        Leaky::new(|_| Box::pin(async { String::new() })).workload(draw)
    }

    fn invariants(&self, _: &Requests) -> Vec<Box<dyn Invariant>> {
        vec![Box::new(NoAlarm)]
    }

    async fn drive(&self, workload: &Requests, client: Client) {
        Leaky::new(|_| Box::pin(async { String::new() })).drive(workload, client).await;
    }
}

struct NoAlarm;

impl Invariant for NoAlarm {
    fn name(&self) -> &'static str {
        "no-alarm"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        judge.judged();
        let What::Commit { effects, .. } = &event.what else { return };
        for effect in effects.iter() {
            if let Effect::Document { id, body: Some(body), .. } = effect
                && &body[..] == b"alarm"
            {
                judge.violate(id.as_str(), format!("{id} is an alarm"), vec![event.number]);
            }
        }
    }

    fn conclude(&mut self, _: Ending, _: &mut Judge<'_>) {}
}

#[test]
fn a_failure_that_does_not_come_again_is_told_with_the_diagnosis() {
    let error = check(Moody).seeds(200).profile(Profile::Calm).base_seed(5).jobs(1).strict(false).verify();
    let story = error.expect_err("there is one alarm").to_string();
    assert!(story.contains("is an alarm"), "{story}");
    assert!(story.contains("the run that failed does not come again"), "{story}");
    assert!(story.contains(&format!("likely cause: {}", DifferenceCause::Survivor)), "{story}");
    assert!(!story.contains("another scenario, store or budget"), "{story}");
}
