use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    aggregate::Cause,
    choreography::{
        Command, Destination, Destinations, Domain as _, FollowUp, Router, SourcedCommandHandlers,
        SourcedRejectionHandlers, TranslateError, Translator,
    },
    events::Ledger,
    inbox::Handlers,
    ports::Ports,
    wake::Wake,
};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::wallet::{Wallet, WalletCommand};
use crate::{
    messages::{
        CONFIRM_JOIN, CREDIT, Funds, PAID_OUT, PLAYER_COMMANDS, PLAYER_REJECTIONS, PLAYER_SEATED, PaidOut, Payout,
        Players, SEAT_PLAYER, TABLE_TO_PLAYER, Tables,
    },
    parts::{Consumers, Denied, RequestHandler, answer, decode},
};

/// Asks for a seat; the body is [`Funds`]. It is accepted once the chips are set aside, whatever becomes of it.
pub const JOIN: &str = "join";
/// Leaves for good; the body is the player's id.
pub const CLOSE_WALLET: &str = "close_wallet";

/// Runs one replica of the domain until a stop is asked for. Dropping the future ends the requests; the others are tasks of the
/// process and go on until it stops.
pub async fn serve(ports: Ports) {
    let consumers = consumers(&ports);
    serve_with(ports, consumers).await;
}

/// As [`serve`], with these consumers.
pub async fn serve_with(ports: Ports, consumers: Consumers) {
    let handler = Counter { wallets: wallets(&ports), ports: ports.clone() };
    serve_requests_by(ports, consumers, handler).await;
}

/// As [`serve_with`], with this handler of requests.
pub async fn serve_requests_by(ports: Ports, consumers: Consumers, handler: impl RequestHandler + 'static) {
    let wake = Wake::new();
    consumers.spawn(&ports, &wake);
    answer(&ports, Arc::new(handler), wake).await;
}

/// Returns the consumers of the domain.
pub fn consumers(ports: &Ports) -> Consumers {
    Consumers::new()
        .with(PLAYER_COMMANDS, commands(ports))
        .with(PLAYER_REJECTIONS, rejections(ports))
        .with(TABLE_TO_PLAYER, table_to_player(ports, PayOut).handlers(ports.clock.clone()))
}

/// Returns the ledger of all wallets. Whatever happens to one is published, but that it was opened.
pub fn wallets(ports: &Ports) -> Ledger<Wallet> {
    let published = ["funds_reserved", "join_confirmed", "funds_released", "credited", "closed"];
    let wallets = Ledger::new(Players::NAME, ports.clock.clone(), ports.random.clone());
    wallets.publish(&published).expect("each event is named once").snapshot_every(16)
}

/// Handlers of the commands to wallets.
pub fn commands(ports: &Ports) -> Handlers {
    let commands = SourcedCommandHandlers::builder::<Players>(ports, wallets(ports))
        .on(CONFIRM_JOIN, WalletCommand::Confirm)
        .on(CREDIT, WalletCommand::Credit);
    commands.build().expect("two commands")
}

/// Handlers of requests for seats that were rejected: what that one join reserved is released.
pub fn rejections(ports: &Ports) -> Handlers {
    let rejections = SourcedRejectionHandlers::builder::<Players>(ports, wallets(ports)).on(SEAT_PLAYER, |rejection| {
        let Funds { join, .. } = rejection.command()?;
        Ok((WalletCommand::Release { join, reason: rejection.reason.to_smolstr() }, FollowUp::none()))
    });
    rejections.build().expect("one command")
}

/// The router from tables to wallets, with this translation of payouts.
pub fn table_to_player(ports: &Ports, pay_out: impl Translator) -> Router {
    let confirm = |seated: &Funds| Ok(vec![Command::new::<Players>(CONFIRM_JOIN, seated.player.clone(), seated)?]);
    let router = Router::builder(TABLE_TO_PLAYER).source::<Tables>().states(wallets(ports));
    router.translate(PLAYER_SEATED, confirm).on(PAID_OUT, pay_out).build().expect("two events")
}

/// Payouts of a table become a credit each, decided on the wallets as they are. Two for one wallet are numbered one after the
/// other by the splitter.
#[derive(Clone, Copy, Debug)]
pub struct PayOut;

impl Translator for PayOut {
    type Event = PaidOut;

    fn prepare(&self, paid: &PaidOut) -> Vec<Destination> {
        paid.payouts.iter().map(|payout| Destination::new::<Players>(payout.player.clone())).collect()
    }

    fn handle(&self, paid: &PaidOut, wallets: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let credit = |payout: &Payout| {
            let wallet = Destination::new::<Players>(payout.player.clone());
            let seen = wallets.version(&wallet)?;
            Ok(Command::new::<Players>(CREDIT, wallet.id, payout)?.exact(seen))
        };
        paid.payouts.iter().map(credit).collect()
    }
}

/// Carries out what players ask for.
struct Counter {
    wallets: Ledger<Wallet>,
    ports: Ports,
}

#[async_trait]
impl RequestHandler for Counter {
    async fn carry_out(&self, operation: &str, body: &[u8]) -> Result<(), Denied> {
        let (player, command) = match operation {
            JOIN => {
                let funds: Funds = decode(body)?;
                (funds.player.clone(), WalletCommand::Reserve(funds))
            }
            CLOSE_WALLET => (decode::<SmolStr>(body)?, WalletCommand::Close),
            other => return Err(Denied::Refused(format_smolstr!("players can't {other}"))),
        };
        self.wallets.execute(&*self.ports.store, &player, &command, Cause::New).await?;
        Ok(())
    }
}
