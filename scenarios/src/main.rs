//! The `seaworthy` program: puts scenarios through the storm and says what it found.

mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
