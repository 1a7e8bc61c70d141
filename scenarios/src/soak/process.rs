use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use seaworthy_sim::cli::CliError;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    arguments::SoakArguments,
    protocol::{Said, Tell},
};

/// Word of a worker, or its end.
#[derive(Debug)]
pub(super) enum Heard {
    Said(Said),
    /// The worker has ended.
    Ended,
}

/// One life of the worker: this program again, as a process that may be killed.
pub(super) struct WorkerProcess {
    child: Child,
    /// Its standard input. Closed, it ends by itself, so that none outlives a soak that was killed.
    input: ChildStdin,
    pub(super) is_ready: bool,
}

impl WorkerProcess {
    /// Starts one whose clock is behind. What it says is sent with the number of its life.
    pub(super) fn start(
        arguments: &SoakArguments,
        (life, behind_ms): (u32, u64),
        log: Option<&File>,
        heard: UnboundedSender<(u32, Heard)>,
    ) -> Result<Self, CliError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("soak-worker").arg(&arguments.scenario).arg("--store").arg(arguments.store.to_string());
        command.arg("--keep-ms").arg(arguments.keep.as_millis().to_string());
        command.arg("--keep-watermarks-ms").arg(arguments.keep_watermarks().as_millis().to_string());
        let (alone, given_up) = arguments.relay_claims();
        command.arg("--alone-after").arg(alone.to_string()).arg("--given-up-after").arg(given_up.to_string());
        command.arg("--behind-ms").arg(behind_ms.to_string());
        let log = log.map(File::try_clone).transpose()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.map_or_else(Stdio::null, Stdio::from));
        // An interrupt of whoever waits for the soak is not one of the worker, which is still needed for the rest.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or("the worker has no standard input")?;
        let output = child.stdout.take().ok_or("the worker has no standard output")?;
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A line that it died in says nothing.
                if let Ok(said) = serde_json::from_str(&line) {
                    let _ = heard.send((life, Heard::Said(said)));
                }
            }
            let _ = heard.send((life, Heard::Ended));
        });
        Ok(Self { child, input, is_ready: false })
    }

    /// Tells it something, if it can hear by now. What it misses is told to the next one.
    pub(super) fn tell(&mut self, tell: &Tell) {
        if self.is_ready {
            let mut line = serde_json::to_vec(tell).expect("words are structs of strings and numbers");
            line.push(b'\n');
            let _ = self.input.write_all(&line).and_then(|()| self.input.flush());
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as an operating system does that has no memory left.
    pub(super) fn kill(&mut self) -> Result<(), CliError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Returns how it ended, once it has.
    pub(super) fn ended(&mut self) -> Result<ExitStatus, CliError> {
        Ok(self.child.wait()?)
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        // It is our own child; where it has ended already, this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
