//! Guest operations that translated code leaves for.

use guest::Effect;
use ir::State;
use ir::state::TRAP_UNDEFINED;

/// FPCR was written.
pub(crate) const FP_CONTROL: u32 = 1;
/// IC IVAU of the address in argument 0.
pub(crate) const INVALIDATE: u32 = 2;
/// WFE and its like.
pub(crate) const YIELD: u32 = 3;
/// RNDR or RNDRRS to the register in the low bits.
pub(crate) const RANDOM: u32 = 0x120;

/// Fills a buffer with random bytes; false if there are none.
type Random = fn(&mut [u8]) -> bool;

/// Executes operation `op`.
pub(crate) fn run(random: Random, op: u32, args: [u64; 2], state: &mut State) -> Effect {
    match op {
        FP_CONTROL => Effect::Control,
        INVALIDATE => Effect::Invalidate { start: args[0] & !63, len: 64 },
        YIELD => Effect::Yield,
        RANDOM..0x140 => {
            let register = (op - RANDOM) as usize;
            let mut bytes = [0; 8];
            // Z says that there is no random number.
            let there = random(&mut bytes);
            state.set_nzcv(if there { 0 } else { 1 << 30 });
            if register != 31 {
                state.int[register] = if there { u64::from_le_bytes(bytes) } else { 0 };
            }
            Effect::None
        }
        _ => Effect::Trap { kind: TRAP_UNDEFINED, argument: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Random = |_| false;

    #[test]
    fn random_numbers_say_whether_they_are() {
        let mut state = State::new();
        state.int[4] = 5;
        run(NONE, RANDOM + 4, [0; 2], &mut state);
        assert_eq!((state.int[4], state.nzcv()), (0, 1 << 30));
        let ones: Random = |bytes| {
            bytes.fill(0xff);
            true
        };
        run(ones, RANDOM + 4, [0; 2], &mut state);
        assert_eq!((state.int[4], state.nzcv()), (u64::MAX, 0));
    }

    #[test]
    fn invalidation_covers_the_line() {
        let effect = run(NONE, INVALIDATE, [0x1234, 0], &mut State::new());
        assert_eq!(effect, Effect::Invalidate { start: 0x1200, len: 64 });
    }
}
