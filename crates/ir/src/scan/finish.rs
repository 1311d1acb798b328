//! What the evaluation of a turn says about the loop.

use super::turn::{Atom, Flags, Load, Set, Turn, Value, bit};
use super::{Bound, Scan, Stream, Test};

impl Turn<'_> {
    pub(super) fn finish(self) -> Option<Scan> {
        let mut scan = Scan { guards: self.guards.clone(), ..Scan::default() };
        let written = self.written();
        let mut moving = 0;
        let mut stride = 0;
        for &(r, v) in &self.values {
            let (Some(slot), Value::Start { slot: of, plus }) = (r.as_slot(), v) else { continue };
            if of == slot && plus != 0 {
                moving |= bit(slot);
                stride = plus.unsigned_abs();
                scan.moves.push((slot, plus < 0));
            }
        }
        let even = |plus: i64| plus.unsigned_abs() == stride;
        let moves = |slot: u16| scan.moves.iter().find(|m| m.0 == slot).copied();
        if !stride.is_power_of_two()
            || stride > 64
            || !self.values.iter().all(|&(r, v)| match (r.as_slot(), v) {
                (Some(slot), Value::Start { slot: of, plus }) if of == slot => {
                    plus == 0 || even(plus)
                }
                _ => true,
            })
        {
            return None;
        }
        scan.stride = stride as u8;
        // What a turn leaves behind must be written anew by the next, of other things.
        let (early, early_flags) = self.early?;
        let unseen = written & !moving;
        if (self.used | self.fixed) & written != 0 || self.copied & unseen != 0 {
            return None;
        }
        // And it must be before it can be seen.
        scan.two = unseen & !early != 0;
        if let Flags::Zero { set, z: true, c } = self.flags
            && set & !self.tested == 0
        {
            scan.flags = Some(1 << 30 | u32::from(c) << 29);
        } else if self.flags != Flags::Start && !early_flags && !scan.two {
            match self.flags {
                Flags::Count { slot, by } if by == stride && moves(slot) == Some((slot, true)) => {
                    scan.flags_of = Some(slot);
                }
                _ => scan.two = true,
            }
        }
        let up = |slot: u16| moves(slot) == Some((slot, false));
        let down = |slot: u16| moves(slot) == Some((slot, true));
        // Every load must be tested: its bytes would be skipped.
        let mut seen: Set = 0;
        for (n, &atom) in self.atoms.iter().enumerate() {
            if self.tested >> n & 1 == 0 {
                continue;
            }
            match atom {
                Atom::Equal(load, _) | Atom::Unequal(load, _) => seen |= 1 << load,
                Atom::Differ(x, y) => seen |= 1 << x | 1 << y,
                Atom::Count { slot, by, less } if down(slot) && by == stride => {
                    scan.bounds.push(Bound::Count { slot, less });
                }
                Atom::End { slot, plus, end }
                    if up(slot) && (0..=stride as i64).contains(&plus) =>
                {
                    scan.bounds.push(Bound::End { slot, plus, end });
                }
                _ => return None,
            }
        }
        if self.loads.is_empty() || seen.count_ones() as usize != self.loads.len() {
            return None;
        }
        for load in &self.loads {
            let moved = [Some(load.base), load.index].into_iter().flatten().filter(|&s| up(s));
            let still = [Some(load.base), load.index]
                .into_iter()
                .flatten()
                .filter(|&s| written & bit(s) == 0);
            let slots = 1 + usize::from(load.index.is_some());
            if moved.count() != 1 || still.count() != slots - 1 {
                return None;
            }
        }
        self.collect(&mut scan)?;
        Some(scan)
    }
    /// Puts the tests of single loads together into tests of streams.
    fn collect(&self, scan: &mut Scan) -> Option<()> {
        let tested: Vec<Atom> = (self.atoms.iter().enumerate())
            .filter(|(n, _)| self.tested >> n & 1 != 0)
            .map(|(_, atom)| *atom)
            .collect();
        for &atom in &tested {
            // The atoms that differ from this one only in their place.
            let (first, kin) = match atom {
                Atom::Count { .. } | Atom::End { .. } => continue,
                Atom::Equal(n, _) | Atom::Unequal(n, _) => {
                    let kin = tested.iter().filter_map(|&other| match (atom, other) {
                        (Atom::Equal(_, a), Atom::Equal(m, b))
                        | (Atom::Unequal(_, a), Atom::Unequal(m, b))
                            if a == b && self.same_stream(n, m) =>
                        {
                            Some(m)
                        }
                        _ => None,
                    });
                    (n, kin.collect::<Vec<_>>())
                }
                Atom::Differ(n, to) => {
                    let distance = |x: usize, y: usize| self.loads[y].disp - self.loads[x].disp;
                    let kin = tested.iter().filter_map(|other| match *other {
                        Atom::Differ(m, t)
                            if self.same_stream(n, m)
                                && self.same_stream(to, t)
                                && distance(n, to) == distance(m, t) =>
                        {
                            Some(m)
                        }
                        _ => None,
                    });
                    (n, kin.collect())
                }
            };
            if kin.iter().any(|&m| self.loads[m].disp < self.loads[first].disp) {
                continue;
            }
            // They must cover what a turn goes on by.
            let mut next = self.loads[first].disp;
            while let Some(&m) = kin.iter().find(|&&m| self.loads[m].disp == next) {
                next += i64::from(self.loads[m].size);
            }
            let total: i64 = kin.iter().map(|&m| i64::from(self.loads[m].size)).sum();
            let stride = i64::from(scan.stride);
            if total != stride || next - self.loads[first].disp != stride {
                return None;
            }
            let a = self.stream(scan, first)?;
            let test = match atom {
                Atom::Equal(_, with) => Test::Equal(a, with),
                Atom::Unequal(_, with) => Test::Unequal(a, with),
                Atom::Differ(_, to) => Test::Differ(a, self.stream(scan, to)?),
                Atom::Count { .. } | Atom::End { .. } => continue,
            };
            scan.tests.push(test);
        }
        (!scan.tests.is_empty()).then_some(())
    }
    fn same_stream(&self, m: usize, n: usize) -> bool {
        let (a, b) = (self.loads[m], self.loads[n]);
        (a.base, a.index) == (b.base, b.index)
    }
    /// The number of the stream that begins with a load.
    fn stream(&self, scan: &mut Scan, load: usize) -> Option<usize> {
        let Load { base, index, disp, .. } = self.loads[load];
        let stream = Stream { base, index, disp: i32::try_from(disp).ok()? };
        Some(scan.streams.iter().position(|s| *s == stream).unwrap_or_else(|| {
            scan.streams.push(stream);
            scan.streams.len() - 1
        }))
    }
}
