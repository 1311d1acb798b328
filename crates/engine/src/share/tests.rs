//! The shared memory: who finds what, and what is refused.

use super::memory::{FIRST, HEAD, LEN, RECORDS};
use super::record::FoundLink;
use super::*;
use crate::tests::fake::Fake;
use crate::unit::unpack;
use guest::Bytes;
use host::{FaultPoint, FlagsAt, Link, Recipe};

const PC: u64 = 0x7f00_1234_5010;
const USUAL: Key = Key(0);

fn share(family: u64) -> Share {
    Share::new(&[family; 8], |fd| fd.try_clone_to_owned()).unwrap()
}

/// What was seen of a block of these words.
fn seen(pc: u64, words: &[u32]) -> Seen {
    let mut seen = Seen::default();
    seen.clear(pc);
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    seen.of_block(pc, &bytes);
    seen
}

fn translation(pc: u64) -> (Block, Seen, Code) {
    let block = Block { pc, len: 8, insns: 2, ..Block::default() };
    let mut seen = seen(pc, &[0x11, 0x22, 0x33]);
    seen.elsewhere(pc + 4, &0x22_u32.to_le_bytes());
    seen.elsewhere(pc + 64, &7_u32.to_le_bytes());
    let mut code = Code { bytes: vec![0x90; 40], host_insns: 9, movable: true, ..Code::default() };
    code.bytes[8..16].copy_from_slice(&(pc + 8).to_le_bytes());
    code.addresses.push(8);
    code.links.push(Link { at: 20, stub: 24, number: 25, pc: pc + 8, looped: false });
    code.faults.push(FaultPoint { host: 3, guest: 4, flags: FlagsAt::Recipe(0) });
    code.recipes.push(Recipe { kind: 3, w32: true, a: 0x104, b: None, imm: u64::MAX });
    (block, seen, code)
}

fn find(share: &Share, pc: u64, key: Key, words: &[(u64, u32)]) -> Option<(Block, Code)> {
    share.find(pc, key, &mut code_of(words)).map(|found| parts(&found))
}

/// The block and the code that `found` is a record of, as far as it has them.
fn parts(found: &Found<'_>) -> (Block, Code) {
    let header = &found.header;
    let insns = header.insns.into();
    let block = Block { pc: found.pc, len: header.len.into(), insns, ..Block::default() };
    let mut code = Code {
        bytes: vec![0; header.code as usize],
        host_insns: header.host_insns,
        recipes: found.recipes().collect(),
        faults: found.faults().map(unpack).collect(),
        addresses: found.addresses().collect(),
        ..Code::default()
    };
    code.links.extend(found.links().map(|link| {
        let FoundLink { at, stub, number, looped, pc, .. } = link;
        Link { at, stub, number, looped, pc: pc.unwrap_or(0) }
    }));
    found.copy_code(&mut code.bytes);
    (block, code)
}

fn code_of(words: &[(u64, u32)]) -> impl Fetch + '_ {
    |at: u64| words.iter().find(|word| word.0 == at).map(|word| word.1)
}

fn add(share: &mut Share, block: &Block, seen: &Seen, code: &Code) -> bool {
    let mut fetch = Bytes { start: block.pc, code: seen.code(block).unwrap() };
    share.add(block, USUAL, seen, &mut fetch, code).is_some()
}

fn guest(pc: u64) -> Vec<(u64, u32)> {
    vec![(pc, 0x11), (pc + 4, 0x22), (pc + 64, 7)]
}

#[test]
fn what_one_process_adds_another_finds() {
    let mut first = share(1);
    let (block, seen, code) = translation(PC);
    assert!(add(&mut first, &block, &seen, &code));
    let fd = first.file.try_clone().unwrap();
    let second = Share::join(fd, &[1; 8]).unwrap();
    let (b, c) = find(&second, PC, USUAL, &guest(PC)).unwrap();
    assert_eq!((b.pc, b.len, b.insns), (PC, 8, 2));
    assert_eq!((&c.bytes, &c.links, &c.faults), (&code.bytes, &code.links, &code.faults));
    assert_eq!((c.recipes, c.host_insns), (code.recipes, 9));
    // Elsewhere, its addresses move along.
    let moved = PC - 0x5000;
    let (_, c) = find(&second, moved, USUAL, &guest(moved)).unwrap();
    assert_eq!(c.bytes[8..16], (moved + 8).to_le_bytes());
    assert_eq!(c.bytes[..8], code.bytes[..8]);
}

#[test]
fn other_guest_code_is_not_found() {
    let mut share = share(1);
    let (block, seen, mut code) = translation(PC);
    assert!(add(&mut share, &block, &seen, &code));
    assert!(find(&share, PC, USUAL, &guest(PC)).is_some());
    assert!(find(&share, PC, Key(1), &guest(PC)).is_none(), "another mode");
    assert!(find(&share, PC + 4, USUAL, &guest(PC + 4)).is_none(), "elsewhere in the page");
    for n in 0..3 {
        let mut other = guest(PC);
        other[n].1 ^= 0x100;
        assert!(find(&share, PC, USUAL, &other).is_none(), "word {n} is another");
        other.remove(n);
        assert!(find(&share, PC, USUAL, &other).is_none(), "word {n} is not there");
    }
    code.movable = false;
    let at = PC + 0x124;
    let (block, seen) = (Block { pc: at, ..block }, self::seen(at, &[0x11, 0x22, 0x33]));
    assert!(add(&mut share, &block, &seen, &code));
    assert!(find(&share, at, USUAL, &guest(at)).is_some());
    assert!(find(&share, at + 4096, USUAL, &guest(at + 4096)).is_none(), "not movable");
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

/// Whatever a relative wrote: nothing is read or written outside the memory, and nothing is found
/// that is not of the guest code asked for.
#[test]
fn broken_memory_is_survived() {
    let mut share = share(1);
    let (block, seen, code) = translation(PC);
    assert!(add(&mut share, &block, &seen, &code));
    let used = share.memory.head().used.load(Ordering::Relaxed) as usize;
    // The directory's slot, the list, the record: wherever something is, every bit of it.
    for at in HEAD..used {
        if byte(&share, at).load(Ordering::Relaxed) == 0 {
            continue;
        }
        for bit in 0..8 {
            byte(&share, at).fetch_xor(1 << bit, Ordering::Relaxed);
            survives(&share);
            byte(&share, at).fetch_xor(1 << bit, Ordering::Relaxed);
        }
    }
    assert!(find(&share, PC, USUAL, &guest(PC)).is_some());
}

/// As above, with more than one bit: words of the index and the record that lead anywhere, also in
/// circles.
#[test]
fn hostile_memory_is_survived() {
    let (block, seen, code) = translation(PC);
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..300 {
        let mut share = share(1);
        assert!(add(&mut share, &block, &seen, &code));
        let used = share.memory.head().used.load(Ordering::Relaxed) as usize;
        let places: Vec<usize> = (HEAD..used)
            .step_by(4)
            .filter(|&at| word(&share, at).load(Ordering::Relaxed) != 0)
            .collect();
        for _ in 0..1 + next() % 4 {
            let at = places[next() as usize % places.len()];
            let value = match next() % 5 {
                0 => (at / UNIT) as u32,
                1 => ((FIRST + next() as usize % (used - FIRST)) / UNIT) as u32,
                2 => (RECORDS / UNIT) as u32 - next() as u32 % 8,
                3 => next() as u32 % 80,
                _ => next() as u32,
            };
            word(&share, at).store(value, Ordering::Relaxed);
        }
        for _ in 0..20 {
            survives(&share);
            let _ = add(&mut share, &block, &seen, &code);
        }
    }
}

fn byte(share: &Share, at: usize) -> &core::sync::atomic::AtomicU8 {
    assert!(at < RECORDS);
    // SAFETY: within the mapping, and only this thread uses it.
    unsafe { &*share.memory.map.start().add(at).cast() }
}

fn word(share: &Share, at: usize) -> &core::sync::atomic::AtomicU32 {
    assert!(at + 4 <= RECORDS && at.is_multiple_of(4));
    // SAFETY: as above; aligned.
    unsafe { &*share.memory.map.start().add(at).cast() }
}

fn survives(share: &Share) {
    if let Some((block, code)) = find(share, PC, USUAL, &guest(PC)) {
        let size = code.bytes.len();
        assert!(block.pc == PC && block.len <= 3 * 4, "as much as there is guest code");
        assert!(code.links.iter().all(|link| link.at as usize + 4 <= size));
        assert!(code.addresses.iter().all(|&at| at as usize + 8 <= size));
    }
    for number in [FIRST / UNIT, FIRST / UNIT + 4, RECORDS / UNIT - 1] {
        let link = record::link_number(number as u32, 0);
        let _ = (share.link(link, PC + 8), share.memory.fault_point(64 + 3));
    }
}

#[test]
fn a_full_share_takes_no_more() {
    let mut share = share(1);
    let (mut block, seen, code) = translation(PC);
    share.memory.head().used.store(RECORDS as u64 - 64, Ordering::Relaxed);
    assert!(!add(&mut share, &block, &seen, &code));
    assert!(find(&share, PC, USUAL, &guest(PC)).is_none());
    share.memory.head().used.store(FIRST as u64, Ordering::Relaxed);
    for n in 0..10 {
        block.pc = PC + n * 4;
        let seen = self::seen(block.pc, &[0x11, 0x22, 0x33]);
        assert!(add(&mut share, &block, &seen, &code));
    }
    assert!(find(&share, PC + 36, USUAL, &guest(PC + 36)).is_some());
}

#[test]
fn every_record_of_many_pages_is_found() {
    let mut share = share(1);
    let (_, _, code) = translation(PC);
    let at = |page: u64, n: u64| PC + page * 4096 + n * 8;
    // (Page 0 has more than its first lists hold. What is at the pages' starts is different.)
    let code_at = |page: u64| {
        move |at: u64| {
            let page_start = at & 0xfff == 0;
            Some(if page_start { page as u32 } else { at as u32 & 0xfff })
        }
    };
    let counts = |page| if page == 0 { 400 } else { page % 20 };
    for page in 0..2000 {
        for n in 0..counts(page) {
            let pc = at(page, n);
            let block = Block { pc, len: 8, insns: 2, ..Block::default() };
            let seen = seen(pc, &[pc as u32 & 0xfff, pc as u32 + 4 & 0xfff]);
            assert!(share.add(&block, USUAL, &seen, &mut code_at(page), &code).is_some());
        }
    }
    for page in 0..2000 {
        for n in 0..counts(page) {
            let pc = at(page, n);
            assert!(
                share.find(pc, USUAL, &mut code_at(page)).is_some_and(|found| found.pc == pc),
                "{page} {n}"
            );
        }
        let pc = at(page, counts(page));
        assert!(share.find(pc, USUAL, &mut code_at(page)).is_none());
    }
}

#[test]
fn several_may_add_at_once() {
    let first = share(1);
    let (block, _, code) = translation(PC);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let mut share = Share::join(first.file.try_clone().unwrap(), &[1; 8]).unwrap();
            let (code, block) = (&code, &block);
            scope.spawn(move || {
                for n in (0..200).map(|n| n * 4 + thread) {
                    let block = Block { pc: PC + n * 4, len: 8, insns: 2, ..block.clone() };
                    assert!(add(&mut share, &block, &seen(block.pc, &[n as u32 + 1, 0x22]), code));
                }
            });
        }
    });
    for n in 0..800 {
        let pc = PC + n * 4;
        assert!(find(&first, pc, USUAL, &[(pc, n as u32 + 1), (pc + 4, 0x22)]).is_some());
    }
}

#[test]
fn code_and_what_is_looked_at_may_have_any_length() {
    for (len, looks) in [(6_u16, [2, 3, 20]), (1, [1, 1, 70]), (130, [15, 15, 15])] {
        let code: Vec<u8> = (0..300_u32).map(|n| (n * 7 + 1) as u8).collect();
        let bytes = |from: usize, len: usize| &code[from..from + len];
        let mut seen = Seen::default();
        seen.clear(PC);
        // Read in pieces, one of them twice, and further than the block goes.
        seen.of_block(PC, bytes(0, usize::from(len)));
        seen.of_block(PC + 1, bytes(1, 140));
        // Two that follow on each other, one elsewhere, one in the block.
        let mut at = usize::from(len);
        for len in &looks[..2] {
            seen.elsewhere(PC + at as u64, bytes(at, *len));
            at += len;
        }
        seen.elsewhere(PC + 220, bytes(220, looks[2]));
        seen.elsewhere(PC, bytes(0, 1));
        let block = Block { pc: PC, len: len.into(), insns: 1, ..Block::default() };
        let mut share = share(1);
        let (_, _, host) = translation(PC);
        let mut fetch = Bytes { start: PC, code: &code };
        assert!(share.add(&block, USUAL, &seen, &mut fetch, &host).is_some());
        let find = |code: &[u8]| {
            let found = share.find(PC, USUAL, &mut Bytes { start: PC, code });
            found.map(|found| u32::from(found.header.len))
        };
        assert_eq!(find(&code), Some(len.into()));
        // (The index looks at the first four bytes, whatever the length is.)
        let matters = |n: usize| n < at.max(4) || (220..220 + looks[2]).contains(&n);
        for n in 0..code.len() {
            let mut other = code.clone();
            other[n] ^= 0x10;
            assert_eq!(find(&other).is_none(), matters(n), "byte {n} of {len}, {looks:?}");
        }
        assert_eq!(find(&code[..at]), None, "what was looked at is not there");
    }
}

#[test]
fn links_lead_on_without_a_search() {
    let mut share = share(1);
    let (block, seen, code) = translation(PC);
    let next = Block { pc: PC + 8, ..block.clone() };
    let seen_next = self::seen(next.pc, &[0x33, 0x44]);
    let add = |share: &mut Share, block: &Block, seen: &Seen| {
        let mut fetch = Bytes { start: block.pc, code: seen.code(block).unwrap() };
        share.add(block, USUAL, seen, &mut fetch, &code).unwrap()
    };
    let (from, to) = (add(&mut share, &block, &seen), add(&mut share, &next, &seen_next));
    share.set_hint(from, 0, to);
    // In a process that has the code elsewhere.
    let pc = PC + 0x7000;
    let words = [&guest(pc)[..], &[(pc + 8, 0x33), (pc + 12, 0x44)]].concat();
    let found = share.find(pc, USUAL, &mut code_of(&words)).unwrap();
    let link = found.links().next().unwrap();
    assert_eq!((link.pc, link.hint), (Some(pc + 8), to));
    let candidate = share.candidate(link.hint, pc + 8, USUAL).unwrap();
    assert_eq!(candidate.check(&mut code_of(&words)).map(|found| found.pc), Some(pc + 8));
    // A hint is only that.
    let other = [&guest(pc)[..], &[(pc + 8, 0x33), (pc + 12, 0x45)]].concat();
    assert!(candidate.check(&mut code_of(&other)).is_none());
    assert!(share.candidate(link.hint, pc + 12, USUAL).is_none());
    for wrong in [0, 1, from + 1, u32::MAX, (RECORDS / UNIT) as u32 - 1] {
        assert!(share.candidate(wrong, pc + 8, USUAL).is_none());
        share.set_hint(wrong, 70_000, to);
    }
    share.set_hint(u32::MAX, 0, to);
}

/// That of a site.
const SITE: u64 = 0x1234_5678_9abc;

fn host() -> Box<dyn Host> {
    crate::host::back_end(&crate::Options::default(), guest::Guest::spec(&Fake)).unwrap()
}

fn add_in(share: &mut Share, block: &Block, seen: &Seen, code: &Code) -> Target {
    let mut fetch = Bytes { start: block.pc, code: seen.code(block).unwrap() };
    share.add_in(SITE, block, USUAL, seen, &mut fetch, code, &*host()).unwrap()
}

fn found_in(share: &Share, site: u64, pc: u64) -> Option<Header> {
    let words = guest(pc);
    share.find_in(site, pc, USUAL, &mut code_of(&words)).map(|found| found.header)
}

#[test]
fn what_is_a_sites_is_found_where_it_is_executed() {
    let mut first = share(1);
    let (block, seen, mut code) = translation(PC);
    code.recipes[0].imm = 77;
    let target = add_in(&mut first, &block, &seen, &code);
    let number = target.unit & !SHARED;
    let second = Share::join(first.file.try_clone().unwrap(), &[1; 8]).unwrap();
    assert_eq!(found_in(&second, SITE, PC).map(|h| (h.at, h.site)), Some((target.offset, SITE)));
    assert_eq!(found_in(&second, SITE + 1, PC), None, "another site's");
    assert_eq!(found_in(&second, SITE, PC + 4096), None, "at another address");
    assert!(found_in(&second, 0, PC + 4096).is_some(), "to be copied");
    // What is executed is what was added, with the link's number.
    let memory = &second.memory;
    let base = memory.base().unwrap();
    let executed = base + u64::from(target.offset);
    // SAFETY: that much is mapped there.
    let bytes = unsafe { core::slice::from_raw_parts(executed as *const u8, code.bytes.len()) };
    let link = record::link_number(number, 0);
    let mut expected = code.bytes.clone();
    host().set_number(&mut expected, code.links[0].number, SHARED | link);
    assert_eq!(bytes, expected);
    // Faults.
    let point = |at: u32| memory.fault_point(memory.offset(executed + u64::from(at)).unwrap());
    assert_eq!(point(3), Some((PC, code.faults[0], Some(code.recipes[0]))));
    assert_eq!(point(4), None);
    assert_eq!(memory.offset(base - 1), None);
    // Links: of this number, to this pc.
    let linked = second.link(link, PC + 8).map(|(header, at)| (header.pc, at));
    assert_eq!(linked, Some((PC, target.offset + code.links[0].at)));
    for (link, pc) in [(link, PC + 12), (link + 1, PC + 8), (link - 3, PC + 8), (1 << 30, PC)] {
        assert_eq!(second.link(link, pc), None);
    }
    // A copy leads to its stub, whatever the original has been linked to.
    memory.patch(target.offset + 20, 0x1234_5678);
    let words = guest(PC);
    let found = second.find(PC, USUAL, &mut code_of(&words)).unwrap();
    let mut copy = vec![0; code.bytes.len()];
    found.copy_code(&mut copy);
    assert_eq!(copy[20..24], 0x1234_5678_u32.to_le_bytes());
    found.unlink(&mut copy, &*host());
    assert_eq!(copy[20..24], host().link_word(20, 24).to_le_bytes());
}

#[test]
fn a_site_takes_over_what_is_elsewhere() {
    let mut share = share(1);
    let (block, seen, code) = translation(PC);
    assert!(add(&mut share, &block, &seen, &code));
    let pc = PC + 0x9000;
    let words = guest(pc);
    let number = {
        let found = share.find(pc, USUAL, &mut code_of(&words)).unwrap();
        assert!(found.is_within(pc, pc + 68) && !found.is_within(pc, pc + 67));
        assert!(!found.is_within(pc + 1, pc + 68));
        found.number
    };
    let (target, header) =
        share.adopt(number, pc, USUAL, SITE, &mut code_of(&words), &*host()).unwrap();
    assert_eq!((header.pc, header.site, header.at), (pc, SITE, target.offset));
    assert_eq!(found_in(&share, SITE, pc), Some(header));
    let word = share.memory.code(header.at, 2).unwrap()[1].load(Ordering::Relaxed);
    assert_eq!(word, pc + 8, "its addresses moved along");
    assert!(share.link(record::link_number(target.unit & !SHARED, 0), pc + 8).is_some());
}

#[test]
fn all_of_a_family_have_the_same_places() {
    let first = share(1);
    let second = Share::join(first.file.try_clone().unwrap(), &[1; 8]).unwrap();
    assert_eq!(first.memory.seed(), second.memory.seed());
    let a = first.memory.place(5, 70_000).unwrap();
    let b = second.memory.place(6, 1).unwrap();
    assert_eq!((second.memory.place(5, 70_000), first.memory.place(6, 1)), (Some(a), Some(b)));
    assert_eq!((a, b), (128 << 10, 192 << 10), "one above the other");
    assert_eq!(first.memory.place(7, FAMILY_PLACES_LEN), None);
    let given: Vec<u64> = (8..5000).filter_map(|n| first.memory.place(n, 1)).collect();
    assert!(given.len() > 300 && given.is_sorted_by(|a, b| a < b));
}
