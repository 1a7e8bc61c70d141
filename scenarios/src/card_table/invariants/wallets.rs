use std::collections::BTreeMap;

use seaworthy_card_table::{
    messages::Players,
    players::{Wallet, WalletEvent},
};
use seaworthy_core::{choreography::Domain as _, events::Sourced as _, message::Message};
use seaworthy_sim::{
    invariants::{Broken, Property, Ruling},
    trace::Event,
};
use smol_str::SmolStr;

use crate::card_table::Evening;

/// All wallets, as the fold of what they have told.
#[derive(Clone)]
pub(super) struct Wallets(pub(super) BTreeMap<SmolStr, Wallet>);

impl Wallets {
    /// The wallets before the first event that others hear of.
    pub(super) fn opened(evening: &Evening) -> Self {
        let open = |chips: u64| {
            let mut wallet = Wallet::default();
            wallet.evolve(&WalletEvent::Opened { chips });
            wallet
        };
        Self(evening.players.iter().map(|(player, chips)| (player.clone(), open(*chips))).collect())
    }

    /// Takes in an event, and returns it.
    pub(super) fn hear(&mut self, message: &Message) -> Result<WalletEvent, Broken> {
        let broken = |what: String| Broken::new(message.subject.as_str(), what);
        let event: WalletEvent = message.json().map_err(|error| broken(format!("an event can't be read: {error}")))?;
        let wallet = self.0.get_mut(&message.subject);
        let wallet = wallet.ok_or_else(|| broken(format!("there is no wallet of {}", message.subject)))?;
        wallet.evolve(&event);
        Ok(event)
    }
}

/// Has a property see the events of all wallets.
pub(super) fn on_wallets<S: Send + 'static, R: Ruling + 'static>(
    property: Property<S, R>,
    see: impl Fn(&mut S, &Message, &Event) -> R + Clone + Send + 'static,
) -> Property<S, R> {
    Players::EVENTS.iter().fold(property, |property, kind| property.on_staged(kind, see.clone()))
}
