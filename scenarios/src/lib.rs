//! Workflows right and wrong on purpose.
//!
//! | module | what it is | when you need it |
//! |---|---|---|
//! | [`order_fulfillment`] | the scenario of saga, outbox, relay, broker and inbox over two services | as an example of a scenario |
//! | [`order_inventory`] | two contexts that agree on orders and stock, by events and by a saga | to compare both |
//! | [`card_table`] | three domains that answer each other by events and commands | as an example of choreography |
//! | [`event_store`] | projections, a rebuild and an integration consumer over one event store | as an example of event sourcing |
//! | [`specimens`] | mistakes, each in the smallest service that shows it, wrong and right; ten of them in the shop, too | to see what a failure looks like |
//! | [`payments`] | a service with an outbox, an inbox and a lock in SQL tables of its own, right and with ten bugs | as an example of declared tables |
//! | [`controls`] | right services of other shapes, which must never be accused | to see that the harness is honest |
//! | [`small`] | what controls and specimens are made of | to write one more |
//! | [`welcoming`] | the README's workflow of one's own | to begin with one of yours |
//! | [`catalog`] | all of them by name | to run one that is named |

pub mod card_table;
pub mod catalog;
pub mod controls;
pub mod event_store;
pub mod order_fulfillment;
pub mod order_inventory;
pub mod payments;
pub mod small;
pub mod specimens;
pub mod welcoming;
