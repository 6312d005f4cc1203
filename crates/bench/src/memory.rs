//! Resident memory of another process, as the kernel counts it (proc(5), `/proc/PID/status`).

use anyhow::{Context, Result};

/// Bytes that are resident now.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    read(pid, "VmRSS:")
}

/// The most bytes that were resident at once since [`forget_peak`].
pub(crate) fn peak(pid: u32) -> Result<u64> {
    read(pid, "VmHWM:")
}

/// Lets the peak begin anew at what is resident now.
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5")
        .with_context(|| format!("{path} cannot be written, so the peak cannot be measured"))
}

fn read(pid: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path)
        .with_context(|| format!("{path} cannot be read; is the server gone?"))?;
    find(&status, field).with_context(|| format!("{path} has no {field} in kB"))
}

fn find(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn kilobytes_of_the_status_file_are_kibibytes() {
        let status = "Name:\treelgate\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(super::find(status, "VmHWM:"), Some(20 << 20));
        assert_eq!(super::find(status, "VmSwap:"), None);
    }
}
