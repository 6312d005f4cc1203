//! The helper's side: confine this process, then become the child.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd;
use rlimit::Resource;

use super::order::{HELPER_COMPLAINT, HELPER_FAILED, Limits, Order};
use super::{confine, syscalls};

/// The alarm and the processor-time limit come this long after the server's own deadline, which can say more.
const GRACE: Duration = Duration::from_secs(10);

/// Becomes the child that `arguments` order: what followed [`super::HELPER_ARGUMENT`] on the command line. Must be
/// called before any thread is started, since Landlock and seccomp bind the calling thread and what comes from it.
/// Returns only when it failed, with the exit status for `main`, having said why on standard error.
pub fn exec_main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Err(reason) = become_child(arguments);
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{HELPER_COMPLAINT}{reason}");
    ExitCode::from(HELPER_FAILED)
}

fn become_child(mut arguments: impl Iterator<Item = OsString>) -> Result<Infallible, String> {
    let text = arguments.next().ok_or("no order was given; this command is for the server's own use")?;
    let text = text.to_str().ok_or("the order is not text")?;
    let order: Order =
        serde_json::from_str(text).map_err(|error| format!("cannot read the order: {error}"))?;

    die_with(order.parent)?;
    limit(&order.limits)?;
    prctl::set_no_new_privs().map_err(|error| format!("cannot give up new privileges: {error}"))?;
    if order.confine {
        confine::filesystem(&order)?;
        syscalls::deny()?;
    }
    let mut command = program(&order);
    Err(format!("cannot start {}: {}", order.program.display(), command.args(arguments).exec()))
}

#[expect(clippy::disallowed_methods, reason = "this is the place where children are started")]
fn program(order: &Order) -> Command {
    let mut command = Command::new(&order.program);
    command.env_clear().env("PATH", "/nonexistent").env("LC_ALL", "C").env("HOME", "/nonexistent");
    // Arenas are 64 MiB of address space for each thread, which the limit would count.
    command.env("MALLOC_ARENA_MAX", "2");
    command
}

/// Asks the kernel to kill us when the server's spawning thread ends, and makes sure it has not ended already.
fn die_with(parent: u32) -> Result<(), String> {
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|error| format!("cannot ask to die with the server: {error}"))?;
    if u32::try_from(unistd::getppid().as_raw()) == Ok(parent) {
        Ok(())
    } else {
        Err("the server has gone".to_owned())
    }
}

fn limit(limits: &Limits) -> Result<(), String> {
    let wall = limits.wall + GRACE;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    // An alarm survives exec, unlike a timer thread.
    unistd::alarm::set(u32::try_from(wall.as_secs()).unwrap_or(u32::MAX).max(1));
    for (resource, value) in [
        (Resource::AS, limits.address_space),
        (Resource::CPU, wall.as_secs().saturating_mul(processors).max(1)),
        (Resource::FSIZE, limits.file_size),
        (Resource::NOFILE, limits.open_files),
        (Resource::CORE, 0),
    ] {
        lower(resource, value).map_err(|error| format!("cannot limit {}: {error}", resource.as_name()))?;
    }
    Ok(())
}

/// Sets both bounds, so that the child cannot raise its own; never above what we were given ourselves.
fn lower(resource: Resource, value: u64) -> std::io::Result<()> {
    let (_, hard) = resource.get()?;
    let value = value.min(hard);
    resource.set(value, value)
}
