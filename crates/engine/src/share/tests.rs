//! The shared memory: who finds what, and what is refused.

use super::*;
use host::{FaultPoint, FlagsAt, Link, Recipe};

const PC: u64 = 0x7f00_1234_5010;

fn share(family: u64) -> Share {
    Share::new(&[family; 8], |fd| fd.try_clone_to_owned()).unwrap()
}

fn translation(pc: u64) -> (Block, Seen, Code) {
    let block = Block { pc, len: 8, insns: 2, ..Block::default() };
    let seen = Seen { block: vec![0x11, 0x22, 0x33], beyond: vec![(pc + 4, 0x22), (pc + 64, 7)] };
    let mut code = Code { bytes: vec![0x90; 40], host_insns: 9, movable: true, ..Code::default() };
    code.bytes[8..16].copy_from_slice(&(pc + 8).to_le_bytes());
    code.addresses.push(8);
    code.links.push(Link { at: 20, stub: 24, number: 25, pc: 0, looped: false });
    code.faults.push(FaultPoint { host: 3, guest: 4, flags: FlagsAt::Recipe(0) });
    code.recipes.push(Recipe { kind: 3, w32: true, a: 0x104, b: None, imm: u64::MAX });
    (block, seen, code)
}

fn find(share: &mut Share, pc: u64, exact: bool, words: &[(u64, u32)]) -> Option<(Block, Code)> {
    let (mut block, mut code) = (Block::default(), Code::default());
    let read = |at| words.iter().find(|w| w.0 == at).map(|w| w.1);
    share.find(pc, exact, read, &mut block, &mut code).then_some((block, code))
}

fn guest(pc: u64) -> Vec<(u64, u32)> {
    vec![(pc, 0x11), (pc + 4, 0x22), (pc + 64, 7)]
}

#[test]
fn what_one_process_adds_another_finds() {
    let mut first = share(1);
    let (block, seen, code) = translation(PC);
    first.add(&block, false, &seen, &code);
    let fd = first.file.try_clone().unwrap();
    let mut second = Share::join(fd, &[1; 8]).unwrap();
    let (b, c) = find(&mut second, PC, false, &guest(PC)).unwrap();
    assert_eq!((b.pc, b.len, b.insns), (PC, 8, 2));
    assert_eq!((&c.bytes, &c.links, &c.faults), (&code.bytes, &code.links, &code.faults));
    assert_eq!((c.recipes, c.host_insns), (code.recipes, 9));
    // Elsewhere, its addresses move along.
    let moved = PC - 0x5000;
    let (_, c) = find(&mut second, moved, false, &guest(moved)).unwrap();
    assert_eq!(c.bytes[8..16], (moved + 8).to_le_bytes());
    assert_eq!(c.bytes[..8], code.bytes[..8]);
}

#[test]
fn other_guest_code_is_not_found() {
    let mut share = share(1);
    let (block, seen, mut code) = translation(PC);
    share.add(&block, false, &seen, &code);
    assert!(find(&mut share, PC, false, &guest(PC)).is_some());
    assert!(find(&mut share, PC, true, &guest(PC)).is_none(), "another mode");
    assert!(find(&mut share, PC + 4, false, &guest(PC + 4)).is_none(), "elsewhere in the page");
    for n in 0..3 {
        let mut other = guest(PC);
        other[n].1 ^= 0x100;
        assert!(find(&mut share, PC, false, &other).is_none(), "word {n} is another");
        other.remove(n);
        assert!(find(&mut share, PC, false, &other).is_none(), "word {n} is not there");
    }
    code.movable = false;
    let at = PC + 0x123;
    let (block, seen) = (Block { pc: at, ..block }, Seen { beyond: vec![], ..seen });
    share.add(&block, false, &seen, &code);
    assert!(find(&mut share, at, false, &guest(at)).is_some());
    assert!(find(&mut share, at + 4096, false, &guest(at + 4096)).is_none(), "not movable");
}

#[test]
fn strangers_are_refused() {
    let share = share(1);
    assert!(Share::join(share.file.try_clone().unwrap(), &[2; 8]).is_none());
    let other = std::fs::File::from(sys::raw::memfd(c"other").unwrap());
    other.set_len(LEN as u64).unwrap();
    assert!(Share::join(other.into(), &[0; 8]).is_none());
    let short = std::fs::File::from(sys::raw::memfd(c"short").unwrap());
    assert!(Share::join(short.into(), &[1; 8]).is_none());
}

#[test]
fn broken_records_are_survived() {
    let mut share = share(1);
    let (block, seen, code) = translation(PC);
    share.add(&block, false, &seen, &code);
    let size = share.head().used.load(Ordering::Relaxed) as usize - FIRST;
    for n in 0..size * 8 {
        // SAFETY: within the mapping, and only this thread uses it.
        let byte = unsafe { &mut *share.map.start().add(FIRST + n / 8) };
        *byte ^= 1 << (n % 8);
        let _ = find(&mut share, PC, false, &guest(PC));
        // SAFETY: as above.
        unsafe { *share.map.start().add(FIRST + n / 8) ^= 1 << (n % 8) };
    }
    assert!(find(&mut share, PC, false, &guest(PC)).is_some());
}

#[test]
fn a_full_share_takes_no_more() {
    let mut share = share(1);
    let (mut block, seen, code) = translation(PC);
    share.head().used.store(LEN as u64 - 64, Ordering::Relaxed);
    share.add(&block, false, &seen, &code);
    assert!(find(&mut share, PC, false, &guest(PC)).is_none());
    share.head().used.store(FIRST as u64, Ordering::Relaxed);
    for n in 0..10 {
        block.pc = PC + n * 4;
        share.add(&block, false, &Seen { beyond: vec![], block: seen.block.clone() }, &code);
    }
    assert!(find(&mut share, PC + 36, false, &guest(PC + 36)).is_some());
}
