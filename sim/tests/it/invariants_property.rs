//! Properties by closures: each kind is judged when its constructor says, and counts what it judged by itself.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_sim::{
    invariants::{
        AtRest, Broken, Ending, Findings, Interest, Invariant, Mode, Panel, Property, always, eventually, sometimes,
    },
    prelude::Written,
    trace::{Effect, Event, Outcome, TxId, What, script::Script},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Account {
    balance: i64,
}

/// Commits, one after the other, that each write an account.
fn written(bodies: &[&'static str]) -> Vec<Event> {
    let in_the_bank: Vec<_> = bodies.iter().map(|body| ("bank", *body)).collect();
    written_to(&in_the_bank)
}

/// The same, each in the store that is named before it.
fn written_to(bodies: &[(&'static str, &'static str)]) -> Vec<Event> {
    let mut script = Script::new();
    let bank = script.process("bank-1");
    script.boot(bank);
    for (number, (store, body)) in bodies.iter().enumerate() {
        let (version, body) = (number as u64 + 1, Some(Bytes::from_static(body.as_bytes())));
        let effect = Effect::Document { collection: "accounts".into(), id: "ada".into(), version, body };
        let (store, effects): (_, Arc<[Effect]>) = ((*store).into(), Arc::new([effect]));
        let tx = TxId(version);
        script.event(bank, What::Commit { tx, store, outcome: Outcome::Done, effects, tried: Box::default() });
    }
    script.events()
}

fn judged(property: Box<dyn Invariant>, bodies: &[&'static str], ending: Ending) -> Findings {
    Panel::new(vec![property]).judge(&written(bodies), ending)
}

fn never_overdrawn() -> Property<(), Result<(), Broken>> {
    always("never-overdrawn", ()).on_document("accounts", |(), account: Written<'_, Account>| {
        let balance = account.value.balance;
        if balance < 0 {
            return Err(Broken::new(account.id, format!("{} stands at {balance}", account.id)).at(account.event));
        }
        Ok(())
    })
}

fn ends_empty() -> AtRest<Option<i64>> {
    eventually("ends-empty", None)
        .on_document("accounts", |last, account: Written<'_, Account>| *last = Some(account.value.balance))
        .at_rest(|last| last.filter(|balance| *balance != 0).map(|left| Broken::new("ada", format!("{left} are left"))))
}

#[test]
fn an_always_property_is_judged_at_each_event_however_the_run_ends() {
    for ending in [Ending::Quiet, Ending::OutOfBudget] {
        let findings = judged(never_overdrawn().boxed(), &[r#"{"balance":1}"#, r#"{"balance":-2}"#], ending);
        let [violation] = findings.violations.as_slice() else { panic!("{findings:?}") };
        assert_eq!((violation.sentence.as_str(), violation.events.as_slice()), ("ada stands at -2", &[2][..]));
        assert_eq!((findings.judged[0].mode, findings.judged[0].times), (Mode::Always, 2));
    }
}

#[test]
fn an_eventually_property_is_judged_at_rest_and_in_no_run_that_was_given_up() {
    let bodies = [r#"{"balance":5}"#, r#"{"balance":3}"#];
    let at_rest = judged(ends_empty().boxed(), &bodies, Ending::Quiet);
    assert_eq!(at_rest.violations[0].sentence, "3 are left");
    assert_eq!((at_rest.judged[0].mode, at_rest.judged[0].times), (Mode::Eventually, 2));
    let given_up = judged(ends_empty().boxed(), &bodies, Ending::OutOfBudget);
    assert_eq!((given_up.violations.len(), given_up.judged[0].times), (0, 0), "{given_up:?}");
    assert_eq!(given_up.judged[0].met, 2, "its subject came up");
}

#[test]
fn an_always_property_may_be_judged_at_rest_as_well_of_the_same_state() {
    let never_overdrawn_and_empty_in_the_end = || {
        always("sound", 0_i64)
            .on_document("accounts", |last, account: Written<'_, Account>| {
                *last = account.value.balance;
                if *last < 0 { Err(Broken::new("ada", format!("{last} is owed")).at(account.event)) } else { Ok(()) }
            })
            .at_rest(|last| (*last != 0).then(|| Broken::new("ada", format!("{last} are left"))))
            .boxed()
    };
    let told = |bodies: &[&'static str], ending| {
        let findings = judged(never_overdrawn_and_empty_in_the_end(), bodies, ending);
        assert_eq!((findings.judged[0].mode, findings.judged[0].times), (Mode::Always, bodies.len() as u64));
        let told = findings.violations.into_iter().map(|violation| (violation.sentence, violation.at_the_end));
        told.collect::<Vec<_>>()
    };
    let (owed, empty, left) = (r#"{"balance":-2}"#, r#"{"balance":0}"#, r#"{"balance":3}"#);
    assert_eq!(told(&[owed, empty], Ending::Quiet), [("-2 is owed".to_owned(), false)]);
    assert_eq!(told(&[empty, left], Ending::Quiet), [("3 are left".to_owned(), true)]);
    assert_eq!(told(&[empty, left], Ending::OutOfBudget), [], "it had not come to rest");
}

#[test]
fn an_always_closure_that_names_no_event_judged_the_one_that_shows_it_and_at_rest_there_is_none() {
    let property = |named: Option<u64>| {
        always("sound", ())
            .on_document("accounts", move |(), account: Written<'_, Account>| {
                let broken = Broken::new("ada", "ada owes");
                let broken = named.into_iter().fold(broken, Broken::at);
                if account.value.balance < 0 { Err(broken) } else { Ok(()) }
            })
            .at_rest(|()| [Broken::new("ada", "ada is asked for it")])
            .boxed()
    };
    let shown = |named| {
        let findings = judged(property(named), &[r#"{"balance":1}"#, r#"{"balance":-2}"#], Ending::Quiet);
        let shown = findings.violations.into_iter().map(|violation| (violation.sentence, violation.events));
        shown.collect::<Vec<_>>()
    };
    let (owes, asked) = ("ada owes".to_owned(), ("ada is asked for it".to_owned(), vec![]));
    assert_eq!(shown(None), [(owes.clone(), vec![2]), asked.clone()]);
    assert_eq!(shown(Some(1)), [(owes, vec![1]), asked], "one that names an event knows better");
}

#[test]
fn a_document_says_which_store_it_was_written_to() {
    let only_the_branch = always("only-the-branch", ())
        .on_document("accounts", |(), account: Written<'_, Account>| match &**account.store {
            "branch" => Ok(()),
            other => Err(Broken::new("ada", format!("read in {other}"))),
        })
        .on_write("accounts", |(), account| match &**account.store {
            "branch" => Ok(()),
            other => Err(Broken::new("ada", format!("seen in {other}"))),
        });
    let events = written_to(&[("branch", r#"{"balance":1}"#), ("bank", r#"{"balance":1}"#)]);
    let findings = Panel::new(vec![only_the_branch.boxed()]).judge(&events, Ending::Quiet);
    let told: Vec<_> = findings.violations.iter().map(|violation| violation.sentence.as_str()).collect();
    assert_eq!(told, ["read in bank", "seen in bank"]);
}

#[test]
fn a_goal_is_reached_once_and_then_nothing_more_is_asked() {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = asked.clone();
    let goal = sometimes("rich", ()).on_document("accounts", move |(), account: Written<'_, Account>| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        account.value.balance > 100
    });
    let bodies = [r#"{"balance":1}"#, r#"{"balance":200}"#, r#"{"balance":300}"#];
    let findings = judged(goal.boxed(), &bodies, Ending::Quiet);
    assert_eq!((findings.reached.as_slice(), findings.judged[0].times), (&["rich"][..], 1));
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_property_that_never_saw_anything_has_judged_nothing() {
    let elsewhere = always("elsewhere", ()).on_write("letters", |(), _| Ok(()));
    let findings = judged(elsewhere.boxed(), &[r#"{"balance":1}"#], Ending::Quiet);
    assert_eq!((findings.judged[0].times, findings.judged[0].met), (0, 0));
}

#[test]
fn a_document_that_is_not_what_a_property_reads_is_told_and_not_passed_over() {
    let findings = judged(never_overdrawn().boxed(), &[r#"{"saldo":1}"#], Ending::Quiet);
    let sentence = &findings.violations[0].sentence;
    assert!(sentence.starts_with("document `ada` of `accounts` can't be read: ") && sentence.contains("Account"));
    assert!(sentence.contains("missing field `balance`"), "{sentence}");
}

#[test]
fn a_property_sees_only_the_classes_that_it_asked_for() {
    let commits = always("commits", 0_u32).on_event(Interest::COMMIT, |seen, event| {
        *seen += 1;
        match event.effects() {
            [Effect::Document { version, .. }] if *version == u64::from(*seen) => Ok(()),
            other => Err(Broken::new("commit", format!("{other:?}"))),
        }
    });
    let findings = judged(commits.boxed(), &["{}", "{}"], Ending::Quiet);
    assert_eq!((findings.violations.len(), findings.judged[0].times), (0, 2), "the boot is none: {findings:?}");
}
