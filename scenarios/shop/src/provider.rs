//! The payment provider over TCP: one line of JSON asks, one answers, and the connection ends.
//!
//! ```text
//! {"operation":"charge","key":"0192f5a0-...","body":{"order":"order-1",...}}
//! {"done":"charged"}    or    {"declined":"beyond the card's limit"}
//! ```
//!
//! `key` is the same in every attempt of one operation: the provider acts once for each, and repeats its answer.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::{
    ids::OperationId,
    ports::{ExternalCall, ExternalError},
};
use seaworthy_order_fulfillment::payments::PAYMENTS;
use seaworthy_tokio::LocalExternal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::format_smolstr;
use tokio::task::spawn_blocking;

/// Time that the provider may take to be reached, and then to answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Question<'c> {
    operation: &'c str,
    key: OperationId,
    body: &'c RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(Box<RawValue>),
    Declined(String),
}

/// The provider at this address, `HOST:PORT`, as the service that payments are asked of.
pub(crate) fn at(address: &str) -> LocalExternal {
    let address: Arc<str> = address.into();
    LocalExternal::new().service(PAYMENTS, move |call| {
        let address = address.clone();
        async move {
            let asked = spawn_blocking(move || ask(&address, &call)).await;
            asked.unwrap_or_else(|error| Err(ExternalError::Unknown(format_smolstr!("{error}"))))
        }
    })
}

fn ask(address: &str, call: &ExternalCall) -> Result<Bytes, ExternalError> {
    let question =
        question(call).map_err(|error| ExternalError::Refused(format_smolstr!("unreadable payment: {error}")))?;
    let mut stream =
        connect(address).map_err(|error| ExternalError::Unavailable(format_smolstr!("{address}: {error}")))?;
    // From here on it may have acted, whatever goes wrong.
    let unknown = |error: io::Error| ExternalError::Unknown(format_smolstr!("{address}: {error}"));
    stream.write_all(&question).map_err(unknown)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).map_err(unknown)?;
    match serde_json::from_str(&line).map_err(|error| unknown(error.into()))? {
        Answer::Done(answer) => Ok(Bytes::copy_from_slice(answer.get().as_bytes())),
        Answer::Declined(why) => Err(ExternalError::Refused(why.into())),
    }
}

fn question(call: &ExternalCall) -> serde_json::Result<Vec<u8>> {
    let body = serde_json::from_slice(&call.body)?;
    let mut line = serde_json::to_vec(&Question { operation: &call.operation, key: call.operation_id, body })?;
    line.push(b'\n');
    Ok(line)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let first = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let stream = TcpStream::connect_timeout(&first, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
