//! The `seaworthy` program: puts scenarios through the storm and says what it found.

mod program;

/// A run is some thousand small allocations, made and freed on one thread: mimalloc takes a third of the time that the
/// system's allocator takes for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    program::main()
}
