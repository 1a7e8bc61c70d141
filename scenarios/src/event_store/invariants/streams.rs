use std::collections::BTreeMap;

use seaworthy_event_store::{account::AccountEvent, messages::CASH};
use seaworthy_sim::prelude::*;
use smol_str::SmolStr;

use crate::event_store::Bookings;

/// State of a stream at one version.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) cents: i64,
    /// The commit that made it; `None` for what was there before the run.
    pub(super) event: Option<u64>,
}

/// State of the streams, version by version: the fold of the events that were appended to each.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(BTreeMap<SmolStr, Vec<At>>);

impl Streams {
    /// The streams as the earlier release left them.
    pub(super) fn opened(bookings: &Bookings) -> Self {
        let mut streams = BTreeMap::<SmolStr, Vec<At>>::new();
        for (account, units) in &bookings.opened {
            let cents = i64::from(*units) * 100;
            streams.insert(account.clone(), vec![At { cents, event: None }]);
            let cash = streams.entry(CASH.into()).or_default();
            let before = cash.last().map_or(0, |at| at.cents);
            cash.push(At { cents: before - cents, event: None });
        }
        Self(streams)
    }

    /// Takes in what a commit has appended, and returns what can't be read or does not follow.
    pub(super) fn see(&mut self, event: &Event) -> Result<(), Broken> {
        for effect in event.effects() {
            let Effect::Appended { version, event: appended, .. } = effect else { continue };
            let account = &appended.subject;
            let Ok(booked) = appended.json::<AccountEvent>() else {
                return Err(
                    Broken::new(account.as_str(), format!("version {version} of {account} can't be read")).at(event)
                );
            };
            let known = self.0.entry(account.clone()).or_default();
            if *version != known.len() as u64 + 1 {
                let sentence = format!("{account} goes from version {} to {version}", known.len());
                return Err(Broken::new(account.as_str(), sentence).at(event));
            }
            let before = known.last().map_or(0, |at| at.cents);
            known.push(At { cents: before + booked.cents(), event: Some(event.number) });
        }
        Ok(())
    }

    /// Returns what an account was at a version.
    pub(super) fn at(&self, account: &str, version: u64) -> Option<At> {
        let index = usize::try_from(version).ok()?.checked_sub(1)?;
        self.0.get(account)?.get(index).copied()
    }

    /// Returns each account with its version and what it is at that.
    pub(super) fn last(&self) -> impl Iterator<Item = (&SmolStr, u64, At)> {
        self.0.iter().filter_map(|(account, known)| Some((account, known.len() as u64, *known.last()?)))
    }
}
