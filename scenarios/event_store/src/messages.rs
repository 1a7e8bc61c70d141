//! Names and contents of what the services tell each other and are asked for.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The store of the bank, and the source of its events.
pub const BANK: &str = "bank";
/// The service that takes bookings.
pub const DESK: &str = "desk";
/// The service of balances, and the name of its projection.
pub const BALANCES: &str = "balances";
/// The service of statements, its subscriber, and its collection: a [`Statement`](crate::projections::Statement) for each account.
pub const STATEMENTS: &str = "statements";
/// The service of search, its subscriber, and its collection: [`Hits`](crate::projections::Hits) for each word.
pub const SEARCH: &str = "search";
/// The integration consumer, its subscriber, and the topic of its messages.
pub const NOTICES: &str = "notices";
/// The service that writes letters: its store, its consumer group, and its collection of [`Mail`](crate::post::Mail).
pub const POST: &str = "post";

/// The account from which money comes and to which it goes: it alone may be overdrawn.
pub const CASH: &str = "cash";

/// Event of an account: it was given money.
pub const CREDITED: &str = "account.Credited";
/// Event of an account: money was taken from it.
pub const DEBITED: &str = "account.Debited";
/// Message to whoever wants to know: an account was booked on; the content is a [`Notice`].
pub const NOTICED: &str = "account.noticed";

/// Asks for a booking; the body is a [`Booking`]. It is accepted once it is durable.
pub const BOOK: &str = "book";
/// Asks for the projection of balances to be built anew; the body is the number of its generation. Accepted once it is
/// durable, and then done by whichever replica is up.
pub const REBUILD: &str = "rebuild";
/// Asks for the [`Balance`](crate::projections::Balance) of an account in the generation that is live; the body is its id.
pub const LOOK_UP: &str = "look_up";

/// The consumer group behind the broker and its topics.
pub const GROUP: (&str, &[&str]) = (POST, &[NOTICES]);

/// Money that moves from one account to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The business key: a booking that is asked for again is the same one.
    pub id: SmolStr,
    /// Account that it is taken from.
    pub from: SmolStr,
    /// Account that it is given to.
    pub to: SmolStr,
    /// Amount in cents.
    pub cents: u64,
    /// Purpose in words.
    pub purpose: SmolStr,
}

/// Notice of an account's holder: one for each side of a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Id of the booking.
    pub booking: SmolStr,
    /// Cents that came in, or, if negative, went out.
    pub cents: i64,
}
