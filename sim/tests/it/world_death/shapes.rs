//! Every shape in which futures can stand side by side, each over the same work.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, join, join_all, select, select_all},
    stream::{self, FuturesUnordered},
    task::noop_waker_ref,
};
use seaworthy_core::ports::{Expected, Ports, Response, Transaction};
use tokio::sync::oneshot;

use super::work::{id, work};

/// How many futures stand side by side.
const WIDTH: u64 = 5;

pub(super) type Shape = fn(Ports, Response) -> BoxFuture<'static, ()>;

pub(super) const SHAPES: [(&str, Shape); 11] = [
    ("one after the other", |ports, response| Box::pin(in_turn(ports, response))),
    ("join_all", |ports, response| Box::pin(async move { drop(join_all(workers(&ports, response)).await) })),
    ("FuturesUnordered", |ports, response| {
        Box::pin(workers(&ports, response).into_iter().collect::<FuturesUnordered<_>>().collect::<()>())
    }),
    ("buffer_unordered", |ports, response| {
        Box::pin(stream::iter(workers(&ports, response)).buffer_unordered(3).collect::<()>())
    }),
    ("select_all", |ports, response| Box::pin(one_wins_and_the_rest_go_on(ports, response))),
    ("a time limit", |ports, response| Box::pin(given_up(ports, response))),
    ("tasks of tasks", |ports, response| Box::pin(nested(ports, response))),
    ("a transaction handed on", |ports, response| Box::pin(handed_on(ports, response))),
    ("polled by hand", |ports, response| Box::pin(by_hand(ports, response))),
    ("shared between tasks", |ports, response| Box::pin(shared(ports, response))),
    ("a destructor", |ports, response| Box::pin(in_a_destructor(ports, response))),
];

/// Side by side; the first of them answers the request.
fn workers(ports: &Ports, response: Response) -> Vec<BoxFuture<'static, ()>> {
    let mut response = Some(response);
    (0..WIDTH).map(|number| work(ports.clone(), number, response.take()).boxed()).collect()
}

async fn in_turn(ports: Ports, response: Response) {
    for worker in workers(&ports, response) {
        worker.await;
    }
}

async fn one_wins_and_the_rest_go_on(ports: Ports, response: Response) {
    let mut rest = workers(&ports, response);
    while !rest.is_empty() {
        (_, _, rest) = select_all(rest).await;
    }
}

async fn given_up(ports: Ports, response: Response) {
    for number in 0..WIDTH {
        let limit = ports.clock.sleep(Duration::from_millis(3 + number * 4));
        select(work(ports.clone(), number, None).boxed(), limit).await;
    }
    work(ports, WIDTH, Some(response)).await;
}

async fn nested(ports: Ports, response: Response) {
    let (done, all_done) = oneshot::channel();
    let inner = ports.clone();
    let outer = async move {
        let mut waiting = Vec::new();
        for worker in workers(&inner, response) {
            let (ended, end) = oneshot::channel();
            waiting.push(end);
            inner.spawner.spawn(
                "inner",
                Box::pin(async move {
                    worker.await;
                    let _ = ended.send(());
                }),
            );
        }
        join_all(waiting).await;
        let _ = done.send(());
    };
    ports.spawn("outer", outer);
    let _ = all_done.await;
}

async fn handed_on(ports: Ports, response: Response) {
    let mut handed = Vec::new();
    for _ in 0..WIDTH {
        let (give, take) = oneshot::channel::<Box<dyn Transaction>>();
        handed.push(take);
        let giver = ports.clone();
        let open = async move {
            let Ok(mut tx) = giver.store.begin().await else { return };
            let id = id(&giver).to_string();
            tx.observe("effect", &id, 1);
            if tx.put("effects", &id, Expected::Absent, Bytes::new()).await.is_ok() {
                let _ = give.send(tx);
            }
        };
        ports.spawn("giver", open);
    }
    let commit = |take: oneshot::Receiver<Box<dyn Transaction>>| async move {
        if let Ok(tx) = take.await {
            let _ = tx.commit().await;
        }
    };
    let commits = join_all(handed.into_iter().map(commit));
    join(commits, work(ports, WIDTH, Some(response))).await;
}

async fn by_hand(ports: Ports, response: Response) {
    let mut rest = workers(&ports, response);
    poll_fn(|cx| {
        rest.retain_mut(|worker| worker.poll_unpin(cx).is_pending());
        if rest.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn shared(ports: Ports, response: Response) {
    let whole = join_all(workers(&ports, response)).map(drop).boxed().shared();
    let beside = whole.clone();
    ports.spawn("beside", beside);
    whole.await;
}

/// What its destructor goes on with.
struct LastWill {
    ports: Ports,
    unfinished: Vec<BoxFuture<'static, ()>>,
    response: Arc<Mutex<Option<Response>>>,
}

impl LastWill {
    /// Each of them stands at some wait when the end comes.
    fn begin(&mut self) {
        let cx = &mut Context::from_waker(noop_waker_ref());
        self.unfinished.retain_mut(|worker| worker.poll_unpin(cx).is_pending());
    }
}

impl Drop for LastWill {
    fn drop(&mut self) {
        for _ in 0..20 {
            self.begin();
        }
        self.ports.spawn("last will", work(self.ports.clone(), WIDTH, None));
        if let Some(response) = self.response.lock().expect("nobody panics").take() {
            response.accept(Bytes::new());
        }
    }
}

async fn in_a_destructor(ports: Ports, response: Response) {
    let unfinished = (0..WIDTH).map(|number| work(ports.clone(), number, None).boxed()).collect();
    let mut will = LastWill { ports: ports.clone(), unfinished, response: Arc::new(Mutex::new(Some(response))) };
    will.begin();
    work(ports, 0, None).await;
}
