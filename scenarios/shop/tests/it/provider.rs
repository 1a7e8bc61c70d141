//! A payment provider at the other end of a socket, which hangs up on every third question after it has acted.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

#[derive(Default)]
struct Ledger {
    /// The orders that were charged, by idempotency key.
    acted: BTreeMap<String, String>,
    asked: usize,
    hung_up: usize,
}

/// See the module. It ends with the test program.
pub(super) struct Provider {
    address: String,
    ledger: Arc<Mutex<Ledger>>,
}

impl Provider {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let kept = ledger.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever asked may have been killed.
                let _ = answer(stream, &mut kept.lock().expect("no panic"));
            }
        });
        Self { address, ledger }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn acted(&self) -> usize {
        self.ledger.lock().expect("no panic").acted.len()
    }

    pub(super) fn hung_up(&self) -> usize {
        self.ledger.lock().expect("no panic").hung_up
    }

    /// How often each order was charged.
    pub(super) fn charges(&self) -> BTreeMap<String, u32> {
        let mut charges = BTreeMap::new();
        for order in self.ledger.lock().expect("no panic").acted.values() {
            *charges.entry(order.clone()).or_insert(0) += 1;
        }
        charges
    }
}

fn answer(mut stream: TcpStream, ledger: &mut Ledger) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let question: serde_json::Value = serde_json::from_str(&line)?;
    assert_eq!(question["operation"], "charge", "nothing is called off: {line}");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    ledger.acted.insert(text(&question["key"]), text(&question["body"]["order"]));
    ledger.asked += 1;
    if ledger.asked % 3 == 1 {
        ledger.hung_up += 1;
        return Ok(());
    }
    stream.write_all(b"{\"done\":\"charged\"}\n")
}
