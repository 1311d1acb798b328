//! Sets of addresses as disjoint ranges.

use std::collections::BTreeMap;

/// A set of addresses, kept as disjoint ranges that never touch.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    /// End (exclusive) by start.
    ranges: BTreeMap<u64, u64>,
    /// The sum of all lengths.
    total: u64,
}

impl Intervals {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: BTreeMap::new(), total: 0 }
    }

    /// How many addresses are in the set.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Adds `start..end`.
    pub fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut start, mut end) = (start, end);
        if let Some((&s, &e)) = self.ranges.range(..=start).next_back()
            && e >= start
        {
            if e >= end {
                return;
            }
            start = s;
        }
        while let Some((&s, &e)) = self.ranges.range(start..=end).next() {
            end = end.max(e);
            self.ranges.remove(&s);
            self.total -= e - s;
        }
        self.ranges.insert(start, end);
        self.total += end - start;
    }

    /// Takes `start..end` out.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        if let Some((&s, &e)) = self.ranges.range(..start).next_back()
            && e > start
        {
            self.ranges.insert(s, start);
            self.total -= e.min(end) - start;
            if e > end {
                self.ranges.insert(end, e);
                return;
            }
        }
        while let Some((&s, &e)) = self.ranges.range(start..end).next() {
            self.ranges.remove(&s);
            self.total -= e.min(end) - s;
            if e > end {
                self.ranges.insert(end, e);
            }
        }
    }

    /// The range that contains `addr`.
    pub fn find(&self, addr: u64) -> Option<(u64, u64)> {
        let (&s, &e) = self.ranges.range(..=addr).next_back()?;
        (e > addr).then_some((s, e))
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
        self.overlaps(start, end).next().is_some()
    }

    /// The parts of `start..end` that are in the set, ascending.
    pub fn overlaps(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let first = self.find(start).map_or(start, |(s, _)| s);
        self.ranges
            .range(first..end.max(first))
            .map(move |(&s, &e)| (s.max(start), e.min(end)))
            .filter(|(s, e)| s < e)
    }

    /// The parts of `start..end` that are not in the set, descending.
    pub fn gaps_down(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let mut top = end;
        let ranges = self.ranges.range(..end).rev().map(|(&s, &e)| (s, e));
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
            assert_eq!(set.total(), bits.iter().filter(|&&bit| bit).count() as u64);
            let ranges = list(&set);
            assert!(ranges.windows(2).all(|w| w[0].1 < w[1].0));
        }
    }
}
