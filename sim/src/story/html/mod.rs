//! A story as one page for a browser: nothing is fetched, and what the run says is data, never markup.
//!
//! | module | what it is |
//! |---|---|
//! | `cut` | which events of a long run there is room for |
//! | `mentions` | what events are about, by name |
//! | `holdings` | what stores and broker hold, event by event |
//! | `spans` | when processes were down and faults on |
//! | `page` | all that as the data of a page |

mod cut;
mod holdings;
mod mentions;
mod spans;

mod page;

use self::{cut::EVENTS_MAX, page::Page};
use super::{Story, Style};
use crate::world::RunReport;

/// The page, with places for what it consists of. They are filled in this order, so that nothing that a run says is taken
/// for a place.
const PAGE: &str = include_str!("page.html");
const LOOKS: &str = include_str!("page.css");
/// One script: what the later files need is in those before.
const SCRIPT: &str = concat!(
    include_str!("script/data.js"),
    include_str!("script/elements.js"),
    include_str!("script/head.js"),
    include_str!("script/axis.js"),
    include_str!("script/timeline.js"),
    include_str!("script/filter.js"),
    include_str!("script/panel.js"),
    include_str!("script/main.js"),
);

impl Story {
    /// The story as one HTML file: the violated invariant on top, the plan, the events beside the lanes of those who take
    /// part, all fields of the one that is chosen, and what each store held at it. `report` is that of the run which it was
    /// told of. Of a run that held, it is the run.
    ///
    /// A run of more than 5,000 events is cut: the events of the story and those around its end are in the file. It needs no
    /// network, no other file and no program but a browser.
    pub fn html(&self, report: &RunReport) -> String {
        let data = serde_json::to_string(&Page::new(self, report, EVENTS_MAX)).expect("a page holds only plain data");
        // Between the tags of a script nothing may look like a tag; in JSON such a letter stands in strings only.
        let data = data.replace('<', "\\u003c");
        let plain = escaped(&self.terminal(Style::default()));
        let mut page = String::with_capacity(PAGE.len() + LOOKS.len() + SCRIPT.len() + plain.len() + data.len());
        let mut rest = PAGE;
        for (place, text) in [("{{looks}}", LOOKS), ("{{plain}}", &plain), ("{{data}}", &data), ("{{script}}", SCRIPT)]
        {
            let (before, after) = rest.split_once(place).expect("the page has a place for each of its parts");
            page.push_str(before);
            page.push_str(text);
            rest = after;
        }
        page + rest
    }
}

/// A text as HTML says it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
