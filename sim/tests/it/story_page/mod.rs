//! The story as a page, in a real browser.

mod browser;

use std::{fs, path::PathBuf};

use bytes::Bytes;
use seaworthy_core::{message::Message, ports::Operation};
use seaworthy_sim::{
    plan::FaultKind,
    story::{Story, tell},
    trace::{
        Effect, Outcome, SettledAs,
        script::{self, Script, created, handled, staged},
    },
    world::RunReport,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::story_failure::{crash, lost_event, outage, plan, pointers, report, struck};
use browser::Browser;

/// A window on a desk.
const WIDE: (u32, u32) = (1_400, 900);
/// One in a hand.
const NARROW: (u32, u32) = (400, 800);
/// A text that a page must show as it is, and never run.
const HOSTILE: &str = "</script><script>document.title='taken'</script><img src=http://127.0.0.1:9/x onerror=alert(1)>";

/// `shipping` acknowledges before it commits, and crashes between the two. The order has a hostile name, and so has the
/// text of its message.
fn lost() -> RunReport {
    let name = format!("order-17 {HOSTILE}");
    let message =
        Message { data: Bytes::from(format!("{{\"note\":\"{HOSTILE}\"}}")), ..script::message(2, "orders", &name) };
    let other = script::message(1, "orders", "order-16");
    let document = Effect::Document {
        collection: "order".into(),
        id: "order-16".into(),
        version: 1,
        body: Some(Bytes::from(format!("{{\"note\":\"{HOSTILE}\"}}"))),
    };
    let mut script = Script::new();
    let (orders, shipping) = (script.process("orders-1"), script.process(&format!("shipping-1 {HOSTILE}")));
    script.boot(orders);
    script.boot(shipping);
    script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-16"), document, staged(&other)]);
    script.publish(orders, &other, Outcome::Done);
    script.deliver(shipping, "shipping", &other);
    script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &other)]);
    script.ack(shipping, "shipping", &other, Outcome::Done);
    script.commit(orders, "orders", Outcome::Done, [staged(&message)]);
    script.claim(orders, "orders", 2, &[&message], Outcome::Done);
    script.publish(orders, &message, Outcome::Done);
    script.settle(orders, "orders", 2, &[&message], (SettledAs::Dispatched, true), Outcome::Done);
    script.deliver(shipping, "shipping", &message);
    script.fault(shipping, FaultKind::CrashAfter, Operation::Ack);
    script.ack(shipping, "shipping", &message, Outcome::DoneUnheard);
    script.crash(shipping);
    script.after_ms(200).boot(shipping);
    for _ in 0..10 {
        script.after_ms(50).claim(orders, "orders", 9, &[], Outcome::Done);
    }
    script.rest();
    report(&script, vec![lost_event()], struck())
}

/// A page in a file, which lives as long as the folder.
fn page(story: &Story, report: &RunReport) -> (TempDir, String) {
    let folder = TempDir::new().expect("a temporary folder");
    let path: PathBuf = folder.path().join("story.html");
    fs::write(&path, story.html(report)).expect("writable");
    let url = format!("file://{}", path.display());
    (folder, url)
}

/// The data of a page, as its script reads it.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").expect("a page has its data");
    serde_json::from_str(rest.split_once("</script>").expect("and an end of it").0).expect("which is JSON")
}

#[test]
fn nothing_that_a_run_says_is_markup() {
    let report = lost();
    let page = tell(&plan(vec![crash(), outage()]), &report, pointers()).html(&report);
    assert_eq!(page.matches("<script").count(), 2, "its data and its own");
    assert!(!page.contains("<img") && !page.contains("<!--\n"), "{page}");
    let data = data(&page);
    assert_eq!(data["story"]["headline"]["invariant"], "lost-event");
    let rows = data["run"]["diagram"]["rows"].as_array().expect("rows");
    assert_eq!(rows.len() as u64, report.events);
    assert!(rows.iter().any(|row| row["text"].as_str().is_some_and(|text| text.contains(HOSTILE))), "as it is");
}

#[test]
fn a_long_run_is_cut_to_what_lies_around_its_story_and_still_says_what_was_held() {
    let order = |version| Effect::Document {
        collection: "order".into(),
        id: "order-17".into(),
        version,
        body: Some(Bytes::from_static(b"{}")),
    };
    let message = script::message(1, "orders", "order-17");
    let mut script = Script::new();
    let (orders, other) = (script.process("orders-1"), script.process("orders-2"));
    script.commit(orders, "orders", Outcome::Done, [order(1)]);
    script.commit(other, "orders", Outcome::Done, [created(1, "checkout", "order-2")]);
    let idle = |script: &mut Script| (0..6_000).for_each(|_| _ = script.claim(orders, "orders", 9, &[], Outcome::Done));
    idle(&mut script);
    script.commit(orders, "orders", Outcome::Done, [order(2), staged(&message)]);
    script.publish(orders, &message, Outcome::Done);
    script.deliver(orders, "shipping", &message);
    script.ack(orders, "shipping", &message, Outcome::Done);
    idle(&mut script);
    script.rest();
    let report = report(&script, vec![lost_event()], Vec::new());
    let data = data(&tell(&plan(Vec::new()), &report, pointers()).html(&report));

    let list = |of: &Value| of.as_array().cloned().expect("a list");
    let (rows, details) = (list(&data["run"]["diagram"]["rows"]), list(&data["run"]["details"]));
    let events: Vec<u64> = rows.iter().filter_map(|row| row["event"].as_u64()).collect();
    assert!(events.len() <= 5_000 && events.len() == details.len(), "{} rows", events.len());
    assert!(events.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the trace");
    let told = list(&data["story"]["diagram"]["rows"]);
    assert!(told.iter().all(|row| events.contains(&row["event"].as_u64().expect("a number"))), "all of the story");

    // What happened before is told at the first event that is shown, and only of what the others are about.
    let things: Vec<Value> = list(&data["run"]["things"]).iter().map(|thing| thing["key"].clone()).collect();
    assert!(things.contains(&"order/order-17".into()) && !things.contains(&"s1".into()), "{things:?}");
    let states = |at: usize| -> Vec<Value> {
        let changes = list(&details[at]["changes"]);
        let of_order = changes
            .iter()
            .filter(|change| things[change[0].as_u64().expect("a position") as usize] == "order/order-17");
        of_order.map(|change| change[1]["state"].clone()).collect()
    };
    let versions: Vec<Value> = (0..details.len()).flat_map(states).collect();
    assert_eq!(versions, ["v1", "v2"]);
}

/// The number of the first event whose row says this.
fn event(browser: &mut Browser, words: &str) -> u64 {
    let script = format!(
        "Number([...document.querySelectorAll('#rows .row')].find((row) => row.innerText.includes({words:?}))?.dataset.event)"
    );
    browser.value(&script).as_u64().unwrap_or_else(|| panic!("no row says {words:?}"))
}

#[test]
fn the_page_of_a_failure_tells_it_is_clicked_through_and_asks_for_nothing() {
    let report = lost();
    let story = tell(&plan(vec![crash(), outage()]), &report, pointers());
    let (_folder, url) = page(&story, &report);
    let Some(mut browser) = Browser::start(WIDE, false) else { return };
    browser.open(&url);

    assert!(browser.text("h1").contains("lost-event"), "{}", browser.text("h1"));
    assert!(browser.text("#sentence").contains("was committed and lost"), "{}", browser.text("#sentence"));
    let faults = browser.text("#faults");
    assert!(faults.contains("fault 0: crash shipping-1 after its 2nd acknowledgement"), "{faults}");
    assert!(faults.contains("(never struck)"), "the other one did not: {faults}");
    for shown in ["#sentence", "#faults li", "#rows .row", "#panel"] {
        assert!(browser.is_on_screen(shown), "{shown} is not on the screen");
    }

    // A click on an event shows its fields, and what was held then.
    let publish = event(&mut browser, "publish m2");
    browser.click(&format!("[data-event='{publish}'] .track"));
    let panel = browser.text("#panel");
    for field in [&format!("EVENT {publish} · PUBLISH"), "partition key", "scripted.event", "orders-1, boot 1", "note"]
    {
        assert!(panel.contains(field), "the panel lacks {field:?}:\n{panel}");
    }
    assert!(panel.contains("store orders") && panel.contains("claimed by orders-1"), "{panel}");
    assert!(panel.contains("order/order-16") && panel.contains("checkout of order-16"), "{panel}");
    browser.press("ArrowDown");
    let settled = browser.text("#panel");
    assert!(settled.contains("dispatched") && !settled.contains("claimed by"), "an event later:\n{settled}");
    browser.press("ArrowUp");
    assert_eq!(browser.text("#panel"), panel, "and back");

    // The dead stretch of the process, and the fault that led to it.
    let died = event(&mut browser, "crashes");
    assert_eq!(browser.count(&format!("[data-event='{died}'] .track .down")), 1);
    browser.click("#faults button");
    assert!(browser.text("#panel").contains("fault 0 strikes at ack: crash after"), "{}", browser.text("#panel"));

    // All that is about one message, by a click on its name; then everything, of the whole run.
    let of_the_story = browser.count("#rows .row");
    browser.click(&format!("[data-event='{publish}'] .what .id"));
    assert!(browser.text("#filter option:checked").starts_with("m2"), "{}", browser.text("#filter option:checked"));
    let of_the_message = browser.count("#rows .row");
    assert!(of_the_message > 2 && of_the_message < of_the_story, "{of_the_message} of {of_the_story}");
    let all_say_it =
        "[...document.querySelectorAll('#rows .row .what')].every((row) => /m2|order-17|crashes/.test(row.innerText))";
    assert_eq!(browser.value(all_say_it), true, "{}", browser.text("#rows"));
    browser.click("#clear");
    browser.click("#views button[data-whole=true]");
    assert_eq!(browser.count("#rows .row"), report.events);

    // What the run says is shown and never run, and nothing is fetched.
    assert!(browser.text("#panel").contains(HOSTILE), "{}", browser.text("#panel"));
    assert!(browser.value("document.title").as_str().is_some_and(|title| title.starts_with("lost-event")));
    assert_eq!(browser.count("img"), 0);
    assert_eq!(browser.requests(), [url.as_str()]);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_page_fits_a_narrow_window_and_follows_the_dark() {
    let report = lost();
    let story = tell(&plan(vec![crash(), outage()]), &report, pointers());
    let (_folder, url) = page(&story, &report);
    let Some(mut browser) = Browser::start(NARROW, true) else { return };
    browser.open(&url);
    let too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(browser.value(too_wide), false, "nothing is beyond the edge of the window");
    let over_each_other = "[...document.querySelectorAll('.tick')].map((tick) => {
            const range = document.createRange();
            range.selectNodeContents(tick);
            return range.getBoundingClientRect();
        }).some((label, at, all) => at > 0 && label.left < all[at - 1].right)";
    assert_eq!(browser.value(over_each_other), false, "each label of the axis can be read");
    assert_ne!(browser.value("document.querySelectorAll('.tick').length"), 0);
    let publish = event(&mut browser, "publish m2");
    browser.click(&format!("[data-event='{publish}']"));
    assert!(browser.is_on_screen("#panel"), "the fields are below the events");
    assert!(browser.text(&format!("[data-event='{publish}']")).contains("orders-1 → broker"));
    let dark = browser.value("getComputedStyle(document.body).backgroundColor");
    browser.click("#theme");
    assert_ne!(browser.value("getComputedStyle(document.body).backgroundColor"), dark, "light where it is asked for");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn names_of_lanes_are_never_cut_in_half_and_a_gap_never_runs_into_the_time_behind_it() {
    let report = lost();
    let story = tell(&plan(vec![crash(), outage()]), &report, pointers());
    let (_folder, url) = page(&story, &report);
    let Some(mut browser) = Browser::start(NARROW, false) else { return };
    browser.open(&url);
    let room = "[...document.querySelectorAll('#rows .time small')].map((gap) => { const time = document.createRange(); \
                time.selectNode(gap.nextSibling); \
                return time.getBoundingClientRect().left - gap.getBoundingClientRect().right; })";
    let room = browser.value(room).as_array().cloned().expect("a list");
    assert!(!room.is_empty() && room.iter().all(|px| px.as_f64() >= Some(4.0)), "{room:?} pixels between them");

    // Of a name that is too long only whole lines are shown, and what is shown stands inside its lane.
    let cut = "[...document.querySelectorAll('#lanes .name')].filter((name) => { \
               const line = name.querySelector('b'), kind = name.querySelector('small') ?? line; \
               const across = getComputedStyle(name).writingMode === 'vertical-rl' ? 'Width' : 'Height'; \
               const [lane, first, last] = [name, line, kind].map((part) => part.getBoundingClientRect()); \
               const lines = line['client' + across] / parseFloat(getComputedStyle(line).lineHeight); \
               return lines < 1 || lines % 1 !== 0 \
                 || Math.min(first.left, last.left) < lane.left || Math.max(first.right, last.right) > lane.right; \
               }).map((name) => name.innerText)";
    let mut narrow = Vec::new();
    for width in [900, 1_200, 1_300, 1_400, 1_700] {
        browser.resize((width, 900));
        browser.open(&url);
        assert!(browser.count("#lanes .name") > 5);
        assert_eq!(browser.value(cut), json!([]), "at {width} px");
        narrow.push(browser.count("#lanes.narrow"));
    }
    assert_eq!(narrow, [1, 1, 1, 1, 0], "both ways to write them were looked at");
}

#[test]
fn a_run_that_held_has_a_page_and_so_has_one_without_a_trace() {
    let mut report = lost();
    report.violations.clear();
    let (_folder, held) = page(&tell(&plan(vec![crash()]), &report, pointers()), &report);
    let Some(mut browser) = Browser::start(WIDE, false) else { return };
    browser.open(&held);
    assert_eq!(browser.text("h1"), "held every invariant");
    assert_eq!(browser.count("#rows .row"), report.events);
    assert_eq!(browser.complaints(), [""; 0]);

    let mut report = lost();
    report.trace = None;
    let (_folder, without) = page(&tell(&plan(vec![crash()]), &report, pointers()), &report);
    browser.open(&without);
    assert!(browser.text("h1").contains("lost-event"));
    assert!(browser.text("#nothing").contains("The run kept no trace"), "{}", browser.text("#nothing"));
    assert_eq!(browser.complaints(), [""; 0]);
}
