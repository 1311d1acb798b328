//! The engine with a small made-up guest, on the real host.

pub(crate) mod fake;
mod halves;

use crate::{Cpu, Engine, Exit, FeatureLevel, Options, signals};
use core::sync::atomic::{AtomicU64, Ordering};
use fake::*;
use ir::state::SLOT_FPSR;
use sys::map::Mapping;

/// One engine a process: its handlers are the process's. Signals are the thread's.
fn engine(cache_size: usize) -> &'static Engine {
    let options = Options { cache_size, features: FeatureLevel::Auto, ..Options::default() };
    Engine::new(&Fake, options).unwrap()
}

/// Guest code at an address of the guest's.
struct Program {
    start: u64,
}

fn program(code: &[u32]) -> Program {
    // Never unmapped: another program at the same address would need an invalidation.
    let map = Box::leak(Box::new(Mapping::anonymous(1 << 20, 3).unwrap()));
    let program = Program { start: map.start() as u64 };
    program.put(0, code);
    program
}

impl Program {
    fn put(&self, index: usize, code: &[u32]) {
        for (i, word) in code.iter().enumerate() {
            memory::write_u32(self.start + 4 * (index + i) as u64, *word).unwrap();
        }
    }
    fn cpu(&self, engine: &'static Engine) -> Cpu {
        let mut cpu = Cpu::new(engine).unwrap();
        cpu.make_current();
        cpu.state_mut().set_pc(self.start);
        cpu
    }
}

fn small() -> &'static Engine {
    static ENGINE: std::sync::OnceLock<&'static Engine> = std::sync::OnceLock::new();
    ENGINE.get_or_init(|| engine(1 << 20))
}

#[test]
fn loops_calls_and_returns() {
    let p =
        program(&[addi(0, 1000), call(5), addi(0, -1), bnz(0, -2), svc(3), BREAK, addi(2, 2), RET]);
    let mut cpu = p.cpu(small());
    assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
    assert_eq!((cpu.state().int[0], cpu.state().int[2]), (0, 2000));
    assert_eq!(cpu.state().pc(), p.start + 20);
    assert_eq!(cpu.run(), Exit::Trap { kind: ir::state::TRAP_BREAKPOINT, arg: 7 });
    assert_eq!(cpu.state().pc(), p.start + 20);
}

/// An engine that lets the evaluator run what is reached for the first time.
fn patient() -> &'static Engine {
    Engine::new(&Fake, Options { evaluate_first: true, cache_size: 1 << 20, ..Options::default() })
        .unwrap()
}

#[test]
fn what_runs_once_is_not_translated() {
    let p = program(&[addi(0, 5), bnz(0, 2), BREAK, call(3), addi(2, 1), svc(3), addi(2, 2), RET]);
    let e = patient();
    let mut cpu = p.cpu(e);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
    assert_eq!((cpu.state().int[2], cpu.state().int[30]), (3, p.start + 16));
    assert_eq!(cpu.state().pc(), p.start + 24);
    assert_eq!(e.stats().units, 0);
    // The second time it is; the third uses that.
    for n in 2..4 {
        cpu.state_mut().set_pc(p.start);
        assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
        assert_eq!((cpu.state().int[2], e.stats().units), (3 * n, 4));
    }
}

#[test]
fn a_function_that_is_evaluated_returns_to_its_translated_caller() {
    let p = program(&[call(5), addi(2, 1), svc(3), BREAK, BREAK, bnz(5, 2), RET, addi(3, 1), RET]);
    let e = patient();
    let mut cpu = p.cpu(e);
    let empty = cpu.state().ret_sp;
    // Each of these is new; the call is translated when the last one is reached.
    for x5 in [0, 0, 1] {
        cpu.state_mut().set_pc(p.start);
        cpu.state_mut().int[5] = x5;
        assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
        assert_eq!(cpu.state().ret_sp, empty);
    }
    assert_eq!((cpu.state().int[2], cpu.state().int[3]), (3, 1));
}

#[test]
fn loops_are_evaluated_once_round() {
    let p = program(&[addi(0, 1000), addi(2, 1), addi(0, -1), bnz(0, -2), svc(3)]);
    let e = patient();
    let mut cpu = p.cpu(e);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
    assert_eq!((cpu.state().int[0], cpu.state().int[2]), (0, 1000));
    assert_eq!((cpu.firsts.left, e.stats().units), (crate::firsts::BLOCKS - 3, 1));
    // A thread of a program that runs already starts nothing.
    assert_eq!(cpu.clone_registers().unwrap().firsts.left, 0);
}

#[test]
fn faults_of_what_is_evaluated_are_precise() {
    let p = program(&[addi(0, 5), cmpi(0, 5), addi(4, 1), load(19, 16), addi(0, 1), svc(9)]);
    let mut cpu = p.cpu(patient());
    let data = Mapping::anonymous(4096, 0).unwrap();
    let addr = data.start() as u64;
    cpu.state_mut().int[1] = addr;
    let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
    assert_eq!((fault.signo, fault.code, fault.addr), (libc::SIGSEGV, 2, addr + 16));
    assert_eq!((cpu.state().pc(), cpu.nzcv()), (p.start + 12, 0x6000_0000));
    assert_eq!((cpu.state().int[0], cpu.state().int[4]), (5, 1));
}

#[test]
fn too_many_temporaries_are_left_to_the_evaluator() {
    // The flags are needed after it, and the loop goes round it.
    let p = program(&[
        addi(0, 1),
        cmpi(2, 3),
        many(7),
        addi(3, 1),
        beq(2),
        many(8),
        addi(2, 1),
        bnz(4, -7),
        svc(0),
    ]);
    let mut cpu = p.cpu(small());
    cpu.state_mut().int[7] = 1;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    let int = &cpu.state().int;
    assert_eq!((int[0], int[2], int[3], int[7], int[8]), (1, 1, 1, 820, 780));
    cpu.state_mut().set_pc(p.start);
    cpu.state_mut().int[2] = 3;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    let int = &cpu.state().int;
    assert_eq!((int[0], int[2], int[3], int[7], int[8]), (2, 4, 2, 820 * 40 + 780, 780));
}

#[test]
fn recursion_deeper_than_the_return_stack() {
    // f: save x30 at x1, x1 += 8, x0 -= 1, if x0: call f; x1 -= 8, x30 = [x1]; x2 += 1; ret
    let f = [
        store(30, 0),
        addi(1, 8),
        addi(0, -1),
        bnz(0, 2),
        jump(2),
        call(-5),
        addi(1, -8),
        load(30, 0),
        addi(2, 1),
        RET,
    ];
    let p = program(&[&[call(2), svc(0)][..], &f].concat());
    let stack = Mapping::anonymous(1 << 20, 3).unwrap();
    let mut cpu = p.cpu(small());
    cpu.state_mut().int[0] = 60_000;
    cpu.state_mut().int[1] = stack.start() as u64;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 60_000);
    // Again with everything linked.
    cpu.state_mut().set_pc(p.start);
    cpu.state_mut().int[0] = 60_000;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 120_000);
}

#[test]
fn indirect_branches() {
    let p = program(&[call_reg(3), addi(0, -1), bnz(0, -2), svc(1), BREAK, addi(2, 1), br(30)]);
    let mut cpu = p.cpu(small());
    cpu.state_mut().int[0] = 1000;
    cpu.state_mut().int[3] = p.start + 20;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 1, len: 4 });
    assert_eq!(cpu.state().int[2], 1000);
    // A tag in the top byte is ignored; so is a null function.
    cpu.state_mut().set_pc(p.start);
    cpu.state_mut().int[0] = 1;
    cpu.state_mut().int[3] = p.start + 20 | 0x5a << 56;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 1, len: 4 });
    cpu.state_mut().set_pc(p.start);
    cpu.state_mut().int[3] = 0;
    let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
    assert_eq!((fault.signo, fault.code, fault.addr), (libc::SIGSEGV, 1, 0));
    assert_eq!(cpu.state().pc(), 0);
    cpu.state_mut().set_pc(p.start + 2);
    let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
    assert_eq!((fault.signo, fault.code, fault.addr), (libc::SIGBUS, 1, p.start + 2));
}

#[test]
fn faults_are_precise() {
    let p = program(&[addi(0, 5), cmpi(0, 5), addi(4, 1), load(19, 16), beq(2), BREAK, svc(9)]);
    let mut cpu = p.cpu(small());
    let data = Mapping::anonymous(4096, 0).unwrap();
    let addr = data.start() as u64;
    cpu.state_mut().int[1] = addr;
    cpu.state_mut().int[10] = 77;
    let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
    assert_eq!((fault.signo, fault.code, fault.addr), (libc::SIGSEGV, 2, addr + 16));
    assert_eq!(cpu.state().pc(), p.start + 12);
    let int = &cpu.state().int;
    assert_eq!((int[0], int[1], int[4], int[10]), (5, addr, 1, 77));
    assert_eq!(cpu.nzcv(), 0x6000_0000);
    data.protect(0, 4096, 3);
    memory::write_u64(addr + 16, 1234).unwrap();
    assert_eq!(cpu.run(), Exit::Syscall { imm: 9, len: 4 });
    assert_eq!(cpu.state().int[19], 1234);
}

#[test]
fn tagged_pointers_and_misaligned_atomics_go_to_the_evaluator() {
    let p = program(&[load(2, 8), atomic_add(3), svc(0)]);
    let mut cpu = p.cpu(small());
    let data = Mapping::anonymous(4096, 3).unwrap();
    let addr = data.start() as u64;
    memory::write_u64(addr + 8, 99).unwrap();
    cpu.state_mut().int[1] = addr | 0xab << 56;
    cpu.state_mut().int[3] = 5;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 99);
    assert_eq!(memory::read_u64(addr), Ok(5));
}

#[test]
fn what_is_tagged_often_is_translated_anew() {
    let p = program(&[load(2, 8), store(2, 16), addi(0, -1), bnz(0, -3), svc(0)]);
    let e = engine(1 << 20);
    let mut cpu = p.cpu(e);
    let data = Mapping::anonymous(4096, 3).unwrap();
    let addr = data.start() as u64;
    memory::write_u64(addr + 8, 99).unwrap();
    cpu.state_mut().int[0] = 1000;
    cpu.state_mut().int[1] = addr | 0xab << 56;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!((cpu.state().int[2], memory::read_u64(addr + 16)), (99, Ok(99)));
    assert!(e.stats().interpreted < 40, "{:?}", e.stats());
}

#[test]
fn invalid_operations_go_to_the_evaluator() {
    let p = program(&[FDIV, addi(0, 1), svc(0)]);
    let mut cpu = p.cpu(small());
    cpu.state_mut().vec[1] = u128::from(1.0_f64.to_bits());
    cpu.state_mut().vec[2] = u128::from(3.0_f64.to_bits());
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().vec[0], u128::from((1.0_f64 / 3.0).to_bits()));
    assert_eq!(cpu.fpsr() & 0x9f, 0x10);
    cpu.set_fpsr(0);
    cpu.state_mut().vec[1] = 0;
    cpu.state_mut().vec[2] = 0;
    cpu.state_mut().set_pc(p.start);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().vec[0], 0x7ff8_0000_0000_0000);
    assert_eq!(cpu.fpsr() & 0x9f, 1);
    assert_eq!(cpu.state().int[usize::from(SLOT_FPSR)] & 0x9f, 1);
    assert_eq!(cpu.state().int[0], 2);
}

#[test]
fn what_traps_often_is_translated_anew() {
    let p = program(&[FDIV, addi(0, -1), bnz(0, -2), svc(0)]);
    let e = engine(1 << 20);
    let mut cpu = p.cpu(e);
    cpu.state_mut().int[0] = 1000;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!((cpu.state().vec[0], cpu.fpsr() & 0x9f), (0x7ff8_0000_0000_0000, 1));
    assert!(e.stats().interpreted < 20, "{:?}", e.stats());
}

#[test]
fn rounding_and_exact_mode_follow_the_control() {
    let p = program(&[fpcr(5), FDIV, svc(0)]);
    let mut cpu = p.cpu(small());
    cpu.state_mut().vec[1] = u128::from(1.0_f64.to_bits());
    cpu.state_mut().vec[2] = u128::from(3.0_f64.to_bits());
    let third = (1.0_f64 / 3.0).to_bits();
    // Nearest is below a third here; up is above.
    for (control, expected) in [(2, third + 1), (0, third), (4, third), (1, third)] {
        cpu.state_mut().int[5] = control;
        cpu.state_mut().set_pc(p.start);
        assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
        assert_eq!(cpu.state().vec[0] as u64, expected, "control {control}");
    }
}

#[test]
fn changed_code_takes_effect() {
    let e = small();
    // Call f; then tell that f changed, call it again.
    let p = program(&[call(5), svc(0), changed(3), call(2), svc(1), addi(2, 1), RET]);
    let mut cpu = p.cpu(e);
    cpu.state_mut().int[3] = p.start + 20;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    p.put(5, &[addi(2, 100)]);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 1, len: 4 });
    assert_eq!(cpu.state().int[2], 101);
    // Through the hash.
    let p = program(&[call_reg(3), svc(0), jump(-2), BREAK, addi(2, 1), br(30)]);
    let mut cpu = p.cpu(e);
    cpu.state_mut().int[3] = p.start + 16;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 2);
    p.put(4, &[addi(2, 100)]);
    e.invalidate(p.start + 16, 4);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 102);
    // The code returned to.
    let p = program(&[call(4), addi(2, 1), svc(1), BREAK, svc(0), RET]);
    let mut cpu = p.cpu(e);
    for expected in [1, 11] {
        cpu.state_mut().set_pc(p.start);
        assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
        if expected == 11 {
            p.put(1, &[addi(2, 10)]);
            e.invalidate(p.start + 4, 4);
        }
        assert_eq!(cpu.run(), Exit::Syscall { imm: 1, len: 4 });
        assert_eq!(cpu.state().int[2], expected);
    }
    assert!(e.stats().invalidated >= 3);
}

#[test]
fn what_leaves_the_hash_for_another_is_found_behind_it() {
    use ir::state::{displaced_index, hash_index};
    let e = small();
    let p = program(&[call_reg(3), call_reg(4), svc(0), jump(-3)]);
    let pc = |n: u64| p.start + 4 * n;
    let first = (16..).find(|&n| displaced_index(pc(n)) != 0).unwrap();
    let second = (first + 16..)
        .find(|&n| hash_index(pc(n)) == hash_index(pc(first)) && displaced_index(pc(n)) != 0)
        .unwrap();
    p.put(first as usize, &[addi(2, 1), br(30)]);
    p.put(second as usize, &[addi(2, 100), br(30)]);
    let mut cpu = p.cpu(e);
    (cpu.state_mut().int[3], cpu.state_mut().int[4]) = (pc(first), pc(second));
    for round in 1..=3 {
        assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
        assert_eq!(cpu.state().int[2], round * 101);
    }
    // The table, not the run loop, says where the first is: it says something else now.
    let host = |n| e.entry(e.map(guest::Key(0)).find(pc(n)).unwrap());
    assert!(cpu.shared.has_displaced(pc(first), host(first)));
    cpu.shared.displace(pc(first), host(second));
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 503);
    // Changed code takes effect.
    p.put(first as usize, &[addi(2, 1000)]);
    e.invalidate(pc(first), 4);
    assert!(!cpu.shared.has_displaced(pc(first), host(second)));
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
    assert_eq!(cpu.state().int[2], 1603);
}

#[test]
fn other_threads_see_changed_code() {
    let e = small();
    // A loop with a call by pointer, until the function changes to one that leaves.
    let p = program(&[call_reg(3), jump(-1), BREAK, addi(2, 1), store(2, 0), RET]);
    let data = Mapping::anonymous(4096, 3).unwrap();
    let addr = data.start() as u64;
    std::thread::scope(|s| {
        let thread = s.spawn(|| {
            let mut cpu = p.cpu(e);
            cpu.state_mut().int[3] = p.start + 12;
            cpu.state_mut().int[1] = addr;
            cpu.run()
        });
        while memory::read_u64(addr).unwrap() < 1000 && !thread.is_finished() {
            std::thread::yield_now();
        }
        p.put(3, &[svc(42)]);
        e.invalidate(p.start + 12, 4);
        assert_eq!(thread.join().unwrap(), Exit::Syscall { imm: 42, len: 4 });
    });
}

#[test]
fn signals_interrupt_loops_and_calls() {
    let e = small();
    let p = program(&[addi(0, 1), jump(-1)]);
    std::thread::scope(|s| {
        let thread = s.spawn(|| {
            let mut cpu = p.cpu(e);
            signals::catch(libc::SIGUSR1);
            for _ in 0..20 {
                let me = sys::syscall_ret(libc::SYS_gettid as u64, [0; 6]);
                let pid = u64::from(std::process::id());
                let killer = std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    sys::syscall_ret(
                        libc::SYS_tgkill as u64,
                        [pid, me, libc::SIGUSR1 as u64, 0, 0, 0],
                    )
                });
                if cpu.state().int[0].is_multiple_of(2) {
                    assert_eq!(cpu.run(), Exit::Interrupted);
                } else {
                    // pause
                    let r = cpu.syscall(libc::SYS_pause, [0; 6]);
                    assert!(r == -512 || r == -4, "{r}");
                    cpu.state_mut().int[0] += 1;
                }
                assert_eq!(killer.join().unwrap(), 0);
                assert_eq!(
                    signals::host_mask(),
                    !crate::fault::SYNCHRONOUS_MASK & !(1 << 8 | 1 << 18)
                );
                assert_eq!(cpu.syscall(libc::SYS_pause, [0; 6]), -512);
                let record = cpu.take_signal().unwrap();
                assert_eq!(record.signo, libc::SIGUSR1);
                assert!(cpu.take_signal().is_none());
                signals::set_host_mask(0);
            }
            assert!(cpu.state().int[0] > 0);
        });
        thread.join().unwrap();
    });
}

#[test]
fn sent_synchronous_signals_are_recorded() {
    let p = program(&[svc(0)]);
    let mut cpu = p.cpu(small());
    sys::signal::raise(libc::SIGSEGV);
    assert_eq!(cpu.run(), Exit::Interrupted);
    assert_eq!(cpu.take_signal().unwrap().signo, libc::SIGSEGV);
    assert!(cpu.take_signal().is_none());
    signals::set_host_mask(0);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
}

/// Code that does not fit in a tiny cache, run by several threads, over and over.
#[test]
fn a_full_cache_is_emptied_under_running_threads() {
    let e = engine(64 << 10);
    // Many functions of a few instructions, called by pointer one after the other.
    const FUNCTIONS: usize = 700;
    let mut code =
        vec![call_reg(3), addi(3, 16), addi(0, -1), bnz(0, -3), svc(0), BREAK, BREAK, BREAK];
    for _ in 0..FUNCTIONS {
        code.extend([addi(2, 1), jump(1), addi(4, 2), RET]);
    }
    let p = program(&code);
    let counter = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let mut cpu = p.cpu(e);
                for _ in 0..10 {
                    cpu.state_mut().set_pc(p.start);
                    cpu.state_mut().int[0] = FUNCTIONS as u64;
                    cpu.state_mut().int[3] = p.start + 32;
                    assert_eq!(cpu.run(), Exit::Syscall { imm: 0, len: 4 });
                }
                assert_eq!(cpu.state().int[2], 10 * FUNCTIONS as u64);
                assert_eq!(cpu.state().int[4], 20 * FUNCTIONS as u64);
                counter.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(counter.load(Ordering::SeqCst), 4);
    assert!(e.stats().flushes > 2, "{:?}", e.stats());
}

#[test]
fn two_mappings_work_and_are_copied_for_children() {
    let options = Options { cache_size: 1 << 20, dual_mapping: true, ..Options::default() };
    let e = Engine::new(&Fake, options).unwrap();
    let p = program(&[addi(0, 10), addi(2, 1), addi(0, -1), bnz(0, -2), svc(3)]);
    let mut cpu = p.cpu(e);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
    let mut guard = e.fork_guard();
    // SAFETY: the child only runs what is here.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        guard.child(&cpu);
    }
    drop(guard);
    if pid == 0 {
        p.put(1, &[addi(2, 3)]);
        e.invalidate(p.start, 64);
        cpu.state_mut().set_pc(p.start);
        let ok = cpu.run() == Exit::Syscall { imm: 3, len: 4 } && cpu.state().int[2] == 40;
        // SAFETY: no handlers are left to run.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    let mut status = 0_i32;
    sys::syscall_ret(libc::SYS_wait4 as u64, [pid as u64, &raw mut status as u64, 0, 0, 0, 0]);
    assert_eq!(status, 0);
    cpu.state_mut().set_pc(p.start);
    assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
    assert_eq!(cpu.state().int[2], 20);
}

#[test]
fn registers_are_cloned() {
    let p = program(&[svc(0)]);
    let mut cpu = p.cpu(small());
    cpu.state_mut().int[7] = 5;
    cpu.state_mut().int[36] = 0x1000;
    cpu.set_nzcv(0x9000_0000);
    let new = cpu.clone_registers().unwrap();
    assert_eq!((new.state().int[7], new.nzcv(), new.state().int[36]), (5, 0x9000_0000, u64::MAX));
    assert_eq!(new.state().pc(), p.start);
}

#[test]
fn the_evaluator_alone_suffices() {
    let options = Options { cache_size: 1 << 20, interpret: true, ..Options::default() };
    let e = Engine::new(&Fake, options).unwrap();
    let p = program(&[
        addi(0, 100),
        call(6),
        addi(0, -1),
        bnz(0, -2),
        load(3, 0),
        svc(3),
        BREAK,
        addi(2, 2),
        RET,
    ]);
    let mut cpu = p.cpu(e);
    let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
    assert_eq!((fault.signo, fault.code, fault.addr), (libc::SIGSEGV, 1, 0));
    assert_eq!(cpu.state().pc(), p.start + 16);
    cpu.state_mut().int[1] = p.start;
    assert_eq!(cpu.run(), Exit::Syscall { imm: 3, len: 4 });
    assert_eq!((cpu.state().int[0], cpu.state().int[2]), (0, 200));
}
