//! A card table in three domains, each with a store of its own, that answer each other by events and commands, on the ports of
//! `seaworthy-core`.
//!
//! ```text
//! players (wallets)                tables (seats)                     hands
//!  funds_reserved ──seat_player──►
//!                ◄── rejected ────  full, or seated already
//!  released
//!                ◄─confirm_join───  player_seated
//!                                   hand_started ──────deal_cards──►
//!                                                ◄───settle_hand────  over, if need be since
//!                                   hand_settled                      who is idle is folded
//!                ◄─credit, each───  paid_out
//!  closed: rejected ──────────────► kept
//! ```
//!
//! Chips are never made and never lost: they are in a wallet, at a seat, at stake in a hand, or between two of them, held by the
//! one that gave them away until the other one has them.
//!
//! | module | what it is |
//! |---|---|
//! | [`messages`] | what the domains tell each other: events, commands, contents, consumer groups |
//! | [`players`] | the domain of players: event-sourced wallets, which reserve, release and are paid |
//! | [`tables`] | the domain of tables: seats, the hand that is played, payouts |
//! | [`hands`] | the domain of hands: who holds and who folds, and the process manager of a hand's life |
//! | [`parts`] | a relay, consumers, retention and the answering of requests, as all three have them |

pub mod hands;
pub mod messages;
pub mod parts;
pub mod players;
pub mod tables;
