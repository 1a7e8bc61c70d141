//! The steps of a saga's state: a tree of which a new version shares all with the old one but the way to what has changed,
//! and whose nodes know what stands below them.
//!
//! A saga's state is copied at each of its commits and looked at before and after. With a plain vector, a group of `n`
//! steps side by side would cost `n` copies and scans of `n` steps; so it costs `n` ways of `log n`. A saga of up to
//! sixteen steps is one leaf.
//!
//! Source: Driscoll, Sarnak, Sleator and Tarjan, Making Data Structures Persistent (1989): path copying.

mod sum;
#[cfg(test)]
mod tests;

use std::{fmt, ops, sync::Arc};

use smol_str::SmolStr;

use self::sum::Sum;
use super::{ActionState, Awaits, StepShape, StepState, sorted::Sorted, work};

pub(crate) use self::sum::Spent;

/// Steps of a leaf, and nodes below a node.
const WIDTH: usize = 16;

#[derive(Clone)]
struct Node {
    sum: Sum,
    below: Below,
}

#[derive(Clone)]
enum Below {
    Steps(Arc<[StepState]>),
    Nodes(Arc<[Node]>),
}

/// The states of a saga's steps, in the order of its shape. A clone shares them with the original.
#[derive(Clone)]
pub struct Steps {
    root: Node,
    len: usize,
    /// Steps below each node under the root, if that is no leaf.
    span: usize,
    /// Number of those that wait for a signal no more, by its name.
    settled: Sorted<SmolStr, usize>,
}

impl Steps {
    /// Steps at which nothing has been done yet.
    pub(super) fn new(shapes: &[StepShape]) -> Self {
        let leaf = |shapes: &[StepShape]| {
            let steps: Arc<[_]> = std::iter::repeat_n(StepState::FRESH, shapes.len()).collect();
            Node { sum: Sum::of_leaf(&steps, shapes), below: Below::Steps(steps) }
        };
        if shapes.len() <= WIDTH {
            return Self { root: leaf(shapes), len: shapes.len(), span: 1, settled: Sorted::new() };
        }
        let mut nodes: Vec<_> = shapes.chunks(WIDTH).map(leaf).collect();
        let (mut span, mut reach) = (1, WIDTH);
        while nodes.len() > 1 {
            let node = |nodes: &[Node]| {
                let sum = nodes.iter().fold(Sum::default(), |sum, node| sum.and(node.sum));
                Node { sum, below: Below::Nodes(nodes.into()) }
            };
            nodes = nodes.chunks(WIDTH).map(node).collect();
            (span, reach) = (reach, reach * WIDTH);
        }
        Self { root: nodes.swap_remove(0), len: shapes.len(), span, settled: Sorted::new() }
    }

    /// Returns their number.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the state of a step, if there are so many.
    pub fn get(&self, index: usize) -> Option<&StepState> {
        (index < self.len).then(|| &self[index])
    }

    /// Returns their states, in the order of the shape.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &StepState> {
        (0..self.len).map(|index| &self[index])
    }

    /// Returns what is known of all of them.
    pub(super) fn sum(&self) -> Sum {
        self.root.sum
    }

    /// Returns what is known of some of them.
    pub(super) fn sum_of(&self, range: ops::Range<usize>, shapes: &[StepShape]) -> Sum {
        sum_of(&self.root, self.span, range.start..range.end.min(self.len), shapes)
    }

    /// Returns the first step of which something is so.
    pub(super) fn first(&self, shapes: &[StepShape], so: impl Fn(&Sum) -> bool) -> Option<usize> {
        self.find(shapes, so, |is_so, count| (0..count).find(|place| is_so(*place)))
    }

    /// Returns the last step of which something is so.
    pub(super) fn last(&self, shapes: &[StepShape], so: impl Fn(&Sum) -> bool) -> Option<usize> {
        self.find(shapes, so, |is_so, count| (0..count).rev().find(|place| is_so(*place)))
    }

    fn find(
        &self,
        shapes: &[StepShape],
        so: impl Fn(&Sum) -> bool,
        among: impl Fn(&dyn Fn(usize) -> bool, usize) -> Option<usize>,
    ) -> Option<usize> {
        let (mut node, mut span, mut from) = (&self.root, self.span, 0);
        if !so(&node.sum) {
            return None;
        }
        loop {
            match &node.below {
                Below::Steps(steps) => {
                    work::done(steps.len());
                    let is_so = |place: usize| so(&Sum::from_step(&steps[place], &shapes[from + place]));
                    return Some(from + among(&is_so, steps.len())?);
                }
                Below::Nodes(nodes) => {
                    work::done(nodes.len());
                    let place = among(&|place| so(&nodes[place].sum), nodes.len())?;
                    node = &nodes[place];
                    from += place * span;
                    span /= WIDTH;
                }
            }
        }
    }

    /// Returns a step to change.
    pub(super) fn edit<'a>(&'a mut self, index: usize, shapes: &'a [StepShape]) -> Edit<'a> {
        let waited = signal(&shapes[index]).is_some() && self.is_open(index);
        Edit { steps: self, shapes, index, waited }
    }

    /// Returns the number of steps that would wait for a signal of this name, and are settled.
    pub(super) fn settled(&self, signal: &SmolStr) -> usize {
        self.settled.get(signal).copied().unwrap_or(0)
    }

    fn is_open(&self, index: usize) -> bool {
        self[index].action == ActionState::Pending
    }

    fn get_mut(&mut self, mut index: usize) -> &mut StepState {
        let (mut node, mut span) = (&mut self.root, self.span);
        loop {
            match &mut node.below {
                Below::Steps(steps) => {
                    work::done(if Arc::get_mut(steps).is_some() { 1 } else { steps.len() });
                    return &mut Arc::make_mut(steps)[index];
                }
                Below::Nodes(nodes) => {
                    work::done(if Arc::get_mut(nodes).is_some() { 1 } else { nodes.len() });
                    node = &mut Arc::make_mut(nodes)[index / span];
                    index %= span;
                    span /= WIDTH;
                }
            }
        }
    }
}

/// Sums up again what stands above a step that has changed.
fn sum_up(node: &mut Node, span: usize, index: usize, shapes: &[StepShape]) {
    node.sum = match &mut node.below {
        Below::Steps(steps) => Sum::of_leaf(steps, shapes),
        Below::Nodes(nodes) => {
            work::done(nodes.len());
            let from = index / span * span;
            let shapes = &shapes[from..shapes.len().min(from + span)];
            let nodes = Arc::make_mut(nodes);
            sum_up(&mut nodes[index / span], span / WIDTH, index % span, shapes);
            nodes.iter().fold(Sum::default(), |sum, node| sum.and(node.sum))
        }
    };
}

fn sum_of(node: &Node, span: usize, range: ops::Range<usize>, shapes: &[StepShape]) -> Sum {
    match &node.below {
        _ if range == (0..shapes.len()) => node.sum,
        Below::Steps(steps) => Sum::of_leaf(&steps[range.clone()], &shapes[range]),
        Below::Nodes(nodes) => {
            let mut sum = Sum::default();
            for place in range.start / span..range.end.div_ceil(span) {
                work::done(1);
                let from = place * span;
                let shapes = &shapes[from..shapes.len().min(from + span)];
                let below = range.start.saturating_sub(from)..(range.end - from).min(shapes.len());
                sum = sum.and(sum_of(&nodes[place], span / WIDTH, below, shapes));
            }
            sum
        }
    }
}

impl ops::Index<usize> for Steps {
    type Output = StepState;

    fn index(&self, mut index: usize) -> &StepState {
        work::done(1);
        let (mut node, mut span) = (&self.root, self.span);
        loop {
            match &node.below {
                Below::Steps(steps) => return &steps[index],
                Below::Nodes(nodes) => {
                    node = &nodes[index / span];
                    index %= span;
                    span /= WIDTH;
                }
            }
        }
    }
}

impl PartialEq for Steps {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Steps {}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A step that is being changed; what stands above it is summed up when this is dropped.
pub(super) struct Edit<'a> {
    steps: &'a mut Steps,
    shapes: &'a [StepShape],
    index: usize,
    /// It was to wait for a signal, or did.
    waited: bool,
}

impl ops::Deref for Edit<'_> {
    type Target = StepState;

    fn deref(&self) -> &StepState {
        &self.steps[self.index]
    }
}

impl ops::DerefMut for Edit<'_> {
    fn deref_mut(&mut self) -> &mut StepState {
        self.steps.get_mut(self.index)
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        sum_up(&mut self.steps.root, self.steps.span, self.index, self.shapes);
        let Some(name) = signal(&self.shapes[self.index]) else { return };
        let settled = self.steps.settled(name);
        match (self.waited, self.steps.is_open(self.index)) {
            (true, false) => self.steps.settled.insert(name.clone(), settled + 1),
            (false, true) => self.steps.settled.insert(name.clone(), settled.saturating_sub(1)),
            _ => {}
        }
    }
}

fn signal(shape: &StepShape) -> Option<&SmolStr> {
    shape.awaits.as_ref().and_then(Awaits::signal)
}
