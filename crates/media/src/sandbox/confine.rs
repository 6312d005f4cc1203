//! Landlock: which files a child can reach.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::order::Order;

/// Where libraries live. Execution is granted too: the kernel starts the dynamic loader from here, and once seccomp
/// has taken fork away, executing anything else only replaces the child by something equally confined.
const LIBRARIES: [&str; 6] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store"];

/// Data that the libraries read when they are loaded or asked to draw text.
const DATA: [&str; 8] = [
    "/usr/share",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/sys/devices/system/cpu",
];

/// Newest kernel interface whose additions we ask for; older kernels give what they have, from the first on.
const NEWEST: ABI = ABI::V6;

/// Takes every file away but the granted ones, and TCP and foreign sockets and signals where the kernel can.
pub(super) fn filesystem(order: &Order) -> Result<(), String> {
    let scratch = order.scratch.as_ref().map(PathFd::new).transpose();
    let scratch = scratch.map_err(|error| format!("cannot open the scratch directory: {error}"))?;
    let status = restrict(order, scratch).map_err(|error| format!("cannot confine file access: {error}"))?;
    if status == RulesetStatus::NotEnforced {
        return Err("cannot confine file access: this kernel has no Landlock (Linux 5.13 or newer with \
                    lsm=landlock is needed); set media.sandbox = \"off\" to go without"
            .to_owned());
    }
    Ok(())
}

fn restrict(order: &Order, scratch: Option<PathFd>) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(LIBRARIES, read | AccessFs::Execute))?
        .add_rules(path_beneath_rules(own_libraries(&order.program), read))?
        .add_rules(path_beneath_rules([&order.program], AccessFs::ReadFile | AccessFs::Execute))?
        .add_rules(path_beneath_rules(DATA, read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(["/dev/random", "/dev/urandom", "/dev/zero"], AccessFs::ReadFile))?;
    if order.source {
        rules = rules.add_rule(PathBeneath::new(std::io::stdin(), AccessFs::ReadFile))?;
    }
    if let Some(scratch) = scratch {
        rules = rules.add_rule(PathBeneath::new(scratch, in_scratch()))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Ordinary files and directories. No links, pipes, sockets or devices: what comes after the child must not be led
/// astray by what it finds there.
fn in_scratch() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
}

/// Builds of ffmpeg outside the system's places bring their libraries along: `/opt/ffmpeg/bin` beside `/opt/ffmpeg/lib`.
fn own_libraries(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.join("lib"))
}
