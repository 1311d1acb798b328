//! Options of `prctl` that only arm64 has: keys for pointers, tagged addresses.

use crate::calls::{Args, Result, tags};
use crate::task::Task;
use guest::KeyRequest;
use sys::Errno;

const PR_PAC_RESET_KEYS: i32 = 54;
const PR_SET_TAGGED_ADDR_CTRL: i32 = 55;
const PR_GET_TAGGED_ADDR_CTRL: i32 = 56;
const PR_PAC_SET_ENABLED_KEYS: i32 = 60;
const PR_PAC_GET_ENABLED_KEYS: i32 = 61;

/// Serves `option`; None if it is not one of these.
pub(super) fn prctl(task: &mut Task, option: i32, args: Args) -> Option<Result> {
    Some(match option {
        PR_PAC_RESET_KEYS => keys(task, KeyRequest::Reset(args[1]), &args[2..5]),
        PR_PAC_SET_ENABLED_KEYS => {
            let request = KeyRequest::Enable { which: args[1], on: args[2] };
            keys(task, request, &args[3..5])
        }
        PR_PAC_GET_ENABLED_KEYS => keys(task, KeyRequest::Enabled, &args[1..5]),
        PR_SET_TAGGED_ADDR_CTRL => tags::set(task, &args[1..5]),
        PR_GET_TAGGED_ADDR_CTRL => tags::get(task, &args[1..5]),
        _ => return None,
    })
}

/// Keys for the authentication of pointers; `unused` arguments must be zero.
fn keys(task: &mut Task, request: KeyRequest, unused: &[u64]) -> Result {
    if unused.iter().any(|&argument| argument != 0) {
        return Err(Errno::EINVAL);
    }
    let guest = task.process.engine.guest();
    guest.keys(request, task.cpu.state_mut()).ok_or(Errno::EINVAL)
}
