//! Orders of a soak: so many a second, from customers who ask until they are answered.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use seaworthy_scenarios::order_fulfillment::{Orders, PlannedOrder, provider::CARD_LIMIT_CENTS};
use seaworthy_sim::scenario::Draw;
use smol_str::{SmolStr, format_smolstr};

use super::{
    letters::{Letter, LetterKind},
    protocol::{Said, Tell},
};

/// Articles that are sold.
const ARTICLES: u64 = 20;
/// Customers whose orders wait for an answer at a time; others come later, as they do where a shop is slow.
const ASKING_MAX: usize = 48;
/// Time within which the shop has done with an order, about. With more in hand than come in meanwhile it falls behind, and
/// customers stay away: a machine that is too slow for them would show what becomes of queues, and not of blows.
const DONE_WITHIN: u64 = 6;
/// Stream of the dice of orders; the blows have those before it.
const STREAM: u64 = 100;
/// Interval of letters that are no poison.
const LETTER_EVERY: Duration = Duration::from_millis(500);

/// The customers: whom they asked for what, and what was not answered yet.
pub(super) struct Customers {
    draw: Draw,
    every: Duration,
    /// Messages and checkouts that the shop has in hand, and the number beyond which nobody comes.
    in_hand: u64,
    in_hand_max: u64,
    /// Everything that was ever asked for.
    pub(super) asked: Orders,
    /// Every letter that was ever sent.
    pub(super) letters: Vec<Letter>,
    placing: BTreeMap<SmolStr, PlannedOrder>,
    cancelling: Vec<SmolStr>,
    /// Orders that are to be cancelled, with the moments; earliest first.
    to_cancel: VecDeque<(Duration, SmolStr)>,
    sending: Vec<Letter>,
    plain: u64,
    next_at: Duration,
    next_letter_at: Duration,
}

impl Customers {
    /// Customers who bring so many orders a second for a while. There is a little less in stock than they want.
    pub(super) fn new(seed: u64, rate: u32, duration: Duration) -> Self {
        let units = duration.as_secs() * u64::from(rate) * 2 * 95 / 100 / ARTICLES;
        let stock = (1..=ARTICLES).map(|article| (format_smolstr!("cd-{article}"), units.max(10))).collect();
        Self {
            draw: Draw::stream(seed, STREAM),
            every: Duration::from_secs(1) / rate,
            in_hand: 0,
            in_hand_max: u64::from(rate) * DONE_WITHIN,
            asked: Orders { stock, orders: Vec::new() },
            letters: Vec::new(),
            placing: BTreeMap::new(),
            cancelling: Vec::new(),
            to_cancel: VecDeque::new(),
            sending: Vec::new(),
            plain: 0,
            next_at: Duration::ZERO,
            next_letter_at: Duration::ZERO,
        }
    }

    /// Asks for all that is due by now.
    pub(super) fn ask(&mut self, now: Duration, tell: &mut dyn FnMut(Tell)) {
        while self.next_at <= now && self.placing.len() < ASKING_MAX && self.in_hand <= self.in_hand_max {
            let order = self.order(now);
            tell(Tell::Place(order.request()));
            self.placing.insert(order.id.clone(), order.clone());
            self.asked.orders.push(order);
            self.next_at += self.every;
        }
        // Who was turned away does not come back all at once.
        self.next_at = self.next_at.max(now.saturating_sub(Duration::from_secs(1)));
        if self.next_letter_at <= now {
            self.next_letter_at = now + LETTER_EVERY;
            self.plain += 1;
            self.send(Letter::new(LetterKind::Plain, self.plain), tell);
        }
        self.cancel(now, tell);
    }

    /// Has those cancel who meant to.
    pub(super) fn cancel(&mut self, now: Duration, tell: &mut dyn FnMut(Tell)) {
        while self.to_cancel.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, order)) = self.to_cancel.pop_front() else { return };
            tell(Tell::Cancel(order.clone()));
            self.cancelling.push(order);
        }
    }

    /// Sends a letter, and again until it is known to be sent.
    pub(super) fn send(&mut self, letter: Letter, tell: &mut dyn FnMut(Tell)) {
        tell(Tell::Send(letter));
        self.letters.push(letter);
        self.sending.push(letter);
    }

    /// Asks again for all that was not answered, after a worker died with it.
    pub(super) fn ask_again(&self, tell: &mut dyn FnMut(Tell)) {
        self.placing.values().for_each(|order| tell(Tell::Place(order.request())));
        self.cancelling.iter().for_each(|order| tell(Tell::Cancel(order.clone())));
        self.sending.iter().for_each(|letter| tell(Tell::Send(*letter)));
    }

    /// Hears an answer.
    pub(super) fn hear(&mut self, said: &Said, now: Duration) {
        match said {
            Said::Placed(order) => {
                let placed = self.placing.remove(order);
                if let Some(after_ms) = placed.and_then(|order| order.cancel_after_ms) {
                    let at = now + Duration::from_millis(after_ms);
                    let place = self.to_cancel.partition_point(|(other, _)| *other <= at);
                    self.to_cancel.insert(place, (at, order.clone()));
                }
            }
            Said::Cancelled(order) => self.cancelling.retain(|other| other != order),
            Said::InHand(count) => self.in_hand = *count,
            Said::Sent(letter) => self.sending.retain(|other| other != letter),
            _ => {}
        }
    }

    /// Returns `true` if nobody waits for an answer.
    pub(super) fn are_content(&self) -> bool {
        let Self { placing, cancelling, to_cancel, sending, .. } = self;
        placing.is_empty() && cancelling.is_empty() && to_cancel.is_empty() && sending.is_empty()
    }

    /// An order as shops have them: some beyond the card's limit, some that are called off at once.
    fn order(&mut self, now: Duration) -> PlannedOrder {
        let draw = &mut self.draw;
        PlannedOrder {
            at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            id: format_smolstr!("order-{}", self.asked.orders.len() + 1),
            sku: format_smolstr!("cd-{}", draw.between(1, ARTICLES)),
            quantity: draw.between(1, 3) as u32,
            amount_cents: if draw.chance(80) { CARD_LIMIT_CENTS + 1 } else { draw.between(0, 9) * 1_099 },
            customer: draw.between(1, 999),
            cancel_after_ms: draw.chance(120).then(|| draw.small(200)),
        }
    }
}
