use super::work::Unit;
use crate::trace::ProcessIndex;

/// Requests and deliveries that processes have in hand, each from taking it to answering it or giving it back.
#[derive(Debug, Default)]
pub(super) struct Hands(Vec<Vec<InHand>>);

/// Something that a process has in hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct InHand {
    pub(super) unit: Unit,
    /// The delivery; `u64::MAX` for a request.
    pub(super) tag: u64,
}

impl Hands {
    /// Everything that a process has in hand, in the order in which it took it.
    pub(super) fn of(&self, process: ProcessIndex) -> &[InHand] {
        self.0.get(usize::from(process.0)).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn take(&mut self, process: ProcessIndex, in_hand: InHand) {
        let index = usize::from(process.0);
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Vec::new);
        }
        self.0[index].push(in_hand);
    }

    pub(super) fn put_down(&mut self, process: ProcessIndex, is_put_down: impl Fn(&InHand) -> bool) {
        if let Some(hand) = self.0.get_mut(usize::from(process.0)) {
            hand.retain(|in_hand| !is_put_down(in_hand));
        }
    }
}
