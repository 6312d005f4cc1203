//! CPU time of another process, as the kernel counts it (proc(5), `/proc/PID/stat`).

use anyhow::{Context, Result};

/// What all threads of the process have used so far, ended ones included, in user and kernel mode; seconds.
pub(crate) fn seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path)
        .with_context(|| format!("{path} cannot be read; is the server gone?"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} is not understood"))?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// What a process and everything it has started have used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Family {
    /// All of it, seconds.
    pub(crate) all: f64,
    /// Of it, not by the process itself.
    pub(crate) children: f64,
}

impl Family {
    /// What was used since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { all: self.all - before.all, children: self.children - before.children }
    }
}

/// Of the process, of its children that have ended, and of all its descendants that live.
pub(crate) fn family(pid: u32) -> Result<Family> {
    let ticks = add_up(pid, &relatives()).with_context(|| format!("process {pid} is gone"))?;
    let second = rustix::param::clock_ticks_per_second() as f64;
    Ok(Family { all: ticks.0 as f64 / second, children: ticks.1 as f64 / second })
}

/// The processes that descend from this one and live.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    below(pid, &relatives()).iter().map(|relative| relative.id).collect()
}

/// Every process; one that ends meanwhile is its parent's.
fn relatives() -> Vec<Relative> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let read = |path: std::path::PathBuf| {
        let id = path.file_name()?.to_str()?.parse().ok()?;
        Relative::read(id, &std::fs::read_to_string(path.join("stat")).ok()?)
    };
    entries.filter_map(|entry| read(entry.path())).collect()
}

/// A process with its parent.
struct Relative {
    id: u32,
    parent: u32,
    own: u64,
    ended: u64,
}

impl Relative {
    fn read(id: u32, stat: &str) -> Option<Self> {
        let (_, from_the_third) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = from_the_third.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let parent = u32::try_from(field(4)?).ok()?;
        Some(Self { id, parent, own: field(14)? + field(15)?, ended: field(16)? + field(17)? })
    }
}

/// All that descend from `pid`.
fn below(pid: u32, relatives: &[Relative]) -> Vec<&Relative> {
    let (mut family, mut found) = (vec![pid], Vec::new());
    while let Some(parent) = family.pop() {
        for child in relatives.iter().filter(|one| one.parent == parent) {
            found.push(child);
            family.push(child.id);
        }
    }
    found
}

/// Ticks of all, and of all but the first itself.
fn add_up(pid: u32, relatives: &[Relative]) -> Option<(u64, u64)> {
    let first = relatives.iter().find(|one| one.id == pid)?;
    let below = below(pid, relatives);
    let children = first.ended + below.iter().map(|child| child.own + child.ended).sum::<u64>();
    Some((first.own + children, children))
}

/// `utime` and `stime`, fields 14 and 15. The second field is the program's name in brackets, and may itself hold
/// blanks and brackets: only what follows the last bracket can be counted.
fn ticks(stat: &str) -> Option<u64> {
    let (_, from_the_third) = stat.rsplit_once(')')?;
    let mut times = from_the_third.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_a_process_and_all_that_descend_from_it() {
        let stat = |parent: u32, own: u64, ended: u64| {
            format!("9 (a) b) S {parent} 2 3 0 -1 4 9 0 1 0 {own} 0 {ended} 0 20 0 3 0 1 1 3")
        };
        let relatives: Vec<_> = [(10, 1, 100, 7), (11, 10, 20, 1), (12, 11, 3, 0), (13, 1, 1000, 1000)]
            .iter()
            .map(|(id, parent, own, ended)| Relative::read(*id, &stat(*parent, *own, *ended)).unwrap())
            .collect();
        assert_eq!(add_up(10, &relatives), Some((131, 31)));
        assert_eq!(add_up(12, &relatives), Some((3, 0)));
        assert_eq!(add_up(99, &relatives), None);
        assert_eq!(below(10, &relatives).iter().map(|one| one.id).collect::<Vec<_>>(), [11, 12]);
        assert!(family(std::process::id()).unwrap().all >= 0.0);
    }

    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let rest = "S 1 2 3 0 -1 4194560 900 0 1 0 250 50 7 8 20 0 3 0 12345 1000000 300";
        for name in ["reelgate", "a b", "a) S 1 (b", "(((", ") ) 9"] {
            assert_eq!(ticks(&format!("42 ({name}) {rest}")), Some(300), "{name}");
        }
        for bad in ["", "42 (reelgate", "42 (reelgate) S 1 2", "42 (r) S 1 2 3 0 -1 4 9 0 1 0 x 50"] {
            assert_eq!(ticks(bad), None, "{bad}");
        }
    }
}
