//! What an operator of a busy service may expect of the core on adapters that are real: each test is a bad day of
//! production, on tokio with a virtual clock and on both stores, and says what must go on meanwhile.

mod error_texts;
mod inbox_broker_down;
mod inbox_deaths;
mod inbox_identity;
mod inbox_panics;
mod inbox_settings;
mod inbox_store_failures;
mod inbox_upkeep;
mod metrics;
mod outbox_calls;
mod outbox_clock;
mod outbox_dead_keys;
mod outbox_dead_rows;
mod outbox_poison;
mod outbox_republish;
mod outbox_rest;
mod outbox_topics;
mod outbox_unread;
mod participant_retention;
mod saga_attempts;
mod saga_budgets;
mod saga_crashes;
mod saga_failures;
mod saga_handles;
mod saga_messages;
mod saga_owner;
mod saga_releases;
mod saga_requests;
mod saga_retention;
mod saga_room;
mod saga_starts;
mod saga_stores;
mod saga_verbs;
mod settings;
mod support;
