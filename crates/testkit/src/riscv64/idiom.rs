//! Pairs of instructions, and rotations, that compilers emit together, and that back ends translate together:
//! unlikely to meet at random.

use guest_riscv64::encoding::TABLE;
use isa::{Generator, Line};

use super::choose::Place;
use super::fit::{immediate, is_access, register, with, writes};
use crate::diff::case::{Branch, Group};

/// The second has the result of the first as an operand.
const VALUES: &[(&str, &str)] = &[
    ("lui", "addi"),
    ("lui", "addiw"),
    ("auipc", "addi"),
    ("c_lui", "c_addi"),
    ("c_lui", "c_addiw"),
    ("slli", "srli"),
    ("slli", "srai"),
    ("slli", "add"),
    ("c_slli", "c_srli"),
    ("c_slli", "c_add"),
    ("slliw", "addw"),
    ("addw", "slli"),
    ("addiw", "slli"),
    ("and", "sltu"),
    ("slt", "bne"),
    ("sltu", "beq"),
    ("sltiu", "bne"),
    ("sltu", "add"),
    ("sub", "sltu"),
    ("slti", "xori"),
    ("sltu", "czero_eqz"),
    ("czero_eqz", "or"),
    ("czero_nez", "or"),
    ("mul", "mulh"),
    ("mulhu", "add"),
    ("div", "mul"),
    ("divu", "remu"),
    ("divw", "remw"),
    ("andn", "orn"),
    ("ctz", "srl"),
    ("clz", "xori"),
    ("sext_b", "add"),
    ("zext_h", "slli"),
    ("rev8", "srli"),
    ("orc_b", "xori"),
    ("fmul_d", "fadd_d"),
    ("fmul_s", "fadd_s"),
    ("fadd_s", "fmul_s"),
    ("fsub_s", "fmul_s"),
    ("fmadd_s", "fmadd_s"),
    ("fmadd_d", "fmadd_d"),
    ("fdiv_s", "fcvt_d_s"),
    ("fcvt_s_d", "fadd_s"),
    ("fcvt_d_s", "fadd_d"),
    ("fcvt_s_w", "fmul_s"),
    ("fcvt_d_l", "fmul_d"),
    ("fmv_w_x", "fadd_s"),
    ("fmv_d_x", "fadd_d"),
    ("fmv_d_x", "fadd_s"),
    ("fadd_s", "fmv_x_w"),
    ("fadd_s", "fadd_d"),
    ("fadd_d", "fadd_s"),
    ("fsqrt_d", "fdiv_d"),
    ("fadd_s", "fcvt_w_s"),
    ("fadd_d", "fcvt_l_d"),
    ("flt_d", "bne"),
    ("feq_s", "beq"),
    ("fle_d", "xori"),
    ("fsgnj_s", "fadd_s"),
    ("fsgnjx_d", "fadd_d"),
    ("fmin_s", "fmax_s"),
    ("fadd_h", "fmul_h"),
    ("fcvt_s_h", "fadd_s"),
];

/// The second has the operands of the first, in either order.
const OPERANDS: &[(&str, &str)] = &[
    ("mul", "mulhu"),
    ("mulhu", "mul"),
    ("mul", "mulh"),
    ("mulh", "mul"),
    ("mulhsu", "mul"),
    ("add", "sltu"),
    ("div", "rem"),
];

/// The second compares the result of the first with one of its operands.
const CARRIES: &[(&str, &str)] =
    &[("add", "sltu"), ("add", "bltu"), ("add", "bgeu"), ("addw", "sltu")];

/// A random pair of registers with operands in common.
fn pair_of_operands(generator: &mut Generator, place: Place) -> Option<Group> {
    let names = generator.rng.below((OPERANDS.len() + CARRIES.len()) as u64) as usize;
    let carries = CARRIES.get(names.wrapping_sub(OPERANDS.len()));
    let (first, second) = *carries.or_else(|| OPERANDS.get(names))?;
    let line = |generator: &Generator, name| -> Option<&'static Line> {
        generator.lines().iter().copied().find(|l| l.name == name)
    };
    let (first, second) = (line(generator, first)?, line(generator, second)?);
    let (one, mut two) = (generator.word_of(first)?, generator.word_of(second)?);
    let rng = &mut generator.rng;
    let (a, b) = (register(first, one, "rs1")?, register(first, one, "rs2")?);
    let (a, b) = if rng.one_in(2) { (a, b) } else { (b, a) };
    let a = if carries.is_some() { register(first, one, "rd")? } else { a };
    two = with(second, with(second, two, "rs1", a), "rs2", b);
    if writes(first, one, place.kept) || writes(second, two, place.kept) {
        return None;
    }
    let branch = matches!(second.name, "bltu" | "bgeu")
        .then(|| Branch { set: immediate, skip: rng.below(4) as isize });
    let mut code = one.to_le_bytes()[..4].to_vec();
    code.extend(&two.to_le_bytes()[..4]);
    Some(Group { code, last: 4, branch })
}

/// Shifts left and right that OR joins to a rotation.
const ROTATIONS: &[(&str, &str)] = &[("slliw", "srliw"), ("slli", "srli")];

/// A rotation made of two shifts, or nearly one.
fn rotation(generator: &mut Generator, place: Place) -> Option<Group> {
    let (left, right) = ROTATIONS[generator.rng.below(2) as usize];
    let line = |generator: &Generator, name| -> Option<&'static Line> {
        generator.lines().iter().copied().find(|l| l.name == name)
    };
    let (left, right, or) =
        (line(generator, left)?, line(generator, right)?, line(generator, "or")?);
    let (mut shl, mut shr) = (generator.word_of(left)?, generator.word_of(right)?);
    let mut or_word = generator.word_of(or)?;
    let rng = &mut generator.rng;
    // Few registers, so that results replace operands.
    let registers: [u32; 3] = std::array::from_fn(|_| 5 + rng.below(27) as u32);
    let any = |rng: &mut isa::Rng| registers[rng.below(3) as usize];
    let source = any(rng);
    let width = if left.name == "slli" { 64 } else { 32 };
    let amount = 1 + rng.below(width - 1);
    shl = left.with(with(left, shl, "rs1", source), "shamt", amount);
    let amount = if rng.one_in(8) { 1 + rng.below(width - 1) } else { width - amount };
    shr = right.with(with(right, shr, "rs1", source), "shamt", amount);
    let (a, b) = (any(rng), any(rng));
    (shl, shr) = (with(left, shl, "rd", a), with(right, shr, "rd", b));
    let (one, two) = if rng.one_in(2) { (a, b) } else { (b, a) };
    or_word = with(or, with(or, with(or, or_word, "rs1", one), "rs2", two), "rd", any(rng));
    let mut words = [(left, shl), (right, shr), (or, or_word)];
    if rng.one_in(2) {
        words.swap(0, 1);
    }
    if words.iter().any(|&(line, word)| writes(line, word, place.kept)) {
        return None;
    }
    let code = words.iter().flat_map(|(_, word)| word.to_le_bytes()[..4].to_vec()).collect();
    Some(Group { code, last: 8, branch: None })
}

/// A random pair or rotation; None if its lines are not among those of `generator`, or do not fit.
pub(super) fn pair(generator: &mut Generator, place: Place) -> Option<Group> {
    match generator.rng.below(8) {
        0 | 1 => return pair_of_operands(generator, place),
        2 => return rotation(generator, place),
        _ => {}
    }
    let (first, second) = VALUES[generator.rng.below(VALUES.len() as u64) as usize];
    let line = |generator: &Generator, name| -> Option<&'static Line> {
        generator.lines().iter().copied().find(|l| l.name == name)
    };
    let (first, second) = (line(generator, first)?, line(generator, second)?);
    let (one, mut two) = (generator.word_of(first)?, generator.word_of(second)?);
    let rng = &mut generator.rng;
    let float = first.field_named("fd").is_some();
    let result = register(first, one, if float { "fd" } else { "rd" })?;
    let sources: &[&str] = if float { &["fs1", "fs2", "fs3"] } else { &["rs1", "rs2"] };
    let sources: Vec<_> =
        sources.iter().filter(|name| second.field_named(name).is_some()).collect();
    match sources.len() {
        // Compressed: the operand is the destination.
        0 => two = with(second, two, "rd", result),
        n => two = with(second, two, sources[rng.below(n as u64) as usize], result),
    }
    let destination = if second.field_named("fd").is_some() { "fd" } else { "rd" };
    if !rng.one_in(3) {
        two = with(second, two, destination, result);
    }
    let is =
        |word, line: &Line| TABLE.find(word, line.bytes()).is_some_and(|l| std::ptr::eq(l, line));
    let kept = |line, word| writes(line, word, place.kept) || is_access(line);
    if !is(one, first) || !is(two, second) || kept(first, one) || kept(second, two) {
        return None;
    }
    let mut code = one.to_le_bytes()[..first.bytes()].to_vec();
    let last = code.len();
    code.extend(&two.to_le_bytes()[..second.bytes()]);
    let skip = rng.below(4) as isize;
    let branch = matches!(second.name, "beq" | "bne").then_some(Branch { set: immediate, skip });
    Some(Group { code, last, branch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_implemented_line() {
        for name in [VALUES, OPERANDS, CARRIES].concat().iter().flat_map(|&(a, b)| [a, b]) {
            assert!(TABLE.named(name).is_some_and(Line::implemented), "{name}");
        }
    }

    #[test]
    fn many_rotations_are_valid() {
        let mut generator = Generator::new(&TABLE, 1, |_| true);
        let place = Place { record: 0x1000_0000, kept: 4 };
        let rotations = (0..1000).filter_map(|_| rotation(&mut generator, place)).count();
        assert!(rotations > 500, "{rotations}");
    }

    #[test]
    fn many_pairs_are_valid() {
        let mut generator = Generator::new(&TABLE, 1, |_| true);
        let place = Place { record: 0x1000_0000, kept: 4 };
        let pairs = (0..1000).filter_map(|_| pair(&mut generator, place)).count();
        assert!(pairs > 500, "{pairs}");
    }
}
