//! A router listens to one domain; what depends on two is a process manager.

use seaworthy_core::choreography::{Domain, Router};

struct Player;

impl Domain for Player {
    const NAME: &'static str = "player";
    const EVENTS: &'static [&'static str] = &[];
    const COMMANDS: &'static [&'static str] = &[];
}

struct Table;

impl Domain for Table {
    const NAME: &'static str = "table";
    const EVENTS: &'static [&'static str] = &[];
    const COMMANDS: &'static [&'static str] = &[];
}

fn main() {
    let router = Router::builder("seats").source::<Player>();
    let _ = router.source::<Table>().build();
}
