use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use smol_str::{SmolStr, format_smolstr};

thread_local! {
    /// `true` while code of a process or of the client runs on this thread: what it panics with is told by the report.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    /// Location of the panic that unwinds on this thread.
    static UNWINDS: RefCell<Option<PanicPlace>> = const { RefCell::new(None) };
}

/// A panic of a process or of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panicked {
    /// Message of the panic, with its file and line, and what to use instead where that is known.
    pub(crate) message: SmolStr,
    /// Place that it came from, where that is known.
    pub(crate) place: Option<PanicPlace>,
    /// `true` if it is the plan's doing.
    pub(crate) is_injected: bool,
}

/// First words of what a panic says that is the plan's doing.
const INJECTED: &str = "injected: ";

/// Panics in the name of the code that waits for a call.
pub(crate) fn inject(what: &str) -> ! {
    panic!("{INJECTED}{what}")
}

impl Panicked {
    /// The panic that was caught just now, on this thread, with what it panicked with.
    pub(crate) fn from_payload(payload: &(dyn Any + Send)) -> Self {
        let place = UNWINDS.take();
        let said = said(payload);
        let advice = advice(&said, place.as_ref().map_or("", |place| &place.file));
        let at = place.as_ref().map(|place| format_smolstr!(" at {place}")).unwrap_or_default();
        if said.starts_with(INJECTED) {
            // The place is the simulator's own.
            return Self { message: said, place: None, is_injected: true };
        }
        Self { message: format_smolstr!("{said}{at}{advice}"), place, is_injected: false }
    }
}

/// Place of a panic in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PanicPlace {
    file: SmolStr,
    line: u32,
    column: u32,
}

impl PanicPlace {
    /// The place to the column: two panics of one line are told apart by it.
    pub(crate) fn whole(&self) -> SmolStr {
        format_smolstr!("{self}:{}", self.column)
    }
}

impl fmt::Display for PanicPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Calls `code`; what it panics with is returned and not printed. A run may end in a panic, and a campaign or a shrinker
/// makes thousands of them.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CATCHES.replace(true);
    let result = catch_unwind(AssertUnwindSafe(code));
    CATCHES.set(outer);
    result.map_err(|payload| Panicked::from_payload(&*payload))
}

/// Has the process's panic hook keep quiet on a thread where a panic is caught, once and for all; on other threads, and
/// for all other code, it is what it was.
///
/// A panic while another one unwinds, in a destructor, ends the whole program; before it does, `who` says whose it is.
pub(crate) fn keep_quiet(who: fn() -> String) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| match CATCHES.try_with(Cell::get) {
            Ok(true) => note(panic, who),
            _ => before(panic),
        }));
    });
}

fn note(panic: &PanicHookInfo<'_>, who: fn() -> String) {
    let place = panic.location().map(|place| PanicPlace {
        file: place.file().into(),
        line: place.line(),
        column: place.column(),
    });
    let first = UNWINDS.with(|unwinds| unwinds.replace(place.clone()));
    if let Some(first) = first {
        let place = place.map(|place| place.to_string()).unwrap_or_default();
        eprintln!("a second panic, at {place}, while the one at {first} unwinds: {}\n{}", said(panic.payload()), who());
    }
}

fn said(payload: &(dyn Any + Send)) -> SmolStr {
    let text = payload.downcast_ref::<&str>().map(|text| SmolStr::from(*text));
    text.or_else(|| payload.downcast_ref::<String>().map(SmolStr::from))
        .unwrap_or_else(|| SmolStr::new_static("a panic without a message"))
}

/// Returns advice on what to do instead, where a process asked for what does not exist in a simulation.
fn advice(said: &str, file: &str) -> &'static str {
    let wants_tokio = said.contains("there is no reactor running")
        || said.contains("must be called from the context of a Tokio")
        || said.contains("no current reactor");
    // The simulator refuses a thread, and the standard library panics over that.
    let wants_thread = file.contains("std/src/sys") && file.contains("thread");
    if wants_tokio || wants_thread {
        ". A simulated process has no runtime of its own, no sockets and no threads: wait with `ports.clock.sleep(..)`, \
         start tasks with `ports.spawner.spawn(..)`, and reach other systems by `ports.external`"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> String {
        String::new()
    }

    #[test]
    fn what_is_caught_says_where_it_comes_from_and_what_to_use_instead() {
        keep_quiet(nobody);
        assert_eq!(catch(|| 1), Ok(1));
        let plain = catch(|| panic!("the count is {}", 3)).expect_err("it panics").message;
        assert!(plain.starts_with("the count is 3 at ") && plain.contains("panics.rs:"), "{plain}");
        assert!(!plain.contains("ports.clock"), "{plain}");
        let tokio =
            catch(|| panic!("there is no reactor running, must be called from ...")).expect_err("it panics").message;
        assert!(tokio.contains("ports.clock.sleep"), "{tokio}");
        let thread = "/rustc/0/library/std/src/sys/thread/unix.rs";
        assert!(advice("assertion `left == right` failed", thread).contains("ports.spawner"));
    }

    #[test]
    fn two_panics_of_one_line_differ_in_their_place() {
        keep_quiet(nobody);
        let places = [1, 2].map(|which| {
            let odd = || if which == 1 { panic!("odd") } else { panic!("even") };
            catch(odd).expect_err("it panics").place.expect("the compiler knows it")
        });
        assert_eq!(places[0].to_string(), places[1].to_string());
        assert_ne!(places[0].whole(), places[1].whole());
    }
}
