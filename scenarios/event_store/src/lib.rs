//! Accounts of a bank: events in one append-only store are the truth, and everything else is made of them. On the ports of
//! `seaworthy-core`.
//!
//! ```text
//!                     ┌──────────────► balances     the balance of each account; can be rebuilt from zero
//! desk ──► streams ───┼──────────────► statements   what each account took in and gave out, day by day
//! (several  (store)   ├──────────────► search       the bookings in whose purpose a word stands
//!  writers)           └─► notices ───► outbox ──relay──► broker ──► post (a store of its own): letters
//! ```
//!
//! A booking moves money from one account to another: two events in two streams, in one transaction, each under the version
//! that it was decided on. Money comes from [`CASH`](messages::CASH) and goes there, so the sum of all accounts is always zero.
//! Each subscriber reads the log at a place of its own, which moves in the transaction of the effect; so a slow one, one that is
//! down, and one that is built anew hold up nobody.
//!
//! | module | what it is |
//! |---|---|
//! | [`account`] | the account: its events, in the form of today and in that of an earlier release, and its decisions |
//! | [`bookings`] | the writers: bookings as they are asked for |
//! | [`earlier`] | events as an earlier release wrote them |
//! | [`projections`] | what is read: balances with their generations, statements, search |
//! | [`notices`] | the integration consumer: tells the broker, through the outbox, in the transaction of its checkpoint |
//! | [`post`] | a service behind the broker, with a store and an inbox of its own |
//! | [`messages`] | names of streams' events, messages, requests and collections |
//! | [`parts`] | documents, requests and subscribers, as the services have them |

pub mod account;
pub mod bookings;
pub mod earlier;
pub mod messages;
pub mod notices;
pub mod parts;
pub mod post;
pub mod projections;
