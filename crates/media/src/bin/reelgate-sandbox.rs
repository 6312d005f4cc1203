//! The sandbox helper alone, for the tests of this crate; the shipped program is its own helper.

use std::process::ExitCode;

use reelgate_media::sandbox;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(sandbox::HELPER_ARGUMENT.as_ref()) {
        return ExitCode::from(sandbox::HELPER_FAILED);
    }
    sandbox::exec_main(arguments)
}
