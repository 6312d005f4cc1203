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
    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let rest = "S 1 2 3 0 -1 4194560 900 0 1 0 250 50 7 8 20 0 3 0 12345 1000000 300";
        for name in ["reelgate", "a b", "a) S 1 (b", "(((", ") ) 9"] {
            assert_eq!(super::ticks(&format!("42 ({name}) {rest}")), Some(300), "{name}");
        }
        for bad in ["", "42 (reelgate", "42 (reelgate) S 1 2", "42 (r) S 1 2 3 0 -1 4 9 0 1 0 x 50"] {
            assert_eq!(super::ticks(bad), None, "{bad}");
        }
    }
}
