//! Sets of addresses as disjoint ranges.

use crate::proc::Slot;

/// A set of addresses, kept as disjoint ranges that never touch.
#[derive(Debug, Default)]
pub struct Intervals {
    /// Start and end (exclusive), ascending. An array, so that other processes can read it.
    ranges: Vec<[u64; 2]>,
    /// The sum of all lengths.
    total: u64,
    /// Where they are told of it.
    slot: Option<&'static Slot>,
}

impl Clone for Intervals {
    fn clone(&self) -> Self {
        Self { ranges: self.ranges.clone(), total: self.total, slot: None }
    }
}

impl FromIterator<[u64; 2]> for Intervals {
    fn from_iter<T: IntoIterator<Item = [u64; 2]>>(list: T) -> Self {
        let mut all = Self::new();
        list.into_iter().for_each(|[start, end]| all.insert(start, end));
        all
    }
}

impl Intervals {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new(), total: 0, slot: None }
    }

    /// The empty set, to be shown to other processes from now on.
    pub(crate) fn shown_in(slot: &'static Slot) -> Self {
        Self { slot: Some(slot), ..Self::new() }
    }

    /// How many addresses are in the set.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Replaces the ranges `from..to` (of the array) by `by`.
    fn replace(&mut self, from: usize, to: usize, by: &[[u64; 2]]) {
        let sum = |ranges: &[[u64; 2]]| ranges.iter().map(|[s, e]| e - s).sum::<u64>();
        self.total = self.total - sum(&self.ranges[from..to]) + sum(by);
        self.slot.inspect(|slot| slot.begin());
        if by.len() == to - from {
            self.ranges[from..to].copy_from_slice(by);
        } else {
            self.ranges.splice(from..to, by.iter().copied());
        }
        self.slot.inspect(|slot| slot.end(&self.ranges));
    }

    /// The ranges (of the array) that have a part of `start..end`.
    fn within(&self, start: u64, end: u64) -> (usize, usize) {
        let from = self.ranges.partition_point(|range| range[1] <= start);
        let to = self.ranges.partition_point(|range| range[0] < end);
        (from, to.max(from))
    }

    /// Adds `start..end`.
    pub fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        // Those that it only touches become one with it.
        let from = self.ranges.partition_point(|range| range[1] < start);
        let to = self.ranges.partition_point(|range| range[0] <= end);
        let mut whole = [start, end];
        if let [first, .., last] | [first @ last] = self.ranges[from..to] {
            whole = [start.min(first[0]), end.max(last[1])];
            if whole == first {
                return;
            }
        }
        self.replace(from, to, &[whole]);
    }

    /// Takes `start..end` out.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (from, to) = self.within(start, end);
        if let [first, .., last] | [first @ last] = self.ranges[from..to] {
            let before = [first[0], start];
            let after = [end, last[1]];
            match (before[0] < start, end < after[1]) {
                (true, true) => self.replace(from, to, &[before, after]),
                (true, false) => self.replace(from, to, &[before]),
                (false, true) => self.replace(from, to, &[after]),
                (false, false) => self.replace(from, to, &[]),
            }
        }
    }

    /// The range that contains `addr`.
    pub fn find(&self, addr: u64) -> Option<(u64, u64)> {
        let next = self.ranges.partition_point(|range| range[0] <= addr);
        let &[start, end] = self.ranges.get(next.checked_sub(1)?)?;
        (end > addr).then_some((start, end))
    }

    /// Whether `addr` is in the set.
    pub fn contains(&self, addr: u64) -> bool {
        self.find(addr).is_some()
    }

    /// Whether all of `start..end` is in the set.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        start >= end || self.find(start).is_some_and(|(_, e)| e >= end)
    }

    /// Whether a part of `start..end` is in the set.
    pub fn intersects(&self, start: u64, end: u64) -> bool {
        self.first(start, end).is_some()
    }

    /// The first part of `start..end` that is in the set.
    pub fn first(&self, start: u64, end: u64) -> Option<(u64, u64)> {
        let next = self.ranges.partition_point(|range| range[1] <= start);
        let &[s, e] = self.ranges.get(next).filter(|range| range[0] < end && start < end)?;
        Some((s.max(start), e.min(end)))
    }

    /// The parts of `start..end` that are in the set, ascending.
    pub fn overlaps(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let (from, to) = self.within(start, end);
        self.ranges[from..to].iter().map(move |&[s, e]| (s.max(start), e.min(end)))
    }

    /// The parts of `start..end` that are not in the set, descending.
    pub fn gaps_down(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let mut top = end;
        let below = self.ranges.partition_point(|range| range[0] < end);
        let ranges = self.ranges[..below].iter().rev().map(|&[s, e]| (s, e));
        ranges.take_while(move |&(_, e)| e > start).chain([(start, start)]).filter_map(
            move |(s, e)| {
                let gap = (e, top);
                top = s.max(start);
                (gap.0 < gap.1).then_some(gap)
            },
        )
    }

    /// The parts of `start..end` that are not in the set, ascending.
    pub fn gaps(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut at = start;
        for (s, e) in self.overlaps(start, end) {
            if s > at {
                gaps.push((at, s));
            }
            at = e;
        }
        if at < end {
            gaps.push((at, end));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::Intervals;

    fn list(set: &Intervals) -> Vec<(u64, u64)> {
        set.overlaps(0, u64::MAX).collect()
    }

    #[test]
    fn ranges_merge_and_split() {
        let mut set = Intervals::new();
        set.insert(10, 20);
        set.insert(30, 40);
        assert_eq!(list(&set), [(10, 20), (30, 40)]);
        set.insert(20, 30);
        assert_eq!(list(&set), [(10, 40)]);
        set.insert(12, 15);
        assert_eq!(list(&set), [(10, 40)]);
        set.remove(15, 18);
        assert_eq!(list(&set), [(10, 15), (18, 40)]);
        set.remove(0, 12);
        assert_eq!(list(&set), [(12, 15), (18, 40)]);
        set.insert(5, 50);
        assert_eq!(list(&set), [(5, 50)]);
        set.remove(5, 50);
        assert_eq!(list(&set), []);
    }

    #[test]
    fn gaps_and_overlaps_cover_the_whole() {
        let mut set = Intervals::new();
        set.insert(10, 20);
        set.insert(30, 40);
        assert_eq!(set.gaps(5, 45), [(5, 10), (20, 30), (40, 45)]);
        assert_eq!(set.gaps(12, 18), []);
        assert_eq!(set.overlaps(15, 35).collect::<Vec<_>>(), [(15, 20), (30, 35)]);
        let down = |start, end| set.gaps_down(start, end).collect::<Vec<_>>();
        assert_eq!(down(5, 45), [(40, 45), (20, 30), (5, 10)]);
        assert_eq!(down(15, 35), [(20, 30)]);
        assert_eq!(down(22, 25), [(22, 25)]);
        assert_eq!(down(12, 18), []);
        assert!(set.covers(10, 20) && !set.covers(10, 21) && !set.covers(20, 21));
        assert_eq!([set.first(15, 18), set.first(20, 35)], [Some((15, 18)), Some((30, 35))]);
        assert_eq!([set.first(20, 30), set.first(12, 12)], [None; 2]);
        assert!(set.intersects(19, 25) && !set.intersects(20, 30));
    }

    #[test]
    fn behaves_as_a_bitmap() {
        let (mut set, mut bits) = (Intervals::new(), [false; 64]);
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let (a, b) = ((seed >> 20 & 63) as usize, (seed >> 30 & 63) as usize);
            let (start, end, add) = (a.min(b), a.max(b), seed >> 40 & 1 != 0);
            bits[start..end].fill(add);
            if add {
                set.insert(start as u64, end as u64);
            } else {
                set.remove(start as u64, end as u64);
            }
            for (addr, &bit) in bits.iter().enumerate() {
                assert_eq!(set.contains(addr as u64), bit);
            }
            let gaps = set.gaps(start as u64, end as u64);
            assert!(gaps.into_iter().rev().eq(set.gaps_down(start as u64, end as u64)));
            assert_eq!(set.total(), bits.iter().filter(|&&bit| bit).count() as u64);
            let ranges = list(&set);
            assert!(ranges.windows(2).all(|w| w[0].1 < w[1].0));
        }
    }
}
