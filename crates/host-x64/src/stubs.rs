//! The code that enters and leaves translated code.

use crate::X64;
use crate::emit::{Cc, Emit, Gpr, Mem, Size, Xmm};
use crate::lower::arg;
use crate::lower::control::{HASH_HOST, displaced_lookup, hash_lookup};
use crate::lower::float::estimate::ESTIMATES;
use crate::lower::values::home;
use core::mem::offset_of;
use host::{Pin, Stubs};
use ir::State;
use ir::state::{BIAS, FIRST_VEC, SLOT_PC, SLOT_TIME, exit};

const CALLEE_SAVED: [Gpr; 6] = [Gpr::RBP, Gpr::RBX, Gpr(12), Gpr(13), Gpr(14), Gpr(15)];

const fn field(offset: usize) -> Mem {
    Mem::state(offset as i32)
}
const FP_CONTROL: Mem = field(offset_of!(State, fp_control));
const FP_CONTROL_HOST: Mem = field(offset_of!(State, fp_control_host));
const RET_SP: Mem = field(offset_of!(State, ret_sp));
const HOST_SP: Mem = field(offset_of!(State, host_sp));

/// Builds the stubs.
pub(crate) fn stubs(x: &X64) -> Stubs {
    let mut s = Stubs::default();
    let mut e = Emit::default();
    e.start();

    // enter(rdi = state, rsi = unit). After the pushes and the return address rsp is 8 modulo 16.
    s.enter = e.position();
    for r in CALLEE_SAVED {
        e.push(r);
    }
    e.lea(Size::Q, Gpr::RSP, Mem::base(Gpr::RSP, -8));
    e.lea(Size::Q, Gpr::RBP, Mem::base(Gpr::RDI, BIAS));
    e.mov(Size::Q, Gpr::RAX, Gpr::RSI);
    e.store(Size::Q, HOST_SP, Gpr::RSP);
    e.ldmxcsr(FP_CONTROL);
    load_pins(x, &mut e);
    e.load(Size::Q, Gpr::RSP, RET_SP);
    e.jmp_reg(Gpr::RAX);

    // Links share this, so that their own cold code is short: there are many, rarely run.
    align(&mut e);
    s.leave_link = e.position();
    e.store(Size::Q, field(offset_of!(State, exit_arg)), Gpr::RAX);
    e.store(Size::Q, home(SLOT_PC), Gpr::RDX);
    e.store_imm(Size::D, field(offset_of!(State, exit_reason)), exit::LINK as i32);
    let leave = e.new_label();
    e.jmp(leave);
    s.leave_indirect = e.position();
    let (leave_indirect, unknown) = (e.new_label(), e.new_label());
    e.bind(leave_indirect);
    displaced_lookup(&mut e, unknown);
    e.bind(unknown);
    e.store(Size::Q, home(SLOT_PC), Gpr::RAX);
    e.store_imm(Size::D, field(offset_of!(State, exit_reason)), exit::INDIRECT as i32);
    s.leave = e.position();
    e.bind(leave);
    store_pins(x, &mut e);
    s.leave_stored = e.position();
    e.store(Size::Q, RET_SP, Gpr::RSP);
    e.load(Size::Q, Gpr::RSP, HOST_SP);
    e.stmxcsr(FP_CONTROL);
    e.ldmxcsr(FP_CONTROL_HOST);
    e.lea(Size::Q, Gpr::RSP, Mem::base(Gpr::RSP, 8));
    for r in CALLEE_SAVED.into_iter().rev() {
        e.pop(r);
    }
    e.ret();

    call_helper(x, &mut e, &mut s);
    s.host_time = (host_time(x, &mut e, is_clobbered), host_time(x, &mut e, is_clobbered_integer));
    s.host_cpu = (host_cpu(x, &mut e, is_clobbered), host_cpu(x, &mut e, is_clobbered_integer));
    call_runtime(x, &mut e, &mut s);
    cas_16(&mut e, &mut s);
    // A return that was not predicted: an indirect branch to rax with an empty return stack.
    align(&mut e);
    s.ret_miss = e.position();
    e.load(Size::Q, Gpr::RSP, field(offset_of!(State, ret_base)));
    s.ret_evaluated = e.position();
    hash_lookup(&mut e, leave_indirect);
    e.jmp_mem(HASH_HOST);

    e.finish(&mut s.bytes);
    s.estimates = s.bytes.len() as u32;
    s.bytes.extend(ESTIMATES);
    s
}

/// Calls the helper. The return address is on the return stack. MXCSR stays as it is: to save it would be
/// two thirds of the time that a call takes.
fn call_helper(x: &X64, e: &mut Emit, s: &mut Stubs) {
    align(e);
    s.call_helper = e.position();
    for pin in x.pins.iter().filter(|pin| is_clobbered(pin)) {
        store_pin(pin, e);
    }
    e.store(Size::Q, RET_SP, Gpr::RSP);
    e.load(Size::Q, Gpr::RSP, HOST_SP);
    e.lea(Size::Q, Gpr::RDI, Mem::base(Gpr::RBP, -BIAS));
    e.call_mem(field(offset_of!(State, helper)));
    e.load(Size::Q, Gpr::RSP, RET_SP);
    store_pair(e, arg(0));
    for pin in x.pins.iter().filter(|pin| is_clobbered(pin)) {
        load_pin(pin, e);
    }
    e.ret();
}

/// Asks the host's clock eax, with a function of integers, whatever MXCSR is; `changed` tells which pins the
/// function does not keep.
fn host_time(x: &X64, e: &mut Emit, changed: fn(&Pin) -> bool) -> u32 {
    ask_host(x, e, changed, |e| {
        e.mov(Size::D, Gpr::RDI, Gpr::RAX);
        e.lea(Size::Q, Gpr::RSI, home(SLOT_TIME));
        e.call_mem(field(offset_of!(State, host_time.function)));
        e.test(Size::D, Gpr::RAX, Gpr::RAX);
        let done = e.jcc_short(Cc::E);
        e.movsx(Size::D, Size::Q, Gpr::RAX, Gpr::RAX);
        e.store(Size::Q, home(SLOT_TIME + 1), Gpr::RAX);
        e.bind_short(done);
    })
}

/// Asks which processor this is.
fn host_cpu(x: &X64, e: &mut Emit, changed: fn(&Pin) -> bool) -> u32 {
    ask_host(x, e, changed, |e| {
        e.lea(Size::Q, Gpr::RDI, home(SLOT_TIME));
        e.lea(Size::Q, Gpr::RSI, home(SLOT_TIME + 1));
        e.call_mem(field(offset_of!(State, host_cpu.function)));
    })
}

/// A stub that makes a call of the host's with the state as third argument.
fn ask_host(x: &X64, e: &mut Emit, changed: fn(&Pin) -> bool, call: fn(&mut Emit)) -> u32 {
    align(e);
    let at = e.position();
    for pin in x.pins.iter().filter(|pin| changed(pin)) {
        store_pin(pin, e);
    }
    e.store(Size::Q, RET_SP, Gpr::RSP);
    e.load(Size::Q, Gpr::RSP, HOST_SP);
    e.lea(Size::Q, Gpr::RDX, Mem::base(Gpr::RBP, -BIAS));
    call(e);
    e.load(Size::Q, Gpr::RSP, RET_SP);
    for pin in x.pins.iter().filter(|pin| changed(pin)) {
        load_pin(pin, e);
    }
    e.ret();
    at
}

/// Calls the runtime, with all slots in their homes; MXCSR stays the guest's.
fn call_runtime(x: &X64, e: &mut Emit, s: &mut Stubs) {
    align(e);
    s.call_runtime = e.position();
    store_pins(x, e);
    e.store(Size::Q, RET_SP, Gpr::RSP);
    e.load(Size::Q, Gpr::RSP, HOST_SP);
    e.lea(Size::Q, Gpr::RDI, Mem::base(Gpr::RBP, -BIAS));
    e.call_mem(field(offset_of!(State, runtime)));
    e.load(Size::Q, Gpr::RSP, RET_SP);
    load_pins(x, e);
    e.test(Size::D, Gpr::RAX, Gpr::RAX);
    e.ret();
}

/// Compares and swaps 16 bytes as `State::cas_16` says. CMPXCHG16B has its operands in rbx and three
/// scratch registers, so the address is in another pinned register.
fn cas_16(e: &mut Emit, s: &mut Stubs) {
    const SAVED: [(Gpr, Mem); 2] = [(Gpr::RBX, arg(3)), (Gpr::RSI, arg(3).plus(8))];
    align(e);
    s.cas_16 = e.position();
    for (r, m) in SAVED {
        e.store(Size::Q, m, r);
    }
    e.load(Size::Q, Gpr::RSI, arg(0));
    e.load(Size::Q, Gpr::RAX, arg(1));
    e.load(Size::Q, Gpr::RDX, arg(1).plus(8));
    e.load(Size::Q, Gpr::RBX, arg(2));
    e.load(Size::Q, Gpr::RCX, arg(2).plus(8));
    e.test_imm(Size::B, Gpr::RSI, 15);
    let aligned = e.jcc_short(Cc::E);
    let failed = e.position();
    for (r, m) in SAVED {
        e.load(Size::Q, r, m);
    }
    e.store_imm(Size::Q, arg(3), 1);
    e.ret();
    e.bind_short(aligned);
    let access = e.position();
    e.lock_cmpxchg16b(Mem::base(Gpr::RSI, 0));
    store_pair(e, arg(0));
    for (r, m) in SAVED {
        e.load(Size::Q, r, m);
    }
    e.store_imm(Size::Q, arg(3), 0);
    e.ret();
    s.cas_16_fault = (access, failed);
}

/// Stores rdx:rax, put together before: two stores are slow to load as one. Destroys xmm14.
fn store_pair(e: &mut Emit, m: Mem) {
    e.mov_to_xmm(Size::Q, Xmm(14), Gpr::RAX);
    e.pinsr(Size::Q, Xmm(14), Gpr::RDX, 1);
    e.movaps_store(m, Xmm(14));
}

fn align(e: &mut Emit) {
    while !e.position().is_multiple_of(16) {
        e.nop((16 - e.position() % 16).min(8));
    }
}

/// Whether functions of the host's C convention may change it.
fn is_clobbered(pin: &Pin) -> bool {
    pin.slot >= FIRST_VEC || is_clobbered_integer(pin)
}

/// Whether a function that uses no vector registers may change it.
fn is_clobbered_integer(pin: &Pin) -> bool {
    pin.slot < FIRST_VEC && !CALLEE_SAVED.contains(&Gpr(pin.reg))
}

fn load_pin(pin: &Pin, e: &mut Emit) {
    if pin.slot < FIRST_VEC {
        e.load(Size::Q, Gpr(pin.reg), home(pin.slot));
    } else {
        e.movaps_load(Xmm(pin.reg), home(pin.slot));
    }
}

fn store_pin(pin: &Pin, e: &mut Emit) {
    if pin.slot < FIRST_VEC {
        e.store(Size::Q, home(pin.slot), Gpr(pin.reg));
    } else {
        e.movaps_store(home(pin.slot), Xmm(pin.reg));
    }
}

fn load_pins(x: &X64, e: &mut Emit) {
    x.pins.iter().for_each(|pin| load_pin(pin, e));
}

fn store_pins(x: &X64, e: &mut Emit) {
    x.pins.iter().for_each(|pin| store_pin(pin, e));
}
