use std::ops::Range;

use seaworthy_sim::scenario::{Draw, Workload};
use serde::{Deserialize, Serialize};

/// Requests to a control: names, one after the other. A name may come again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// In the order in which they are asked.
    pub requests: Vec<Request>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Name that it is about.
    pub name: String,
    /// Milliseconds after the one before it.
    pub after_ms: u64,
}

impl Requests {
    /// One to four requests within some seconds, over three names.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let count = draw.between(1, 4);
        let request = |draw: &mut Draw| Request { name: format!("item-{}", draw.below(3)), after_ms: draw.below(700) };
        Self { requests: (0..count).map(|_| request(draw)).collect() }
    }

    /// The same over some hours: a request comes soon after the one before it, or up to forty minutes later.
    pub(super) fn draw_over_hours(draw: &mut Draw) -> Self {
        let mut requests = Self::draw(draw);
        for request in &mut requests.requests {
            request.after_ms += if draw.chance(500) { draw.below(40 * 60_000) } else { 0 };
        }
        requests
    }
}

impl Workload for Requests {
    fn noun() -> &'static str {
        "requests"
    }

    fn len(&self) -> usize {
        self.requests.len()
    }

    fn without(&self, items: Range<usize>) -> Self {
        let mut left = self.clone();
        left.requests.drain(items);
        left
    }

    fn simpler(&self) -> Vec<Self> {
        let waits = self.requests.iter().any(|request| request.after_ms > 0);
        let at_once = |request: &Request| Request { after_ms: 0, ..request.clone() };
        waits.then(|| Self { requests: self.requests.iter().map(at_once).collect() }).into_iter().collect()
    }
}
