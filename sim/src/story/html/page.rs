//! The data of a page, which its script reads and draws.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    cut::cut,
    holdings::{Change, Held, Holdings, Thing},
    mentions::{Mention, Mentions},
    spans::{self, Span, Stretch},
};
use crate::{
    story::{Diagram, Lane, LaneKind, Row, Story, lineage::follow, tell::renderer},
    trace::{Event, Renderer},
    world::RunReport,
};

/// A story with the run that it is about.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    story: &'a Story,
    /// The run's events, or those that there is room for; `None` where it kept no trace.
    run: Option<Run<'a>>,
}

#[derive(Serialize)]
struct Run<'a> {
    diagram: Diagram,
    /// Details of each of its events.
    details: Vec<Details<'a>>,
    mentions: Vec<Mention>,
    things: Vec<Thing>,
    down: Vec<Stretch>,
    /// Time in which each fault of the plan was on.
    faults: Vec<Option<Span>>,
}

/// An event, beside its row.
#[derive(Serialize)]
struct Details<'a> {
    fields: &'a Event,
    /// Positions of the mentions that it is about.
    about: Vec<usize>,
    /// States of things that are other than before, by position in `things`; `null` for what is held no more. Those that
    /// changed at events that there is no room for are told with the next one.
    changes: Vec<(usize, Option<Held>)>,
}

impl<'a> Page<'a> {
    /// The page of a story and its run, with at most `max` events.
    pub(super) fn new(story: &'a Story, report: &'a RunReport, max: usize) -> Self {
        Self { story, run: report.trace.as_deref().map(|trace| Run::new(story, report, trace, max)) }
    }
}

impl<'a> Run<'a> {
    fn new(story: &Story, report: &RunReport, trace: &'a [Event], max: usize) -> Self {
        let mut renderer = renderer(report);
        let told = story.diagram.iter().flat_map(|diagram| &diagram.rows);
        let shown = cut(trace, &told.map(|row| row.event).collect(), max);
        let guilty = report.violations.first().map_or(&[][..], |violation| &violation.events);
        let mut diagram = Diagram::new(trace, &shown, guilty, &mut renderer);
        // What a row of the story stands for, it stands for here.
        let again: BTreeMap<u64, &Row> =
            story.diagram.iter().flat_map(|diagram| &diagram.rows).map(|row| (row.event, row)).collect();
        for row in &mut diagram.rows {
            if let Some(told) = again.get(&row.event) {
                row.again(told.before, told.after);
            }
        }

        let mut mentions = Mentions::default();
        shown.iter().for_each(|event| mentions.see(event, &mut renderer));
        let position: BTreeMap<u64, usize> = shown.iter().enumerate().map(|(at, event)| (event.number, at)).collect();
        let mut about = vec![Vec::new(); shown.len()];
        follow(trace, &mut |at, threads| {
            if let Some(position) = position.get(&trace[at].number) {
                about[*position] = mentions.among(threads);
            }
        });
        let mut things = Things::default();
        let changes = changes(trace, &position, &mut things, &mut renderer);
        let details = shown.into_iter().zip(about).zip(changes);
        let lane = |process| Lane { kind: LaneKind::Process, name: renderer.process(process) };
        Self {
            details: details.map(|((fields, about), changes)| Details { fields, about, changes }).collect(),
            mentions: mentions.into_list(),
            things: things.all,
            down: spans::down(trace, lane),
            faults: spans::faults(trace, story.plan.faults.len()),
            diagram,
        }
    }
}

/// Things that somebody holds, with short names.
#[derive(Default)]
struct Things {
    all: Vec<Thing>,
    positions: BTreeMap<Thing, usize>,
}

impl Things {
    fn position(&mut self, thing: Thing, renderer: &mut Renderer) -> usize {
        *self.positions.entry(thing).or_insert_with_key(|thing| {
            self.all.push(Thing { key: renderer.abbreviate(&thing.key), ..thing.clone() });
            self.all.len() - 1
        })
    }
}

/// Returns the changes at each of the events in `position`, in its order.
fn changes(
    trace: &[Event],
    position: &BTreeMap<u64, usize>,
    things: &mut Things,
    renderer: &mut Renderer,
) -> Vec<Vec<(usize, Option<Held>)>> {
    let is_cut = position.len() < trace.len();
    let name = |event: &Event, renderer: &Renderer| renderer.process(event.process);
    // Of what is never touched where anybody looks, nothing is told.
    let mut touched = BTreeSet::new();
    if is_cut {
        let mut holdings = Holdings::default();
        for event in trace {
            let is_shown = position.contains_key(&event.number);
            holdings.see(event, &name(event, renderer), &mut |thing| {
                if is_shown {
                    touched.insert(thing.clone());
                }
                false
            });
        }
    }
    let mut told = vec![Vec::new(); position.len()];
    let mut before: BTreeMap<Thing, Option<Held>> = BTreeMap::new();
    let mut holdings = Holdings::default();
    for event in trace {
        let name = name(event, renderer);
        before.extend(holdings.see(event, &name, &mut |thing| !is_cut || touched.contains(thing)));
        let Some(position) = position.get(&event.number) else { continue };
        let changes = std::mem::take(&mut before).into_iter();
        told[*position] = changes.map(|change| tell(change, things, renderer)).collect();
    }
    told
}

fn tell((thing, held): Change, things: &mut Things, renderer: &mut Renderer) -> (usize, Option<Held>) {
    let held = held.map(|held| Held { text: renderer.abbreviate(&held.text), ..held });
    (things.position(thing, renderer), held)
}
