//! Workflows right and wrong on purpose.
//!
//! | module | what it is |
//! |---|---|
//! | [`order_fulfillment`] | the scenario: saga, outbox, relay, broker and inbox over two services |
//! | [`specimens`] | its broken twins, each wrong in one part, as one might write it by hand |

pub mod order_fulfillment;
pub mod specimens;
