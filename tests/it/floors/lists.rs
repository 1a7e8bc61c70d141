//! The floors of each crate. ARCHITECTURE.md shows them, too.

/// The modules of a crate, or of one of its modules, from the ground up. A module imports what is on the floors below it;
/// those of one floor don't know each other.
pub(super) struct House {
    /// What ARCHITECTURE.md calls it.
    pub(super) name: &'static str,
    /// Where the crate's sources are.
    pub(super) folder: &'static str,
    /// The module that the floors make up; empty for the crate itself.
    pub(super) module: &'static [&'static str],
    pub(super) floors: &'static [&'static [&'static str]],
}

pub(super) const HOUSES: [House; 9] = [
    House {
        name: "core",
        folder: "core/src",
        module: &[],
        floors: &[
            &["cut", "ids", "payload", "settings", "stop", "time"],
            &["message"],
            &["ports"],
            &["backoff", "boot", "wake"],
            &["sweep"],
            &["inbox", "outbox", "participant", "saga"],
            &["aggregate", "metrics"],
            &["events"],
            &["conformance", "prelude"],
        ],
    },
    House {
        name: "core::saga",
        folder: "core/src",
        module: &["saga"],
        floors: &[
            &["config", "error", "interrupted", "record_error", "retention", "retry", "watchers"],
            &["append", "cause", "value"],
            &["awaits", "signal"],
            &["request", "shape", "step_state"],
            &["attempts", "steps", "summary"],
            &["passage"],
            &["migration", "record"],
            &["state"],
            &["branch", "call", "outcome", "plan", "resources", "told", "transition"],
            &["leave", "result", "step", "unfold", "verdict"],
            &["answers", "ask"],
            &["account", "log", "wait"],
            &["definition", "settle"],
            &["execution", "group"],
            &["attempt", "nested", "registry"],
            &["builder", "launch"],
            &["orchestrator"],
            &["deliver", "handle", "operator", "recovery", "start"],
        ],
    },
    House {
        name: "sim",
        folder: "sim/src",
        module: &[],
        floors: &[
            &["draw", "files", "fingerprint", "hexadecimal", "values"],
            &["executor", "topology"],
            &["plan"],
            &["trace"],
            &["invariants"],
            &["kernel", "scenario"],
            &["generate", "shell"],
            &["ports"],
            &["world"],
            &["explore", "story"],
            &["catalogue", "report"],
            &["teller"],
            &["check", "cli"],
            &["prelude"],
        ],
    },
    House {
        name: "memory",
        folder: "adapters/memory/src",
        module: &[],
        floors: &[&["clock", "lookup"], &["broker", "external", "store"]],
    },
    House {
        name: "sqlite",
        folder: "adapters/sqlite/src",
        module: &[],
        floors: &[
            &["columns", "composed", "config", "error"],
            &["envelope", "epoch", "latest", "pragmas", "schema", "watch"],
            &["census", "checkpoints", "documents", "events", "inbox", "outbox", "participants", "saga"],
            &["in_memory"],
            &["writer"],
            &["recycled", "transaction"],
            &["files"],
            &["store"],
        ],
    },
    House {
        name: "tokio",
        folder: "adapters/tokio/src",
        module: &[],
        floors: &[&["clock", "external", "ingress", "random", "spawner"], &["broker", "process"], &["acknowledged"]],
    },
    House {
        name: "order_fulfillment",
        folder: "scenarios/order_fulfillment/src",
        module: &[],
        floors: &[
            &["clock_and_random", "documents", "json", "messages", "settings"],
            &["payments", "requests"],
            &["order", "shipment", "stock", "upkeep"],
            &["checkout"],
            &["variant"],
            &["orders", "shipping"],
        ],
    },
    House {
        name: "scenarios",
        folder: "scenarios/src",
        module: &[],
        floors: &[
            &["order_fulfillment", "payments", "small", "welcoming"],
            &["controls", "specimens"],
            &["catalog"],
            &["serve"],
            &["operate", "soak"],
        ],
    },
    House { name: "shop", folder: "scenarios/shop/src", module: &[], floors: &[&["desk", "provider"]] },
];
