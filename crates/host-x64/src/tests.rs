//! Listings of small blocks.

use crate::Features;
use crate::X64;
use crate::emit::tests::disassemble;
use host::{Code, FlagsAt, Host};
use ir::{Access, Block, Builder, Cond, Exit, ExitKind, Modifier, OpCode, Ref, Ty};

const PINS: [u16; 11] = [0, 1, 2, 3, 4, 5, 6, 19, 20, 21, 31];

fn back_end() -> X64 {
    let features = Features { avx2: true, bmi2: true, fma: true, ..Features::default() };
    X64::new(features, &PINS, &[64, 65, 66])
}

/// Slot of the guest's register.
fn x(n: u16) -> Ref {
    Ref::slot(n)
}

fn lower(build: impl FnOnce(&mut Builder<'_>)) -> (Code, Vec<String>) {
    let mut block = Block { pc: 0x1000, len: 64, ..Block::default() };
    build(&mut Builder::new(&mut block));
    let mut code = Code::default();
    back_end().lower(&block, 5, &mut code);
    let text = disassemble(&code.bytes);
    assert!(!text.iter().any(|l| l.contains("bad")), "{text:#?}");
    (code, text)
}

/// The instructions up to the first exit.
#[track_caller]
fn check(build: impl FnOnce(&mut Builder<'_>), want: &[&str]) {
    let (_, text) = lower(|b| {
        b.insn(0);
        build(b);
        let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
        b.exit_direct(exit);
    });
    let got: Vec<&str> = text.iter().map(String::as_str).collect();
    assert_eq!(&got[..want.len()], want, "{got:#?}");
    let rest = got[want.len()];
    assert!(
        rest.starts_with("jmp") || rest.contains("nop") || rest.starts_with("xchg"),
        "{got:#?}"
    );
}

#[test]
fn arithmetic_uses_lea() {
    check(
        |b| {
            let four = b.iconst(4);
            b.bin(OpCode::Add, Ty::I64, x(0), x(1), four);
            b.bin(OpCode::Add, Ty::I64, x(0), x(0), four);
            b.bin(OpCode::Add, Ty::I32, x(0), x(1), x(2));
            b.bin_mod(OpCode::Add, Ty::I64, x(0), x(1), x(2), Modifier::Lsl(3));
            b.bin(OpCode::Sub, Ty::I64, x(3), x(1), four);
            b.bin(OpCode::Sub, Ty::I64, x(3), x(1), x(3));
            b.bin(OpCode::Sub, Ty::I64, x(3), x(3), x(1));
        },
        &[
            "lea rbx, [rsi+4]",
            "add rbx, 4",
            "lea ebx, [rsi+rdi]",
            "lea rbx, [rsi+rdi*8]",
            "lea r8, [rsi-4]",
            "mov rcx, rsi",
            "sub rcx, r8",
            "mov r8, rcx",
            "sub r8, rsi",
        ],
    );
}

#[test]
fn homes_are_loaded_plainly_and_remembered() {
    check(
        |b| {
            b.bin(OpCode::Add, Ty::I64, x(8), x(8), x(9));
            b.bin(OpCode::Xor, Ty::I64, x(0), x(8), x(0));
        },
        &[
            "mov rcx, [rbp-0x40]",
            "mov rdx, [rbp-0x38]",
            "add rcx, rdx",
            "mov [rbp-0x40], rcx",
            "xor rbx, rcx",
        ],
    );
}

#[test]
fn constants() {
    check(
        |b| {
            let zero = b.iconst(0);
            let big = b.iconst(0x1234_5678_9abc);
            b.mov(Ty::I64, x(0), zero);
            b.mov(Ty::I64, x(8), zero);
            b.mov(Ty::I64, x(1), big);
            b.bin(OpCode::And, Ty::I64, x(1), x(1), big);
        },
        &[
            "xor ebx, ebx",
            "mov qword ptr [rbp-0x40], 0",
            "mov rsi, 0x123456789abc",
            "mov rcx, 0x123456789abc",
            "and rsi, rcx",
        ],
    );
}

#[test]
fn addresses() {
    check(
        |b| {
            b.ld(x(0), x(1), x(2), 0, Access { shift: 3, ..Access::new(3) });
            b.ld(x(0), x(1), Ref::NONE, 8, Access { sext: 64, ..Access::new(2) });
            let index = Access { ext: 2, shift: 2, ..Access::new(2) };
            b.ld(x(0), x(1), x(2), 0, index);
            let zero = b.iconst(0);
            b.st(zero, x(1), Ref::NONE, 16, Access::new(3));
            b.st(x(0), x(8), Ref::NONE, -8, Access::new(0));
            b.ld_v(x(64), x(1), Ref::NONE, 0, Access::new(4));
            b.st_v(x(64), x(1), Ref::NONE, 0, Access::new(3));
        },
        &[
            "mov rbx, [rsi+rdi*8]",
            "movsxd rbx, [rsi+8]",
            "movsxd rcx, edi",
            "mov ebx, [rsi+rcx*4]",
            "mov qword ptr [rsi+0x10], 0",
            "mov rcx, [rbp-0x40]",
            "mov [rcx-8], bl",
            "movups xmm0, [rsi]",
            "movsd [rsi], xmm0",
        ],
    );
}

#[test]
fn conditions_read_the_hosts_flags() {
    check(
        |b| {
            b.bin(OpCode::SubS, Ty::I64, Ref::NONE, x(0), x(1));
            b.ter(OpCode::Sel, Ty::I64, x(2), x(3), x(4), Ref::NONE, Cond::Hi as u16);
            b.ter(OpCode::SelInc, Ty::I32, x(2), x(3), x(4), Ref::NONE, Cond::Lo as u16);
            b.emit(OpCode::SetCond, Ty::I64, x(5), Ref::NONE, Ref::NONE, Ref::NONE, 10, 0);
        },
        &[
            "cmp rbx, rsi",
            "mov rdi, r9",
            "cmova rdi, r8",
            "lea ecx, [r9+1]",
            "cmovb ecx, r8d",
            "mov rdi, rcx",
            "mov r10d, 0",
            "setge r10b",
        ],
    );
}

#[test]
fn carries_chain() {
    check(
        |b| {
            b.bin(OpCode::AddS, Ty::I64, x(0), x(0), x(1));
            b.bin(OpCode::Adc, Ty::I64, x(2), x(2), x(3));
            b.bin(OpCode::SubS, Ty::I64, x(0), x(0), x(1));
            b.bin(OpCode::Sbc, Ty::I64, x(2), x(2), x(3));
        },
        &["add rbx, rsi", "adc rdi, r8", "sub rbx, rsi", "sbb rdi, r8"],
    );
}

#[test]
fn dead_flags_are_not_computed() {
    let (code, text) = lower(|b| {
        b.insn(0);
        b.bin(OpCode::SubS, Ty::I64, Ref::NONE, x(0), x(1));
        b.insn(4);
        b.ld(x(0), x(2), Ref::NONE, 0, Access::new(3));
        b.insn(8);
        b.ld(x(2), x(2), Ref::NONE, 0, Access::new(3));
        b.insn(12);
        b.bin(OpCode::AddS, Ty::I64, x(0), x(0), x(1));
        let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
        b.exit_direct(exit);
    });
    // Only faults need them: the operand that is overwritten is kept instead.
    let spill = core::mem::offset_of!(ir::State, spill) as i32 + 30 * 16 - ir::state::BIAS;
    let keep = format!("mov [rbp+0x{spill:x}], rbx");
    let want = [keep.as_str(), "mov rbx, [rdi]", "mov rdi, [rdi]", "add rbx, rsi"];
    assert_eq!(text[..4], want, "{text:#?}");
    assert_eq!(code.faults.len(), 2);
    assert_eq!(code.faults[0].flags, FlagsAt::Recipe(0));
    let recipe = code.recipes[0];
    assert_eq!((recipe.a, recipe.b), (host::Recipe::SPILL + 30, Some(1)));
}

#[test]
fn recipes_compute_flags() {
    let mut state = ir::State::new();
    let mut recipe = host::Recipe { kind: 0, w32: false, a: 0, b: Some(1), imm: 0 };
    (state.int[0], state.int[1]) = (5, 5);
    assert_eq!(recipe.nzcv(&state), 6 << 28);
    (state.int[0], recipe.kind) = (4, 3);
    // 4 is the result of 9 - 5.
    assert_eq!(recipe.nzcv(&state), 2 << 28);
    state.int[0] = 1 << 63;
    state.int[1] = 1 << 63;
    recipe.kind = 1;
    assert_eq!(recipe.nzcv(&state), 7 << 28);
    recipe = host::Recipe { kind: 2, w32: true, a: 0, b: None, imm: 0x8000_0000 };
    state.int[0] = 0xffff_ffff;
    assert_eq!(recipe.nzcv(&state), 8 << 28);
}

#[test]
fn loops_keep_flags_in_the_host() {
    let (code, text) = lower(|b| {
        b.insn(0);
        b.ld(x(0), x(1), Ref::NONE, 0, Access::new(3));
        b.insn(4);
        let one = b.iconst(1);
        b.bin(OpCode::SubS, Ty::I64, Ref::NONE, x(2), one);
        b.insn(8);
        let poll = ir::Op::new(OpCode::Poll, Ty::I64);
        b.push(poll);
        let again = b.exit(Exit { pc: 0x1000, kind: ExitKind::Jump, flags_dead: false });
        b.br_cond(Cond::Ne, again);
        let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
        b.exit_direct(exit);
    });
    let body = ["mov rbx, [rsi]", "mov ecx, [rbp-0x1080]"];
    assert_eq!(text[..2], body, "{text:#?}");
    let second = text.iter().skip(1).position(|l| l == body[0]).unwrap() + 1;
    assert_eq!(text[second + 1], body[1]);
    let compare = text.iter().skip(second).position(|l| l == "cmp rdi, 1").unwrap() + second;
    assert!(text[compare + 1].starts_with("jne"), "{text:#?}");
    assert_eq!(code.faults.len(), 4);
    assert_eq!(code.faults[0].flags, FlagsAt::Home);
    assert_eq!(code.faults[1].guest, 8);
    assert_eq!(code.faults[2].flags, FlagsAt::HostSub);
    assert_eq!(code.links.iter().filter(|l| l.looped).count(), 2);
    assert!(code.links.iter().all(|l| l.at % 4 == 0 && l.stub > l.at));
}

#[test]
fn calls_use_the_return_stack() {
    let (code, text) = lower(|b| {
        b.insn(0);
        let kind = ExitKind::Call { return_pc: 0x1004 };
        let exit = b.exit(Exit { pc: 0x2000, kind, flags_dead: true });
        b.exit_direct(exit);
    });
    assert!(text[0].starts_with("call"), "{text:#?}");
    assert_eq!(text[1], "cmp rax, 0x1004");
    assert!(text[2].starts_with("je"), "{text:#?}");
    assert_eq!(code.links.len(), 2);
    assert_eq!((code.links[0].pc, code.links[1].pc), (0x2000, 0x1004));
    let (_, text) = lower(|b| {
        b.insn(0);
        b.emit(OpCode::ExitIndirect, Ty::I64, Ref::NONE, x(30), Ref::NONE, Ref::NONE, 1, 0);
    });
    assert_eq!(text[..2], ["mov rax, [rbp+0x70]", "ret"]);
}

#[test]
fn counting_trailing_zeros_is_one_instruction() {
    check(
        |b| {
            b.un(OpCode::Rbit, Ty::I64, x(0), x(1));
            b.insn(4);
            b.un(OpCode::Clz, Ty::I64, x(0), x(0));
        },
        &["tzcnt rbx, rsi"],
    );
}

/// A branch by a value that the flags still tell does not compare it.
#[test]
fn conditions_stay_in_the_flags() {
    let (_, text) = lower(|b| {
        b.insn(0);
        b.bin_aux(OpCode::SetCmp, Ty::I64, x(0), x(0), x(1), Cond::Lo as u16);
        b.insn(4);
        let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
        let zero = b.iconst(0);
        b.br_cmp(Ty::I64, Cond::Eq, x(0), zero, exit);
        b.exit_direct(exit);
    });
    assert_eq!(text[0], "cmp rbx, rsi");
    assert!(text[..6].iter().any(|l| l.starts_with("jae")), "{text:#?}");
    assert!(!text[..6].iter().any(|l| l.starts_with("test")), "{text:#?}");
}

#[test]
fn the_helper_does_the_rest() {
    let (_, text) = lower(|b| {
        b.insn(0);
        b.bin(OpCode::Xperm4, Ty::I64, x(0), x(0), x(1));
        let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
        b.exit_direct(exit);
    });
    let call = text.iter().position(|l| l.starts_with("call")).unwrap();
    assert!(text[call + 1].starts_with("mov rbx, ["), "{text:#?}");
}

/// Every integer operation over operands and results in all places: it must be lowered without
/// running out of scratch registers, with and without extensions, with the flags live.
#[test]
fn every_operation_in_every_place() {
    use OpCode as O;
    let unary = [
        O::Mov,
        O::Not,
        O::Clz,
        O::Cls,
        O::Ctz,
        O::Popcnt,
        O::Abs,
        O::Rbit,
        O::Rev,
        O::Rev16,
        O::Rev32,
        O::SExt8,
        O::SExt16,
        O::SExt32,
        O::ZExt8,
        O::ZExt16,
        O::Ubfx,
        O::Sbfx,
        O::Ubfiz,
        O::Sbfiz,
    ];
    let binary = [
        O::Add,
        O::Sub,
        O::And,
        O::Or,
        O::Xor,
        O::AndNot,
        O::OrNot,
        O::XorNot,
        O::AddS,
        O::SubS,
        O::AndS,
        O::AndNotS,
        O::Adc,
        O::Sbc,
        O::AdcS,
        O::SbcS,
        O::Mul,
        O::MulHiS,
        O::MulHiU,
        O::MulWideS,
        O::MulWideU,
        O::DivS,
        O::DivU,
        O::Shl,
        O::Shr,
        O::Sar,
        O::Ror,
        O::MaxS,
        O::MinU,
        O::Bfi,
        O::Bfxil,
        O::Extr,
        O::Crc32,
        O::Crc32c,
        O::Sel,
        O::SelInc,
        O::SelInv,
        O::SelNeg,
        O::CcmpSub,
        O::CcmpAdd,
        O::SetCmp,
        O::Rmw,
        O::StEx,
        O::Cas,
        O::LdEx,
    ];
    let modified = [O::Add, O::Sub, O::And, O::OrNot, O::XorNot, O::SubS, O::AndNotS, O::AddS];
    let modifiers = [
        Modifier::Lsl(2),
        Modifier::Lsl(9),
        Modifier::Asr(3),
        Modifier::Ror(5),
        Modifier::Sxtb(4),
        Modifier::Uxtw(2),
    ];
    for bmi2 in [false, true] {
        let host = X64::new(Features { bmi2, ..Features::default() }, &PINS, &[]);
        let all = unary.iter().map(|&c| (c, 1)).chain(binary.iter().map(|&c| (c, 2)));
        let with = modified.iter().flat_map(|&c| modifiers.map(|m| (c, 2, Some(m))));
        for (code, operands, modifier) in all.map(|(c, n)| (c, n, None)).chain(with) {
            for places in 0..5 * 5 * 4 * 2 {
                let mut block = Block { pc: 0x1000, len: 64, ..Block::default() };
                let mut b = Builder::new(&mut block);
                b.insn(0);
                let (t, u, v) = (b.temp(), b.temp(), b.temp());
                for r in [t, u] {
                    b.mov(Ty::I64, r, x(7));
                }
                b.bin(O::SubS, Ty::I64, Ref::NONE, x(17), x(18));
                let k = b.iconst(0x1234_5678_9abc);
                let from = [x(0), x(8), t, k, x(9)];
                let (a, c) = (from[places % 5], from[places / 5 % 5]);
                let dst = [x(0), x(8), v, t][places / 25 % 4];
                let ty = if places / 100 == 0 { Ty::I64 } else { Ty::I32 };
                let aux = match code {
                    O::Ubfx | O::Sbfx | O::Ubfiz | O::Sbfiz | O::Bfi | O::Bfxil => 3 | 9 << 8,
                    O::Rmw => 2 | (places as u16 % 9) << 8,
                    O::Sel | O::SelInc | O::SelInv | O::SelNeg => 8,
                    O::SetCmp => 3,
                    O::CcmpSub | O::CcmpAdd => 1 | (places as u16 % 16) << 8,
                    O::Extr => 7,
                    _ => modifier.map_or(0, Modifier::encode),
                };
                let (bb, cc) = match (operands, code) {
                    (1, _) => (Ref::NONE, Ref::NONE),
                    (_, O::Cas) => (c, u),
                    _ => (c, Ref::NONE),
                };
                let flags_only = matches!(code, O::CcmpSub | O::CcmpAdd);
                let d = if flags_only { Ref::NONE } else { dst };
                b.emit(code, ty, d, a, bb, cc, aux, 0);
                b.mov(Ty::I64, x(10), if dst.as_temp().is_some() { d_or(d, t) } else { t });
                b.mov(Ty::I64, x(11), u);
                b.emit(O::SetCond, Ty::I64, x(1), Ref::NONE, Ref::NONE, Ref::NONE, 1, 0);
                let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: false });
                b.exit_direct(exit);
                let mut out = Code::default();
                host.lower(&block, 0, &mut out);
                let text = disassemble(&out.bytes);
                assert!(!text.iter().any(|l| l.contains("bad")), "{code:?} {text:#?}");
            }
        }
    }
}

fn d_or(d: Ref, t: Ref) -> Ref {
    if d.is_none() { t } else { d }
}

#[test]
fn stubs_decode() {
    let stubs = back_end().stubs();
    let text = disassemble(&stubs.bytes[..stubs.estimates as usize]);
    assert_eq!(text[0], "push rbp");
    assert!(text.iter().filter(|l| *l == "ret").count() >= 2);
    assert!(!text.iter().any(|l| l.contains("bad")));
}

#[test]
fn instructions_without_registers_are_given_up_alone() {
    let many = |b: &mut Builder<'_>| {
        let parts: Vec<Ref> = (0..40).map(|_| b.temp()).collect();
        for &t in &parts {
            b.bin(OpCode::Add, Ty::I64, t, x(0), x(1));
        }
        for &t in &parts {
            b.bin(OpCode::Add, Ty::I64, x(0), x(0), t);
        }
    };
    let build = |instructions: u32| {
        lower(|b| {
            for n in 0..instructions {
                b.insn(n * 8);
                b.bin(OpCode::Add, Ty::I64, x(0), x(0), x(1));
                b.insn(n * 8 + 4);
                many(b);
            }
            b.insn(64);
            let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
            b.exit_direct(exit);
        })
        .0
    };
    assert_eq!(build(0).given_up, 0);
    let (one, three) = (build(1), build(3));
    assert_eq!((one.given_up, three.given_up), (1, 3));
    assert_eq!((one.links.len(), three.links.len()), (1, 1));
}

#[test]
fn trailing_zeros_are_counted_without_bmi() {
    // RBIT and CLZ are one instruction where there is TZCNT; elsewhere both must be there.
    let mut block = Block { pc: 0x1000, len: 8, ..Block::default() };
    let mut b = Builder::new(&mut block);
    b.insn(0);
    b.un(OpCode::Rbit, Ty::I64, x(1), x(1));
    b.insn(4);
    b.un(OpCode::Clz, Ty::I64, x(1), x(1));
    let exit = b.exit(Exit { pc: 0x2000, kind: ExitKind::Jump, flags_dead: true });
    b.exit_direct(exit);
    for (features, wanted) in
        [(Features::default(), "bsr"), (Features { bmi2: true, ..Features::default() }, "tzcnt")]
    {
        let mut code = Code::default();
        X64::new(features, &PINS, &[64, 65, 66]).lower(&block, 5, &mut code);
        let text = disassemble(&code.bytes);
        assert!(text.iter().any(|l| l.starts_with(wanted)), "{wanted}: {text:#?}");
    }
}
