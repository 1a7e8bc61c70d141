//! Requests as lines: `place_order {"id":"order-1",...}` or `cancel_order order-1`, what the service calls it and its body
//! behind a space. Each is answered by a line with its number, counted from 1: `1 accepted`, or `2 refused: why`.

use std::{
    io::{BufRead, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::{ports::Clock, stop::Stop};
use seaworthy_tokio::{AskError, LocalIngress, TokioClock};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{error::Elapsed, timeout},
};

/// Wait before a request without an answer is asked again, and until a stop is heard.
const SOON: Duration = Duration::from_millis(100);

/// Answers the lines of standard input until they end, or until a stop is asked for; then waits for the answers that are
/// under way.
pub(crate) async fn answer_lines(ingress: &Arc<LocalIngress>, stop: &Stop) {
    let (sender, mut lines) = mpsc::channel(1);
    // Nothing can wake a thread that reads: it ends with the program.
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut asked = JoinSet::new();
    let mut number = 0;
    while !stop.is_set() {
        match timeout(SOON, lines.recv()).await {
            Ok(Some(line)) => {
                number += 1;
                asked.spawn(answer(ingress.clone(), stop.clone(), number, line));
            }
            Ok(None) => break,
            Err(Elapsed { .. }) => {}
        }
    }
    while asked.join_next().await.is_some() {}
}

/// Asks until there is an answer. A request that took effect before a kill is answered once more, and acts no more.
async fn answer(ingress: Arc<LocalIngress>, stop: Stop, number: u64, line: String) {
    let (operation, body) = line.split_once(' ').unwrap_or((&line, ""));
    let body = Bytes::copy_from_slice(body.as_bytes());
    while !stop.is_set() {
        let said = match ingress.ask(operation, body.clone()).await {
            Ok(_) => format!("{number} accepted\n"),
            Err(AskError::Refused(why)) => format!("{number} refused: {why}\n"),
            Err(AskError::Unanswered) => {
                TokioClock.sleep(SOON).await;
                continue;
            }
        };
        // Whoever asked may have stopped listening.
        let _ = std::io::stdout().lock().write_all(said.as_bytes());
        return;
    }
}
