//! A program that is aborted by what it tests has left the run that it was at, and the line that replays it.

use std::{
    env, fs,
    ops::Range,
    path::Path,
    process::{Command, Output},
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_sim::{
    check,
    plan::Profile,
    scenario::{Boot, Client, Draw, Scenario, Topology, Workload},
};
use serde::{Deserialize, Serialize};

/// How the process below dies. Set in a process of its own only.
const DIES: &str = "SEAWORTHY_TEST_DIES";
/// Where runs are noted.
const BREADCRUMBS: &str = "SEAWORTHY_BREADCRUMBS";
const NAME: &str = "aborted::a_check_whose_process_takes_the_whole_program_along";

/// One request with this number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Number(u64);

impl Workload for Number {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: Range<usize>) -> Self {
        self.clone()
    }
}

/// A service that answers any number but one.
struct Fatal;

#[async_trait]
impl Scenario for Fatal {
    type Workload = Number;

    fn name(&self) -> &str {
        "fatal"
    }

    fn about(&self) -> &str {
        "does not survive a seven"
    }

    fn topology(&self) -> Topology {
        Topology::new().process("one", "service", "store", |boot: Boot| async move {
            while let Some(request) = boot.ports.ingress.next().await {
                if request.body == Bytes::from_static(b"7") {
                    die();
                }
                request.response.accept(Bytes::new());
            }
        })
    }

    fn workload(&self, draw: &mut Draw) -> Number {
        Number(draw.below(20))
    }

    async fn drive(&self, number: &Number, client: Client) {
        let _ = client.ask("service", "take", Bytes::from(number.0.to_string())).await;
    }
}

fn die() {
    match env::var(DIES).as_deref() {
        Ok("aborts") => std::process::abort(),
        Ok("overflows") => _ = deeper(std::hint::black_box(1)),
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "until the stack is used up")]
fn deeper(level: u64) -> u64 {
    let room = std::hint::black_box([level; 64]);
    deeper(level + 1) + room[0]
}

/// The check, in a process that a test below starts.
#[test]
fn a_check_whose_process_takes_the_whole_program_along() {
    if env::var_os(DIES).is_some() {
        check(Fatal).profile(Profile::Calm).seeds(500).base_seed(3).jobs(1).strict(false).assert_seaworthy();
    }
}

/// Runs a command with notes in a folder, and says how it ended and what it printed to standard error.
fn start(command: &mut Command, dies: &str, folder: &Path) -> (bool, String) {
    for variable in ["CI", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
        command.env_remove(variable);
    }
    let Output { status, stderr, .. } = command.env(DIES, dies).env(BREADCRUMBS, folder).output().expect("it starts");
    (status.success(), String::from_utf8_lossy(&stderr).into_owned())
}

fn this_check() -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.args(["--exact", NAME, "--nocapture"]);
    command
}

/// The notes in a folder, each with its seed and the line behind `replay: `.
fn notes(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = files.map(|file| fs::read_to_string(file.path()).expect("readable"));
    let read = texts.map(|text| {
        let seed = text.split_once("fatal, seed ").expect("the scenario and the seed").1[..18].to_owned();
        let replay = text.lines().find_map(|line| line.strip_prefix("replay: ")).expect("a line to paste").to_owned();
        (seed, replay)
    });
    read.collect()
}

#[test]
fn the_run_that_took_the_program_along_is_noted_and_replayed_by_its_line() {
    for dies in ["aborts", "overflows"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (at_first, again) = (folder.path().join("first"), folder.path().join("again"));
        let (passed, said) = start(&mut this_check(), dies, &at_first);
        assert!(!passed, "{dies}: {said}");
        let [(seed, replay)] = &notes(&at_first)[..] else { panic!("{dies}: one note: {:?}", notes(&at_first)) };
        assert!(replay.contains(seed) && replay.contains("SEAWORTHY_PROFILE=calm"), "{replay}");

        let (passed, said) = start(Command::new("sh").args(["-c", replay]), dies, &again);
        assert!(!passed, "{dies}: {replay}\n{said}");
        assert_eq!(notes(&again).iter().map(|(seed, _)| seed).collect::<Vec<_>>(), [seed], "{dies}");

        // The next start says so, once; and notes of its own are gone when it is over.
        let (passed, said) = start(&mut this_check(), "survives", &at_first);
        assert!(passed, "{said}");
        let told = format!(
            "aborted or killed while this run was under way:\nfatal, seed {seed}, profile calm\nreplay: {replay}\n"
        );
        assert!(said.contains(&told), "{said}");
        assert!(!at_first.exists(), "{:?}", notes(&at_first));
        let (passed, said) = start(&mut this_check(), "survives", &at_first);
        assert!(passed && !said.contains("aborted or killed"), "{said}");
    }
}
