//! A router without a source has nothing to translate.

use seaworthy_core::choreography::Router;

fn main() {
    let _ = Router::builder("seats").build();
}
