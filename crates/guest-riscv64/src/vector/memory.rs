//! Loads and stores of vectors.

use super::{Done, Group, Machine, Op, Stop, V0, VLEN, low, require};
use crate::state::{SLOT_VL, SLOT_VSTART};
use guest::MemFault;

impl Machine<'_> {
    /// Bits of the elements in memory, or of the indexes.
    fn width(&self) -> u32 {
        match self.bits(12, 3) {
            0 => 8,
            n => 8 << (n - 4),
        }
    }
    /// Fields of a segment; registers of a whole load.
    fn fields(&self) -> usize {
        self.bits(29, 3) + 1
    }

    pub(super) fn access(&mut self, op: Op) -> Done {
        let (vd, base) = (self.vd(), self.x(self.vs1()));
        match op {
            Op::Lm | Op::Sm => {
                self.defined()?;
                let bytes = self.vl.div_ceil(8);
                return self.elements(op == Op::Sm, vd, 8, bytes, base);
            }
            Op::Lr | Op::Sr => {
                let (count, width) = (self.fields(), if op == Op::Sr { 8 } else { self.width() });
                require(count.is_power_of_two() && vd.is_multiple_of(count))?;
                let elements = count * (VLEN / width) as usize;
                return self.elements(op == Op::Sr, vd, width, elements, base);
            }
            _ => {}
        }
        self.defined()?;
        let (indexed, fields) = (matches!(op, Op::Lxei | Op::Sxei), self.fields());
        let store = matches!(op, Op::Se | Op::Sse | Op::Sxei);
        let width = if indexed { self.sew() } else { self.width() };
        let group = self.group_of(vd, width);
        self.check_segments(group, fields, store, indexed)?;
        let size = u64::from(width / 8);
        if fields == 1 && !self.masked() && matches!(op, Op::Le | Op::Leff | Op::Se) {
            let fault_only_first = op == Op::Leff;
            let done = self.elements(store, vd, width, self.vl, base);
            return if fault_only_first { self.only_first(done) } else { done };
        }
        if self.segments_at_once(op, store, (vd, group.count()), width, base) {
            return Ok(());
        }
        for i in self.vstart..self.vl {
            if !self.active(i) {
                continue;
            }
            let at = match op {
                Op::Lxei | Op::Sxei => self.get(self.vs2(), self.width(), i),
                Op::Lse | Op::Sse => self.x(self.vs2()).wrapping_mul(i as u64),
                _ => size * fields as u64 * i as u64,
            };
            let segment = base.wrapping_add(at);
            for field in 0..fields {
                let register = vd + field * group.count();
                let address = segment.wrapping_add(size * field as u64);
                let done = self.element(store, register, width, i, address);
                if done.is_err() {
                    let stopped = self.stopped(i, done);
                    return if op == Op::Leff { self.only_first(stopped) } else { stopped };
                }
            }
        }
        Ok(())
    }

    /// Accesses segments that are next to each other, if nothing speaks against doing so at once.
    fn segments_at_once(
        &mut self,
        op: Op,
        store: bool,
        (vd, regs): (usize, usize),
        width: u32,
        base: u64,
    ) -> bool {
        let (size, fields) = (width as usize / 8, self.fields());
        if !matches!(op, Op::Le | Op::Leff | Op::Se) || self.masked() || self.vstart != 0 {
            return false;
        }
        let mut buffer = [0; 8 * VLEN as usize / 8];
        let bytes = &mut buffer[..self.vl * fields * size];
        if !store && self.space.load(base, bytes).is_err() {
            return false;
        }
        for (n, bytes) in bytes.chunks_exact_mut(size).enumerate() {
            let (i, register) = (n / fields, vd + n % fields * regs);
            let mut value = [0; 8];
            if store {
                value = self.get(register, width, i).to_le_bytes();
                bytes.copy_from_slice(&value[..size]);
            } else {
                value[..size].copy_from_slice(bytes);
                self.set(register, width, i, u64::from_le_bytes(value));
            }
        }
        !store || self.space.store(base, bytes).is_ok()
    }

    /// Fails for groups that are reserved as the data of a load or store.
    fn check_segments(&self, group: Group, fields: usize, store: bool, indexed: bool) -> Done {
        let all = fields * group.count();
        require(all <= 8 && group.register + all <= 32)?;
        let index = self.group_of(self.vs2(), self.width());
        if store {
            let sources = [group, index];
            // (The data may be in v0, which is the mask, unless there are indices too.)
            let valid = |g: &Group| (-3..=3).contains(&g.lmul) && g.is_aligned();
            let used = if indexed { &sources[..] } else { &sources[..1] };
            require(used.iter().all(valid))?;
            if self.masked() {
                require(!indexed || used.iter().all(|g| g.register != 0))?;
            }
            return require(!indexed || group.width == index.width || !group.overlaps(index));
        }
        // (The mask in v0 has elements of one bit, so indices of another width may not be there.)
        require(!indexed || !self.masked() || index.register != 0)?;
        for field in 0..fields {
            let group = Group { register: group.register + field * group.count(), ..group };
            let sources: &[Group] = if indexed { &[index] } else { &[] };
            match fields {
                1 => self.check(group, sources)?,
                _ => self.check_apart(group, sources)?,
            }
        }
        Ok(())
    }

    /// What becomes of a load that may fault at its first element only.
    fn only_first(&mut self, done: Done) -> Done {
        let stopped_at = self.state.int[usize::from(SLOT_VSTART)];
        if !matches!(done, Err(Stop::Fault(_))) || stopped_at == 0 {
            return done;
        }
        self.state.int[usize::from(SLOT_VL)] = stopped_at;
        Ok(())
    }

    /// Notes at which element an access failed.
    fn stopped(&mut self, i: usize, done: Done) -> Done {
        self.state.int[usize::from(SLOT_VSTART)] = i as u64;
        done
    }

    /// Accesses elements that are next to each other in memory, all of them, from vstart on.
    fn elements(&mut self, store: bool, vd: usize, width: u32, count: usize, base: u64) -> Done {
        let size = width as usize / 8;
        // All at once, if that succeeds.
        if self.vstart == 0 && count != 0 {
            let bytes = count * size;
            let mut buffer = [0; 8 * VLEN as usize / 8];
            let registers = bytes.div_ceil(16);
            for (piece, slot) in
                buffer.chunks_mut(16).zip(&self.state.vec[V0 + vd..]).take(registers)
            {
                piece.copy_from_slice(&slot.to_le_bytes());
            }
            let done = match store {
                true => self.space.store(base, &buffer[..bytes]),
                false => self.space.load(base, &mut buffer[..bytes]),
            };
            if done.is_ok() {
                let slots = self.state.vec[V0 + vd..].iter_mut();
                for (piece, slot) in buffer.as_chunks().0.iter().zip(slots).take(registers) {
                    *slot = u128::from_le_bytes(*piece);
                }
                return Ok(());
            }
        }
        for i in self.vstart..count {
            let address = base.wrapping_add((i * size) as u64);
            let done = self.element(store, vd, width, i, address);
            if done.is_err() {
                return self.stopped(i, done);
            }
        }
        Ok(())
    }

    /// Accesses one element.
    fn element(&mut self, store: bool, register: usize, width: u32, i: usize, at: u64) -> Done {
        let size = width as usize / 8;
        let fault = |fault: MemFault| Stop::Fault(fault);
        if store {
            let value = self.get(register, width, i).to_le_bytes();
            return self.space.store(at, &value[..size]).map_err(fault);
        }
        let mut value = [0; 8];
        self.space.load(at, &mut value[..size]).map_err(fault)?;
        self.set(register, width, i, u64::from_le_bytes(value) & low(width));
        Ok(())
    }
}
