//! Mutated ELF files: for the parser alone, and for the whole product.

mod base;
mod mutate;
mod watch;
mod whole;

pub use base::{base, static_program};
pub use mutate::mutate;
pub use watch::{Run, run};
pub use whole::{Outcome, judge};

use crate::subject::Subject;
use linux::elf::{Error, PAGE, parse};

/// Parses `bytes` and checks what the loader relies on. Returns whether they are a program of `subject`.
///
/// # Panics
/// If the parser lets something through.
pub fn check(bytes: &[u8], subject: &Subject) -> bool {
    let program = match parse(bytes, &subject.abi.kind) {
        Ok(program) => program,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(!matches!(error, Error::Read(_)), "nothing was read");
            return false;
        }
    };
    for segment in &program.segments {
        let last = segment.addr.checked_add(segment.memsz).expect("a segment ends in range");
        assert!(
            last <= subject.abi.kind.addresses.end - PAGE && segment.page_end() >= last,
            "{segment:x?}"
        );
        assert!(segment.filesz <= segment.memsz && segment.memsz > 0, "{segment:x?}");
        assert!(segment.align.is_power_of_two() && segment.align >= PAGE, "{segment:x?}");
        let end = segment.offset.checked_add(segment.filesz).expect("its bytes end in range");
        assert!(i64::try_from(end).is_ok(), "{segment:x?}");
        assert!(segment.filesz == 0 || segment.offset % PAGE == segment.addr % PAGE);
    }
    let (first, end) = program.span();
    assert!(
        first < end
            && end <= subject.abi.kind.addresses.end
            && first % PAGE == 0
            && end % PAGE == 0
    );
    assert!(program.phdr_count > 0);
    match &program.interp {
        Some(interp) => assert!(interp.len() < 4096 && !interp.contains(&0)),
        None => assert!(program.entry < subject.abi.kind.addresses.end),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::SUBJECTS;
    use isa::Rng;
    use std::time::{Duration, Instant};

    #[test]
    fn mutated_headers_are_survived() {
        let mut rng = Rng::new(1);
        let (mut good, mut bad) = (0, 0);
        let begin = Instant::now();
        for n in 0..60_000 {
            // The number is fixed; the time is a limit for slow machines only.
            if n % 1000 == 0 && begin.elapsed() > Duration::from_secs(2) {
                break;
            }
            let subject = SUBJECTS[n % SUBJECTS.len()];
            let file = base(&mut rng, subject);
            assert!(check(&file, subject), "what the generator makes is a program");
            let mutated = mutate(&mut rng, file);
            if check(&mutated, subject) { good += 1 } else { bad += 1 }
        }
        assert!(good > 100 && bad > 100, "{good} good, {bad} bad");
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut rng = Rng::new(2);
        for n in 0..10_000 {
            let subject = SUBJECTS[n % SUBJECTS.len()];
            let len = rng.below(300) as usize;
            let mut bytes: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
            check(&bytes, subject);
            if len >= 20 {
                bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
                bytes[16..18].copy_from_slice(&[2, 0]);
                bytes[18..20].copy_from_slice(&subject.abi.kind.machine.to_le_bytes());
                check(&bytes, subject);
            }
        }
    }

    #[test]
    fn the_static_program_is_one() {
        assert!(SUBJECTS.iter().all(|subject| check(&static_program(subject), subject)));
    }
}
