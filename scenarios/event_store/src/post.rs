//! A service behind the broker: writes a letter about each notice, and knows nothing of accounts.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers, InboxRetention},
    message::Message,
    ports::{Ports, Transaction},
};
use serde::{Deserialize, Serialize};

use crate::{
    messages::{NOTICED, NOTICES, Notice, POST},
    parts::change,
};

/// Time in which the broker may deliver a message again.
const REDELIVERY_WINDOW: Duration = Duration::from_secs(10 * 60);
/// Time for which inbox rows are kept: longer than that.
const KEEP_INBOX: Duration = Duration::from_secs(15 * 60);

/// Letters to the holder of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Number of letters.
    pub letters: u64,
    /// Sum of what they say, in cents.
    pub cents: i64,
}

/// Runs one replica until a stop is asked for.
pub async fn post(ports: Ports) {
    let inbox = InboxRetention::new(KEEP_INBOX, REDELIVERY_WINDOW).expect("rows are kept for longer than the window");
    ports.spawn("inbox-retention", inbox.run(vec![POST.into()], ports.clone()));
    let handlers = Handlers::builder().on(NOTICED, WriteLetter).build().expect("one handler for one type");
    Consumer::new(&ports, POST, handlers, [NOTICES]).run().await;
}

/// Writes one letter more to the holder of an account.
pub struct WriteLetter;

#[async_trait]
impl Handler for WriteLetter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let notice: Notice = message.json()?;
        change(tx, POST, &message.subject, |mail: &mut Mail| {
            mail.letters += 1;
            mail.cents += notice.cents;
        })
        .await
    }
}
