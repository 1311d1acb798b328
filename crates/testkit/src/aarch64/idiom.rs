//! Pairs of instructions that compilers emit together, and that back ends translate together:
//! unlikely to meet at random.

use guest_aarch64::encoding::find;

use super::choose::{field, get, group, with};
use crate::diff::case::{Branch, Group, Hop};
use isa::{Generator, Line};

/// The second has the result of the first as an operand.
const VALUES: &[(&str, &str)] = &[
    ("rbit", "clz"),
    ("rbit", "rev_x"),
    ("clz", "lsrv"),
    ("sbfm", "add_ext"),
    ("ubfm", "add_shift"),
    ("ubfm", "orr_shift"),
    ("madd", "sdiv"),
    ("udiv", "msub"),
    ("sdiv", "msub"),
    ("madd", "umulh"),
    ("movz", "movk"),
    ("add_imm", "cbz"),
    ("and_imm", "cbnz"),
    ("ubfm", "tbz"),
    ("lsrv", "cbz"),
    ("aese", "aesmc"),
    ("aesd", "aesimc"),
    ("aese", "aesimc"),
    ("cmeq_v", "shrn_imm_v"),
    ("cmhs_v", "shrn_imm_v"),
    ("shrn_imm_v", "fmov_to_gen"),
    ("cmeq_zero_v", "umaxp_v"),
    ("cmeq_v", "umaxp_v"),
    ("cmtst_v", "umaxp_v"),
    ("cmhi_v", "uminp_v"),
    ("umaxp_v", "fmov_to_gen"),
    ("cnt_v", "addv"),
    ("addv", "umov"),
    ("addv", "fmov_to_gen"),
    ("fmov_from_gen", "cnt_v"),
    ("fmov_from_gen", "dup_elem_v"),
    ("dup_gen", "cmeq_v"),
    ("fmul_s", "fadd_s"),
    ("fcvtzs_int", "scvtf_int"),
    ("scvtf_int", "fmul_s"),
    ("fcvt", "fcvt"),
    ("pmull_v", "eor_v"),
    ("movi_v", "fmov_to_gen"),
    ("ext_v", "eor_v"),
    ("not_v", "and_v"),
];

/// They set the flags.
const WRITERS: &[&str] = &[
    "subs_imm",
    "subs_imm",
    "subs_shift",
    "subs_shift",
    "subs_ext",
    "adds_imm",
    "adds_shift",
    "adds_ext",
    "ands_imm",
    "ands_shift",
    "bics_shift",
    "adcs",
    "sbcs",
    "ccmp_reg",
    "ccmp_imm",
    "ccmn_reg",
    "ccmn_imm",
    "fcmp",
    "fcmpe",
    "fcmp_zero",
    "fccmp",
    "fccmpe",
    "rmif",
    "setf8",
    "setf16",
    "cfinv",
    "axflag",
    "xaflag",
];

/// They read the flags.
const READERS: &[&str] = &[
    "b_cond", "b_cond", "csel", "csel", "csinc", "csinc", "csinv", "csneg", "fcsel", "ccmp_reg",
    "ccmp_imm", "ccmn_reg", "ccmn_imm", "fccmp", "fccmpe", "adc", "adcs", "sbc", "sbcs", "cfinv",
    "xaflag",
];

/// What may come between the two: the host's flags are lost there, the guest's are not.
const BETWEEN: &[&str] =
    &["and_imm", "orr_shift", "eor_shift", "lsrv", "ubfm", "madd", "udiv", "clz"];

/// A random pair, or a longer sequence with a pair in it; None if its lines are not among those of
/// `generator`.
pub(super) fn pair(generator: &mut Generator) -> Option<Group> {
    let flags = generator.rng.one_in(2);
    let mut pick = |from: &[&'static str]| from[generator.rng.below(from.len() as u64) as usize];
    let (first, second) = if flags {
        (pick(WRITERS), pick(READERS))
    } else {
        VALUES[generator.rng.below(VALUES.len() as u64) as usize]
    };
    let line = |generator: &Generator, name| -> Option<&'static Line> {
        generator.lines().iter().copied().find(|l| l.name == name)
    };
    let (first, second) = (line(generator, first)?, line(generator, second)?);
    let (mut one, mut two) = (generator.word_of(first)? as u32, generator.word_of(second)? as u32);
    let rng = &mut generator.rng;
    if flags && rng.one_in(2) {
        // A compare, without a result.
        one = with(first, one, "rd", 31);
    }
    let result = get(first, one, "rd").unwrap_or(31);
    if !flags || rng.one_in(4) {
        let operand = ["rn", "rm", "rt"].into_iter().find(|f| get(second, two, f).is_some());
        let swapped = rng.one_in(4) && get(second, two, "rm").is_some();
        two = with(second, two, if swapped { "rm" } else { operand.unwrap_or("rn") }, result);
        if !rng.one_in(4) {
            two = with(second, two, "rd", result);
            if rng.one_in(2) {
                one = with(first, one, "rn", result);
            }
        }
    }
    // The same size, mostly.
    for name in ["sf", "ftype", "q", "size"] {
        if let Some(value) = get(first, one, name)
            && !rng.one_in(6)
        {
            two = with(second, two, name, value);
        }
    }
    let is = |word, line| find(word).is_some_and(|l| std::ptr::eq(l, line));
    if !is(one, first) || !is(two, second) {
        return None;
    }
    let branch: Option<fn(&mut [u8], Hop)> = match second.name {
        "b_cond" | "cbz" | "cbnz" => Some(field::<5, 19>),
        "tbz" => Some(field::<5, 14>),
        _ => None,
    };
    let branch = branch.map(|set| Branch { set, skip: rng.below(4) as isize });
    if flags
        && branch.is_none()
        && rng.one_in(2)
        && let Some(words) = last_use(generator, (first, one), (second, two))
    {
        return Some(group(&words, branch));
    }
    Some(group(&[one, two], branch))
}

/// A writer of the flags, something else, a reader that overwrites one of the writer's operands, and
/// a writer that ends what the flags were.
fn last_use(
    generator: &mut Generator,
    (first, one): (&'static Line, u32),
    (second, two): (&'static Line, u32),
) -> Option<Vec<u32>> {
    let rng = &mut generator.rng;
    let name = BETWEEN[rng.below(BETWEEN.len() as u64) as usize];
    let last = WRITERS[rng.below(WRITERS.len() as u64) as usize];
    let operand = get(first, one, if rng.one_in(3) { "rm" } else { "rn" })?;
    let two = with(second, two, "rd", operand);
    let mut word = |name| {
        let line = generator.lines().iter().copied().find(|l| l.name == name)?;
        Some(generator.word_of(line)? as u32)
    };
    let (between, last) = (word(name)?, word(last)?);
    find(two).is_some_and(|l| std::ptr::eq(l, second)).then(|| vec![one, between, two, last])
}

#[cfg(test)]
mod tests {
    use super::*;
    use guest_aarch64::encoding::TABLE;

    #[test]
    fn every_name_is_an_implemented_line() {
        let values = VALUES.iter().flat_map(|&(a, b)| [a, b]);
        let flags = [WRITERS, READERS, BETWEEN].into_iter().flatten().copied();
        for name in values.chain(flags) {
            assert!(TABLE.named(name).is_some_and(Line::implemented), "{name}");
        }
    }

    #[test]
    fn most_pairs_are_valid() {
        let mut generator = Generator::new(&TABLE, 1, |_| true);
        let pairs = (0..1000).filter_map(|_| pair(&mut generator)).count();
        assert!(pairs > 500, "{pairs}");
        let mut bits = (0..10_000).filter_map(|_| pair(&mut generator));
        let count = |g: &Group| {
            let words = g.code.as_chunks().0.iter().map(|&w| u32::from_le_bytes(w));
            let words: Vec<_> = words.collect();
            let names: Vec<_> = words.iter().filter_map(|&w| Some(find(w)?.name)).collect();
            names == ["rbit", "clz"] && words[0] & 31 == words[1] & 31
        };
        assert!(bits.any(|g| count(&g)));
    }
}
