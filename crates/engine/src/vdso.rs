//! Calls of the host's vDSO from translated code (`OpCode::HostTime`, `OpCode::HostCpu`).
//!
//! Its functions are looked up when they are first called: most programs never ask. Those that leave
//! the vector registers alone, which the kernel's all do, are called from then on by a stub that does
//! not save these.

use ir::State;
use ir::state::HostCall;
use sys::clock;

/// The first function of `State::host_time`.
///
/// # Safety
/// Called by translated code with its state, and with the address of two words.
pub(crate) unsafe extern "C" fn find_clock(
    number: i32,
    time: *mut libc::timespec,
    state: *mut State,
) -> i32 {
    let function = clock::host_function();
    // SAFETY: the caller says that the state is its own.
    let call = unsafe { &mut (*state).host_time };
    found(call, function as *const () as u64, clock::keeps_vectors(function));
    // SAFETY: the caller says that there is room for the time.
    unsafe { function(number, time) }
}

/// The first function of `State::host_cpu`.
///
/// # Safety
/// Called by translated code with its state, and with the addresses of two words.
pub(crate) unsafe extern "C" fn find_cpu(cpu: *mut u32, node: *mut u32, state: *mut State) -> i32 {
    let function = clock::host_getcpu();
    // SAFETY: the caller says that the state is its own.
    let call = unsafe { &mut (*state).host_cpu };
    found(call, function as *const () as u64, clock::getcpu_keeps_vectors(function));
    // SAFETY: the caller says that there is room for the answers; the third argument has no meaning.
    unsafe { function(cpu, node, core::ptr::null_mut()) }
}

fn found(call: &mut HostCall, function: u64, keeps_vectors: bool) {
    call.function = function;
    if keeps_vectors {
        call.stub = call.quick;
    }
}
