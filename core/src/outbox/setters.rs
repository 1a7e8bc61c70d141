/// Setters that relays have in common, by claims or by the log; what a configuration means is each relay's own.
macro_rules! relay_setters {
    () => {
        /// Takes hints from those who stage messages, so that these leave at once.
        #[must_use]
        pub fn wake(mut self, wake: $crate::wake::Wake) -> Self {
            self.wake = wake;
            self
        }

        /// Sets what stops it.
        #[must_use]
        pub fn stop(mut self, stop: $crate::stop::Stop) -> Self {
            self.stop = stop;
            self
        }
    };
}
pub(super) use relay_setters;
