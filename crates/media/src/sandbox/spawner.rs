//! The one thread that forks.
//!
//! The kernel's parent-death signal follows the *thread* that forked, not the process. A runtime's threads come and
//! go (those of the blocking pool end after seconds of idleness), and would take healthy children with them; so all
//! children are forked from a thread that lives as long as anyone holds the [`Spawner`].

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

#[derive(Debug)]
pub(super) struct Spawner {
    requests: mpsc::Sender<Request>,
}

struct Request {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    pub(super) fn start() -> io::Result<Self> {
        let (requests, inbox) = mpsc::channel::<Request>();
        std::thread::Builder::new().name("media-spawner".to_owned()).spawn(move || {
            for Request { mut command, runtime, answer } in inbox {
                let _runtime = runtime.enter();
                // A caller that went away drops the child here, which kills it.
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Self { requests })
    }

    /// Must be called on a runtime, which will watch the child.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (answer, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts children has ended");
        self.requests.send(Request { command, runtime: Handle::current(), answer }).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}
