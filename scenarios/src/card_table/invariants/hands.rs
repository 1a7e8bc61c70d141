use std::collections::BTreeMap;

use seaworthy_card_table::{
    hands::{Act, Hand},
    messages::{HAND_SETTLED, HAND_STARTED, HandSettled, HandStarted},
};
use seaworthy_sim::{
    invariants::{Invariant, Property},
    prelude::*,
};
use smol_str::SmolStr;

/// A hand that is over stays as it is, its winners get what was put in, and in the end all of them are over.
pub(super) fn life_cycle() -> Box<dyn Invariant> {
    always("hand-life-cycle", BTreeMap::<SmolStr, (Hand, u64)>::new())
        .on_document("hand", |hands, hand: Written<'_, Hand>| {
            let (id, now) = (hand.id, hand.value);
            let before = hands.insert(id.clone(), (now.clone(), hand.event.number));
            if let Some((before, event)) = before
                && before.over.is_some()
                && before != *now
            {
                let sentence = format!("{id} was over, and is changed");
                return Err(Broken::new(id.as_str(), sentence).at(event).at(hand.event));
            }
            let Some(over) = &now.over else { return Ok(()) };
            let (won, pot) = (over.winnings.iter().map(|(_, chips)| chips).sum::<u64>(), now.started.pot());
            if won == pot { Ok(()) } else { Err(Broken::new(id.as_str(), format!("{won} chips of {pot} are won"))) }
        })
        .at_rest(|hands| {
            let open = std::mem::take(hands).into_iter().filter(|(_, (hand, _))| hand.over.is_none());
            open.map(|(id, (_, event))| Broken::new(id.as_str(), format!("{id} is never over")).at(event))
        })
        .boxed()
}

/// Each hand that a table has begun is settled there, once.
pub(super) fn settled_once() -> Box<dyn Invariant> {
    always("hands-settle-once", BTreeMap::<SmolStr, (u32, u64)>::new())
        .on_staged(HAND_STARTED, |hands, message, event| {
            if let Ok(HandStarted { hand, .. }) = message.json() {
                hands.entry(hand).or_insert((0, event.number));
            }
            Ok(())
        })
        .on_staged(HAND_SETTLED, |hands, message, event| {
            let Ok(HandSettled { hand }) = message.json() else { return Ok(()) };
            let (count, last) = hands.entry(hand.clone()).or_insert((0, event.number));
            *count += 1;
            let before = std::mem::replace(last, event.number);
            if *count == 1 {
                return Ok(());
            }
            Err(Broken::new(hand.as_str(), format!("{hand} is settled {count} times")).at(before).at(event))
        })
        .at_rest(|hands| {
            let open = std::mem::take(hands).into_iter().filter(|(_, (count, _))| *count == 0);
            open.map(|(id, (_, event))| Broken::new(id.as_str(), format!("{id} is never settled")).at(event))
        })
        .boxed()
}

/// The goal that somebody does nothing in time, and is folded.
pub(super) fn somebody_idle() -> Property<(), bool> {
    sometimes("idle-player-folded", ())
        .on_document("hand", |(), hand: Written<'_, Hand>| hand.value.acts.values().any(|act| *act == Act::Idle))
}
