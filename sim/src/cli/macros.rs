/// Prints a line to standard output, as [`terminal::print`](crate::cli::terminal::print) does.
macro_rules! say {
    () => { $crate::cli::terminal::print(format_args!("\n")) };
    ($($text:tt)+) => { $crate::cli::terminal::print(format_args!("{}\n", format_args!($($text)+))) };
}

/// Prints to standard output without ending the line, as [`terminal::print`](crate::cli::terminal::print) does.
macro_rules! say_part {
    ($($text:tt)+) => { $crate::cli::terminal::print(format_args!($($text)+)) };
}
