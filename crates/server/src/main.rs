//! The `reelgate` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandboxed child is this same program (design section 8, "Children"): it must not start a runtime, open
    // files or read configuration before it has locked itself in.
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|first| first == reelgate_media::sandbox::HELPER_ARGUMENT) {
        return reelgate_media::sandbox::exec_main(arguments);
    }
    reelgate_server::cli::main()
}
