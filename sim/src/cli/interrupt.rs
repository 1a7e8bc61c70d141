//! Ctrl-C: ends what is going on with what was found so far; a second one ends the program at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use seaworthy_core::stop::Stop;

/// Interrupt of the program by its user, once it is noted.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt {
    /// Set at the first one.
    pub(super) stop: Stop,
    happened: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Self {
        let interrupt = Self::default();
        let noted = interrupt.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            let Ok(runtime) = runtime else {
                // Then an interrupt ends the program as it always does.
                return;
            };
            runtime.block_on(async {
                if tokio::signal::ctrl_c().await.is_err() {
                    return;
                }
                noted.happened.store(true, Ordering::SeqCst);
                noted.stop.set();
                if tokio::signal::ctrl_c().await.is_ok() {
                    process::exit(130);
                }
            });
        });
        interrupt
    }

    /// Returns `true` if it happened.
    pub(super) fn happened(&self) -> bool {
        self.happened.load(Ordering::SeqCst)
    }
}
