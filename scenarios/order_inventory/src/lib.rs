//! Orders and stock: two contexts, each with a store of its own, that agree by messages alone. The same business twice, on
//! the ports of `seaworthy-core`.
//!
//! ```text
//! choreographed                                     orchestrated
//! orders ── order.created ──────────► inventory     orders ── reservation.requested ──► inventory
//!        ◄─ inventory.reserved, ─────                 (saga) ◄─ reservation.answered ────
//!           inventory.reservation_failed                     ── reservation.settled ───►
//!        ── order.confirmed, ───────►                        ── reservation.released ──►
//!           order.cancelled
//! ```
//!
//! In [`choreographed`] nobody is in charge: each context says what has happened to it, and the other one draws its
//! conclusions. In [`orchestrated`] a saga of `orders` says what is to be done and waits for the answer, and `inventory` knows
//! nothing of orders. An order of several articles gets all of them or none, and ends confirmed, failed for want of stock, or
//! cancelled by its customer; what was reserved for it is then sold or given back.
//!
//! | module | what it is |
//! |---|---|
//! | [`choreographed`] | both contexts of the variant without a conductor |
//! | [`orchestrated`] | both contexts of the variant with one |
//! | [`orders`] | the context of orders: the order and its life cycle, what customers ask, the saga |
//! | [`inventory`] | the context of stock: levels, and a reservation for each order |
//! | [`messages`] | what the contexts tell each other: topics, kinds, contents, consumer groups |
//! | [`parts`] | a relay, a consumer and retention, as both contexts have them |

pub mod choreographed;
pub mod inventory;
pub mod messages;
pub mod orchestrated;
pub mod orders;
pub mod parts;
