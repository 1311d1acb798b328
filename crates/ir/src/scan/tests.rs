//! Which loops are searches.

use super::{Bound, Scan, Stream, Test, With, find};
use crate::{Access, Block, Builder, Cond, Exit, ExitKind, OpCode, Ref, Ty};

const PC: u64 = 0x1000;

/// A block that `body` fills; the last operation is the branch back.
fn scan(body: impl Fn(&mut Builder<'_>, i32, i32)) -> Option<Scan> {
    let mut block = Block { pc: PC, ..Block::default() };
    let mut b = Builder::new(&mut block);
    let exit = |pc| Exit { pc, kind: ExitKind::Jump, flags_dead: false };
    let (back, out) = (b.exit(exit(PC)), b.exit(exit(PC + 64)));
    body(&mut b, back, out);
    let last = block.ops.len() - 1;
    find(&block, 0, last)
}
fn slot(n: u16) -> Ref {
    Ref::slot(n)
}
/// `slot n` = a byte at slot 0, which moves on.
fn byte(b: &mut Builder<'_>, n: u16) {
    b.ld(slot(n), slot(0), Ref::NONE, 0, Access::new(0));
    let one = b.iconst(1);
    b.bin(OpCode::Add, Ty::I64, slot(0), slot(0), one);
}
fn until_zero(b: &mut Builder<'_>, n: u16, back: i32) {
    let zero = b.iconst(0);
    b.br_cmp(Ty::I32, Cond::Ne, slot(n), zero, back);
}

#[test]
fn bytes_until_zero() {
    let found = scan(|b, back, _| {
        byte(b, 4);
        until_zero(b, 4, back);
    });
    let found = found.expect("a search");
    assert_eq!((found.stride, found.flags_of, found.flags), (1, None, None));
    assert_eq!(found.streams, [Stream { base: 0, index: None, disp: 0 }]);
    assert_eq!(found.tests, [Test::Equal(0, With::Byte(0))]);
    assert_eq!(found.moves, [(0, false)]);
    assert!(found.bounds.is_empty() && found.guards.is_empty());
}
#[test]
fn a_count_bounds_it_and_tells_the_flags() {
    let found = scan(|b, back, out| {
        byte(b, 4);
        let (zero, one) = (b.iconst(0), b.iconst(1));
        b.br_cmp(Ty::I32, Cond::Eq, slot(4), zero, out);
        b.bin(OpCode::SubS, Ty::I64, slot(2), slot(2), one);
        b.br_cond(Cond::Hi, back);
    });
    let found = found.expect("a search");
    assert_eq!(found.bounds, [Bound::Count { slot: 2, less: 1 }]);
    assert_eq!(found.flags_of, Some(2));
    assert_eq!(found.moves, [(0, false), (2, true)]);
}
#[test]
fn what_goes_from_turn_to_turn_prevents_it() {
    // The byte before.
    let last = |b: &mut Builder<'_>, back, _| {
        b.mov(Ty::I64, slot(5), slot(4));
        byte(b, 4);
        until_zero(b, 4, back);
    };
    // A sum.
    let sum = |b: &mut Builder<'_>, back, _| {
        byte(b, 4);
        b.bin(OpCode::Add, Ty::I64, slot(5), slot(5), slot(4));
        until_zero(b, 4, back);
    };
    // How many turns, though they are of 8 bytes.
    let turns = |b: &mut Builder<'_>, back, _| {
        let (zero, one, eight) = (b.iconst(0), b.iconst(1), b.iconst(8));
        b.ld(slot(3), slot(0), Ref::NONE, 0, Access::new(3));
        b.ld(slot(4), slot(1), Ref::NONE, 0, Access::new(3));
        for (n, by) in [(0, eight), (1, eight), (5, one)] {
            b.bin(OpCode::Add, Ty::I64, slot(n), slot(n), by);
        }
        b.bin(OpCode::Xor, Ty::I64, slot(6), slot(3), slot(4));
        b.br_cmp(Ty::I64, Cond::Eq, slot(6), zero, back);
    };
    // A byte that is read and not tested.
    let unseen = |b: &mut Builder<'_>, back, _| {
        byte(b, 4);
        b.ld(slot(5), slot(0), Ref::NONE, 100, Access::new(0));
        until_zero(b, 4, back);
    };
    let store = |b: &mut Builder<'_>, back, _| {
        byte(b, 4);
        b.st(slot(4), slot(1), Ref::NONE, 0, Access::new(0));
        until_zero(b, 4, back);
    };
    assert_eq!(scan(last), None);
    assert_eq!(scan(sum), None);
    assert_eq!(scan(turns), None);
    assert_eq!(scan(unseen), None);
    assert_eq!(scan(store), None);
}
#[test]
fn what_is_written_late_needs_two_turns() {
    let late = |b: &mut Builder<'_>, back, out| {
        byte(b, 4);
        let zero = b.iconst(0);
        b.br_cmp(Ty::I32, Cond::Eq, slot(4), zero, out);
        b.mov(Ty::I64, slot(6), slot(4));
        until_zero(b, 4, back);
    };
    let early = |b: &mut Builder<'_>, back, _| {
        byte(b, 4);
        b.mov(Ty::I64, slot(6), slot(4));
        until_zero(b, 4, back);
    };
    assert!(scan(late).expect("a search").two);
    assert!(!scan(early).expect("a search").two);
}
#[test]
fn bytes_until_they_are_not_what_a_register_says() {
    let found = scan(|b, back, _| {
        byte(b, 4);
        b.bin(OpCode::SubS, Ty::I32, Ref::NONE, slot(4), slot(9));
        b.br_cond(Cond::Eq, back);
    });
    let found = found.expect("a search");
    assert_eq!(found.tests, [Test::Unequal(0, With::Register(9))]);
    assert_eq!(found.flags, None);
}
#[test]
fn a_turn_must_read_all_it_goes_on_by() {
    let strided = |by: u64| {
        scan(|b, back, _| {
            let by = b.iconst(by);
            b.ld(slot(4), slot(0), Ref::NONE, 0, Access::new(0));
            b.bin(OpCode::Add, Ty::I64, slot(0), slot(0), by);
            until_zero(b, 4, back);
        })
    };
    assert!(strided(1).is_some());
    assert_eq!(strided(2), None);
    assert_eq!(strided(-1i64 as u64), None);
}
