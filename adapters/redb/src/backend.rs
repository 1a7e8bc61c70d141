//! The place where pages are kept, with a memory of what went wrong there.

use std::{
    fmt, io,
    ops::Bound,
    sync::{Arc, Mutex, PoisonError},
};

use redb::{BackendError, StorageBackend};
use smol_str::{SmolStr, format_smolstr};

/// First failure of a backend, after which redb works on it no more until it is opened anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstFailure(Arc<Mutex<Option<SmolStr>>>);

impl FirstFailure {
    /// Returns what failed, in words.
    pub(crate) fn get(&self) -> Option<SmolStr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note<T>(&self, outcome: io::Result<T>, doing: impl FnOnce() -> SmolStr) -> io::Result<T> {
        outcome.map_err(|error| {
            let said = format_smolstr!("{}: {error}", doing());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| said.clone());
            io::Error::new(error.kind(), said.as_str().to_owned())
        })
    }
}

/// A backend that notes its first failure.
pub(crate) struct Watched<B> {
    inner: B,
    /// Name of the file, for its errors.
    name: Arc<str>,
    failure: FirstFailure,
}

impl<B> Watched<B> {
    pub(crate) fn new(inner: B, name: Arc<str>, failure: FirstFailure) -> Self {
        Self { inner, name, failure }
    }
}

impl<B> fmt::Debug for Watched<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<B: StorageBackend> StorageBackend for Watched<B> {
    fn len(&self) -> io::Result<u64> {
        self.failure.note(self.inner.len(), || format_smolstr!("reading the length of {}", self.name))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let length = out.len();
        let read = self.inner.read(offset, out);
        self.failure.note(read, || format_smolstr!("reading {length} bytes at {offset} of {}", self.name))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.failure.note(self.inner.set_len(len), || format_smolstr!("resizing {} to {len} bytes", self.name))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.failure.note(self.inner.sync_data(), || format_smolstr!("syncing {}", self.name))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = self.inner.write(offset, data);
        self.failure.note(written, || format_smolstr!("writing {} bytes at {offset} of {}", data.len(), self.name))
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
