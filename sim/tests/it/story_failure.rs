//! What a failure looks like.

use std::{ops::Range, time::Duration};

use seaworthy_core::ports::{Operation, SubscriptionSpec};
use seaworthy_sim::{
    invariants::{Ending, Invariant, LostEvent, Panel, PhantomEvent},
    plan::{CallFault, Disturbance, FORMAT, Fault, FaultKind, Plan, Restart, Schedule, TimedFault, Verdict},
    scenario::Workload,
    story::{Pointers, Story, Style, tell},
    trace::{
        Outcome, SettledAs, What,
        script::{self, Script, created, handled, staged},
    },
    world::{Effort, Fired, RunReport},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Orders(Vec<u32>);

impl Workload for Orders {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut orders = self.0.clone();
        orders.drain(range);
        Self(orders)
    }
}

pub(crate) fn plan(faults: Vec<Fault>) -> Plan<Orders> {
    Plan {
        format: FORMAT.into(),
        scenario: "order_fulfillment".into(),
        seed: 7,
        schedule: Schedule::default(),
        workload: Orders(vec![1]),
        faults,
    }
}

pub(crate) fn crash() -> Fault {
    Fault::Call(CallFault {
        process: "shipping-1".into(),
        point: Operation::Ack.into(),
        nth: 2,
        verdict: Verdict::CrashAfter(Restart { after_ms: 200, upgrade: false }),
    })
}

pub(crate) fn outage() -> Fault {
    Fault::Timed(TimedFault { from_ms: 900, to_ms: 1_900, what: Disturbance::BrokerOutage })
}

/// `shipping` acknowledges before it commits, and crashes between the two: the second order is never shipped. Around
/// it goes on what goes on in any run.
pub(crate) fn acknowledged_too_early() -> Script {
    let first = script::message(1, "orders", "order-16");
    let second = script::message(2, "orders", "order-17");
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process("shipping-1"));
    script.boot(orders);
    script.boot(shipping);
    for (number, message) in [(1, &first), (2, &second)] {
        let key = message.subject.clone();
        script.commit(orders, "orders", Outcome::Done, [created(number, "checkout", &key)]);
        script.commit(orders, "orders", Outcome::Done, [staged(message)]);
        script.claim(orders, "orders", number, &[message], Outcome::Done);
        script.publish(orders, message, Outcome::Done);
        script.settle(orders, "orders", number, &[message], (SettledAs::Dispatched, true), Outcome::Done);
        script.deliver(shipping, "shipping", message);
        if number == 2 {
            script.fault(shipping, FaultKind::CrashAfter, Operation::Ack);
            script.ack(shipping, "shipping", message, Outcome::DoneUnheard);
            script.crash(shipping);
            script.after_ms(200).boot(shipping);
        } else {
            script.ack(shipping, "shipping", message, Outcome::Done);
            script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", message)]);
        }
    }
    // Twenty idle polls, which tell nothing.
    for _ in 0..20 {
        script.after_ms(50).claim(orders, "orders", 9, &[], Outcome::Done);
    }
    script.rest();
    script
}

pub(crate) fn report(script: &Script, invariants: Vec<Box<dyn Invariant>>, fired: Vec<Fired>) -> RunReport {
    let events = script.events();
    let findings = Panel::new(invariants).judge(&events, Ending::Quiet);
    RunReport {
        fingerprint: 0,
        events: events.len() as u64,
        calls: [0; Operation::ALL.len()],
        strikable: None,
        answered: 1,
        effort: Effort::default(),
        virtual_time: Duration::from_secs(2),
        ending: Ending::Quiet,
        violations: findings.violations,
        judged: findings.judged,
        reached: findings.reached,
        dealt: findings.dealt,
        fired,
        processes: script.processes(),
        trace: Some(events),
        spans: None,
    }
}

pub(crate) fn lost_event() -> Box<dyn Invariant> {
    let strict = LostEvent::new(&[SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] }]);
    Box::new(strict.handles("shipping", &["scripted.event"]))
}

const REPLAY: &str = "SEAWORTHY_SEED=7 cargo test orders_survive";

pub(crate) fn pointers() -> Pointers {
    Pointers::new(REPLAY).plan("target/seaworthy/order_fulfillment-7.json")
}

/// Told in a terminal.
pub(crate) fn told(plan: &Plan<Orders>, report: &RunReport, style: Style) -> String {
    tell(plan, report, pointers()).terminal(style)
}

pub(crate) fn struck() -> Vec<Fired> {
    vec![Fired { index: 0, kind: FaultKind::CrashAfter, point: Some(Operation::Ack) }]
}

#[test]
fn the_story_of_a_lost_event() {
    let report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    insta::assert_snapshot!("lost_event", told(&plan(vec![crash(), outage()]), &report, Style::default()));
}

#[test]
fn the_story_of_a_phantom_names_external_services_and_other_violations() {
    let message = script::message(1, "orders", "order-17");
    let mut script = Script::new();
    let orders = script.process("orders-1");
    script.event(orders, What::Request { request: 1, operation: "place_order".into() });
    let operation = seaworthy_core::ids::OperationId(uuid::Uuid::from_u128(5));
    for _ in 0..2 {
        script.external(orders, ("payments", "charge", "order-17"), operation, true, Outcome::Done);
    }
    script.publish(orders, &message, Outcome::Done);
    script.commit(orders, "orders", Outcome::Conflict, [staged(&message)]);
    script.rest();
    let duplicate = Box::new(seaworthy_sim::invariants::DuplicateEffect::new());
    // In good weather its source stages what it publishes.
    let (mut good_weather, staged_one) = (Script::new(), script::message(2, "orders", "order-18"));
    let orders = good_weather.process("orders-1");
    good_weather.commit(orders, "orders", Outcome::Done, [staged(&staged_one)]);
    let mut student = seaworthy_sim::invariants::Student::new();
    student.attend(&good_weather.events());
    let mut phantom = PhantomEvent::new();
    phantom.learn(&std::sync::Arc::new(student.practice()));
    let mut report = report(&script, vec![Box::new(phantom), duplicate], Vec::new());
    report.violations.sort_by_key(|violation| violation.invariant != "phantom-event");
    insta::assert_snapshot!(
        "phantom",
        tell(&plan(Vec::new()), &report, Pointers::new(REPLAY)).terminal(Style::default())
    );
}

#[test]
fn a_story_as_json_has_all_that_the_terminal_shows_and_is_read_again() {
    let report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    let story = tell(&plan(vec![crash(), outage()]), &report, pointers());
    insta::assert_snapshot!("lost_event_json", story.json());
    let read = Story::from_json(&story.json()).expect("what was written can be read");
    assert_eq!(read, story);
    assert_eq!(read.terminal(Style::default()), story.terminal(Style::default()));
}

#[test]
fn a_story_of_another_format_is_refused_by_its_name() {
    let refused = |text: &str| Story::from_json(text).expect_err("no story").to_string();
    let report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    let newer = tell(&plan(vec![crash()]), &report, pointers()).json().replace("story@1", "story@9");
    assert!(refused(&newer).contains("story has format \"seaworthy/story@9\""), "{}", refused(&newer));
    assert!(refused(&newer[..200]).contains("story is malformed or truncated"), "{}", refused(&newer[..200]));
}

#[test]
fn a_story_is_plain_in_a_pipe_and_coloured_on_a_terminal() {
    let report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    let told = |color| told(&plan(vec![crash()]), &report, Style::default().color(color).width(100));
    assert!(!told(false).contains('\u{1b}'));
    assert!(told(true).contains("\u{1b}[31m"), "red where it is bad");
    let mut uncoloured = String::new();
    let mut rest = &told(true)[..];
    while let Some(start) = rest.find('\u{1b}') {
        uncoloured.push_str(&rest[..start]);
        rest = rest[start..].split_once('m').expect("a colour code ends with m").1;
    }
    uncoloured.push_str(rest);
    assert_eq!(uncoloured, told(false), "colour changes no letter");
}

/// All letters of a text, without the blanks, lanes and line breaks between them.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && !"│├┤◄►─".contains(*letter)).collect()
}

#[test]
fn a_narrow_story_says_every_word_of_a_wide_one_except_that_names_of_lanes_are_shorter() {
    let report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    let told = |width| told(&plan(vec![crash(), outage()]), &report, Style::default().width(width));
    let without_head = |story: &str| letters(&story.lines().filter(|line| !line.contains("ms  ")).collect::<String>());
    let wide = without_head(&told(1_000));
    for width in [40, 60, 80, 120] {
        assert_eq!(without_head(&told(width)), wide, "{width} columns:\n{}", told(width));
    }
}

#[test]
fn a_story_fits_its_terminal_and_stays_short() {
    let report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    for width in [40, 80, 200] {
        let story = told(&plan(vec![crash()]), &report, Style::default().width(width));
        let diagram: Vec<&str> =
            story.lines().skip_while(|line| *line != "what happened").take_while(|line| !line.is_empty()).collect();
        // A row begins with its moment; the lines under it do not.
        let begins = |line: &&&str| line[2..].trim_start().starts_with(|digit: char| digit.is_ascii_digit());
        let rows = diagram.iter().filter(begins).count();
        assert!(rows <= 25, "{story}");
        let longest = diagram.iter().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{width} columns: {longest:?}\n{story}");
    }
}

#[test]
fn a_run_that_held_has_no_story_and_one_without_a_trace_has_no_diagram() {
    let mut report = report(&acknowledged_too_early(), vec![lost_event()], struck());
    report.trace = None;
    let story = told(&plan(vec![crash()]), &report, Style::default());
    assert!(story.contains("the run kept no trace"), "{story}");
    report.violations.clear();
    assert_eq!(
        told(&plan(vec![crash()]), &report, Style::default()),
        "order_fulfillment held under seed 7: there is no failure to tell\n"
    );
}
