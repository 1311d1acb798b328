//! The guest's counter: nanoseconds of the host's `CLOCK_MONOTONIC_RAW`.
//!
//! Translated code computes them from the processor's time stamps, by a line of pieces that all
//! threads share. At the end of a piece the clock is read and the next one begins, such that the
//! line never goes back and meets the clock again. The first pieces are short, as their slopes are
//! not known well. Where time stamps do not tell time there are no pieces: each time the clock is
//! read.

use ir::state::Clock;
use std::sync::{Mutex, MutexGuard, PoisonError};
use sys::arch::time_stamp;

/// The shortest and the longest piece, in nanoseconds.
const PIECE: (u64, u64) = (1_000_000, 1_000_000_000);

/// What the clock says at a time stamp.
#[derive(Clone, Copy, Debug)]
struct Reading {
    ticks: u64,
    ns: u64,
}

/// The line so far.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Whether time stamps tell time, once that is known.
    usable: Option<bool>,
    /// The reading that the next slope is measured from.
    last: Option<Reading>,
    piece: Clock,
}

static LINE: Mutex<Line> = Mutex::new(Line { usable: None, last: None, piece: NO_PIECE });
const NO_PIECE: Clock = Clock { start: 0, limit: 0, mult: 0, base: 0 };

/// The line, to be held over a fork.
pub(crate) fn lock() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nanoseconds now. `piece` becomes the one in force.
pub(crate) fn now(piece: &mut Clock) -> u64 {
    let mut line = lock();
    if !*line.usable.get_or_insert_with(sys::clock::has_time_stamps) {
        drop(line);
        return clock_ns();
    }
    let ticks = time_stamp();
    let now = line.tell(ticks, clock_ns, reading);
    *piece = line.piece;
    now
}

fn clock_ns() -> u64 {
    let (seconds, ns) = sys::clock::now(libc::CLOCK_MONOTONIC_RAW);
    seconds as u64 * 1_000_000_000 + ns as u64
}

/// A reading during which little else has happened.
fn reading() -> Reading {
    let once = |_| {
        let (before, ns, after) = (time_stamp(), clock_ns(), time_stamp());
        let took = after.wrapping_sub(before);
        (took, Reading { ticks: before.wrapping_add(took / 2), ns })
    };
    let best = (0..4).map(once).min_by_key(|(took, _)| *took);
    best.map_or_else(|| Reading { ticks: time_stamp(), ns: clock_ns() }, |(_, reading)| reading)
}

/// The time at `ticks`, if that is within the piece.
fn within(piece: &Clock, ticks: u64) -> Option<u64> {
    let ticks = ticks.wrapping_sub(piece.start);
    (ticks < piece.limit).then(|| piece.base + scaled(ticks, piece.mult))
}

/// The time at the end of the piece: nobody has been told a later one.
fn end(piece: &Clock) -> u64 {
    piece.base + scaled(piece.limit, piece.mult)
}

fn scaled(ticks: u64, mult: u64) -> u64 {
    (u128::from(ticks) * u128::from(mult) >> 32) as u64
}

impl Line {
    /// The time at `ticks`, which is now. Where the piece has ended, `ns` reads the clock, and
    /// `reading` does it exactly if the next piece begins.
    fn tell(&mut self, ticks: u64, ns: impl Fn() -> u64, reading: impl Fn() -> Reading) -> u64 {
        within(&self.piece, ticks).unwrap_or_else(|| {
            let ns = ns();
            if self.is_due(ns) { self.go_on(reading()) } else { ns.max(end(&self.piece)) }
        })
    }
    /// Whether at `ns` enough time has gone by for measuring a slope.
    fn is_due(&self, ns: u64) -> bool {
        self.last.is_none_or(|last| ns.saturating_sub(last.ns) >= PIECE.0)
    }
    /// The next piece, after a reading just now that is beyond the last one; gives the time.
    fn go_on(&mut self, now: Reading) -> u64 {
        let base = now.ns.max(end(&self.piece));
        let (last, ahead) = (self.last.replace(now), base - now.ns);
        self.piece = Clock { start: now.ticks, base, ..NO_PIECE };
        let Some(last) = last else { return base };
        let (ns, ticks) = (now.ns.saturating_sub(last.ns), now.ticks.wrapping_sub(last.ticks));
        let len = (2 * ns).min(PIECE.1);
        // Time stamps went back, or the line is far ahead: to be measured anew.
        if ns == 0 || ticks >> 63 != 0 || ahead > len / 2 {
            return base;
        }
        let ratio = |a: u64, b: u64, c: u64| (u128::from(a) * u128::from(b) / u128::from(c)) as u64;
        // Slower by what the line is ahead, so that at its end it is not.
        let slope = (u128::from(ns) << 32) / u128::from(ticks.max(1));
        self.piece.mult = ratio(u64::try_from(slope).unwrap_or(0), len - ahead, len);
        self.piece.limit = if self.piece.mult == 0 { 0 } else { ratio(ticks, len, ns) };
        base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock of 2.5 ticks a nanosecond, read with an error.
    fn read(ns: u64, error: i64) -> Reading {
        Reading { ticks: 1000 + ns * 5 / 2, ns: ns.saturating_add_signed(error) }
    }

    #[test]
    fn the_line_follows_the_clock_and_never_goes_back() {
        let mut line = Line::default();
        let (mut now, mut before, mut seed) = (5_000_000_000_u64, 0, 7_u64);
        for round in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            now += if round < 10_000 { seed >> 46 } else { seed >> 40 };
            let r = read(now, (seed >> 20 & 31) as i64 - 16);
            let told = line.tell(read(now, 0).ticks, || r.ns, || r);
            assert!(told >= before, "{round}: {told} after {before}");
            assert!(told.abs_diff(now) < 200, "{round}: {told} at {now}");
            before = told;
        }
        assert!(line.piece.limit > 1_000_000_000);
    }

    #[test]
    fn time_stamps_may_go_back() {
        let mut line = Line::default();
        line.go_on(read(1_000_000, 0));
        line.go_on(read(3_000_000, 0));
        let told = within(&line.piece, read(4_000_000, 0).ticks);
        assert!(told.is_some_and(|t| t.abs_diff(4_000_000) < 100), "{told:?}");
        // The program moves to another machine.
        assert_eq!(within(&line.piece, 5), None);
        let told = line.go_on(Reading { ticks: 5, ns: 9_000_000 });
        assert_eq!((told, line.piece.limit), (9_000_000, 0));
        line.go_on(Reading { ticks: 5_000_005, ns: 11_000_000 });
        assert!(within(&line.piece, 7_500_005).is_some_and(|t| t.abs_diff(12_000_000) < 100));
    }

    #[test]
    fn threads_agree() {
        let (mut mine, mut before) = (NO_PIECE, 0);
        for _ in 0..1000 {
            let here = now(&mut mine);
            let there = std::thread::spawn(|| now(&mut NO_PIECE.clone())).join().unwrap();
            assert!(before <= here && here <= there, "{before} {here} {there}");
            before = there;
        }
        assert!(clock_ns().abs_diff(now(&mut mine)) < 1_000_000);
    }
}
