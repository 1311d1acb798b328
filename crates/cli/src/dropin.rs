//! Other tools' command lines, by the name that we are called by or by their shape: the `compat`
//! crate knows what they do; here is the machine that it does it to.

mod machine;

use std::ffi::OsString;

use compat::Personality;

use crate::report::Failure;
use machine::Host;

/// The tool that the command line is for, if it is not our own.
pub(crate) fn personality(arguments: &[OsString]) -> Option<Personality> {
    let personality = Personality::of(&text(arguments))?;
    // Our image's program has the name of another's, which takes no such words.
    let own = |a: &OsString| crate::commands::knows(a) && !a.as_encoded_bytes().starts_with(b"-");
    let ours = personality == Personality::Tonistiigi && arguments.get(1).is_some_and(own);
    (!ours).then_some(personality)
}

/// Does what the tool would.
///
/// # Errors
/// When an emulator cannot start its program.
pub(crate) fn run(personality: Personality, arguments: &[OsString]) -> Result<u8, Failure> {
    match personality {
        Personality::Emulator(emulator) => crate::emulate::run_as(Some(emulator), arguments),
        Personality::BuildKit => crate::emulate::run_as(None, arguments),
        tool => {
            sys::start::prepare_for_commands();
            crate::report::expect_failing_output();
            Ok(tool.run(&mut Host::default(), &text(arguments)).unwrap_or(1))
        }
    }
}

/// None of the tools takes names that are not text; an emulator gets its arguments as they are.
fn text(arguments: &[OsString]) -> Vec<String> {
    arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect()
}
