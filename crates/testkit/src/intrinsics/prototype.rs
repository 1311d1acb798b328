//! Prototypes out of the compiler's `arm_neon.h` and `arm_acle.h`.

/// What a parameter is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A value.
    Value,
    /// A constant.
    Constant,
    /// An address of elements.
    Pointer,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its C type, without `const` and `*`.
    pub ty: String,
    /// What it is.
    pub kind: Kind,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Prototype {
    /// Its name.
    pub name: String,
    /// The type of its result.
    pub result: String,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

/// The elements of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elements {
    /// Bits in one.
    pub bits: u32,
    /// How many there are in a register.
    pub lanes: u32,
    /// Whether they are floating point.
    pub float: bool,
    /// Whether it is a vector.
    pub vector: bool,
}

/// The elements of the C type `ty`; None if it is not one of those that intrinsics have.
pub fn elements(ty: &str) -> Option<Elements> {
    let scalar = |bits, float| Some(Elements { bits, lanes: 1, float, vector: false });
    match ty {
        "float" => return scalar(32, true),
        "double" => return scalar(64, true),
        "int" | "unsigned" | "unsigned int" => return scalar(32, false),
        "unsigned long" | "size_t" => return scalar(64, false),
        _ => {}
    }
    let body = ty.strip_suffix("_t")?;
    let at = body.find(|c: char| c.is_ascii_digit())?;
    let float = match &body[..at] {
        "float" | "bfloat" => true,
        "int" | "uint" | "poly" => false,
        _ => return None,
    };
    let mut numbers = body[at..].split('x').map(|n| n.parse::<u32>().ok());
    let bits = numbers.next()??;
    match numbers.next() {
        None => scalar(bits, float),
        Some(lanes) => Some(Elements { bits, lanes: lanes?, float, vector: true }),
    }
}

/// All functions that `header` defines and that a program can call.
pub fn parse(header: &str) -> Vec<Prototype> {
    let mut found = Vec::new();
    for piece in header.split("__extension__ extern __inline ").skip(1) {
        let Some((head, _)) = piece.split_once('{') else { continue };
        let Some(prototype) = one(&head.split_whitespace().collect::<Vec<_>>().join(" ")) else {
            continue;
        };
        if !prototype.name.starts_with("__aarch64") && !prototype.name.starts_with("__arm") {
            found.push(prototype);
        }
    }
    found.sort_by(|a: &Prototype, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    found
}

/// Reads `TYPE __attribute__ ((...)) NAME (PARAMETERS)`.
fn one(head: &str) -> Option<Prototype> {
    let (result, rest) = head.split_once("__attribute__")?;
    let (_, rest) = rest.split_once("))")?;
    let (name, rest) = rest.trim().split_once('(')?;
    let parameters = rest.trim().strip_suffix(')')?;
    let parameters = match parameters.trim() {
        "void" | "" => Vec::new(),
        list => list.split(',').map(parameter).collect::<Option<Vec<_>>>()?,
    };
    Some(Prototype { name: name.trim().to_owned(), result: result.trim().to_owned(), parameters })
}

/// Reads `const int __a` and its like.
fn parameter(text: &str) -> Option<Parameter> {
    let spaced = text.replace('*', " * ");
    let mut words: Vec<&str> = spaced.split_whitespace().collect();
    let name = words.pop()?;
    let constant = words.iter().any(|w| matches!(*w, "const" | "__const"));
    let pointer = words.contains(&"*");
    words.retain(|w| !matches!(*w, "const" | "__const" | "*"));
    if words.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let kind = match (pointer, constant) {
        (true, _) => Kind::Pointer,
        (false, true) => Kind::Constant,
        (false, false) => Kind::Value,
    };
    Some(Parameter { ty: words.join(" "), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prototypes_are_read() {
        let text = "junk __extension__ extern __inline int8x16_t\n\
            __attribute__ ((__always_inline__, __gnu_inline__, __artificial__))\n\
            vcopyq_lane_s8 (int8x16_t __a, const int __lane1,\n\t\tint8x8_t __b, const int * __p)\n{\n";
        let all = parse(text);
        assert_eq!((all.len(), all[0].name.as_str()), (1, "vcopyq_lane_s8"));
        let kinds: Vec<_> = all[0].parameters.iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [Kind::Value, Kind::Constant, Kind::Value, Kind::Pointer]);
    }

    #[test]
    fn types_have_elements() {
        let vector = |bits, lanes, float| Some(Elements { bits, lanes, float, vector: true });
        assert_eq!(elements("bfloat16x8x2_t"), vector(16, 8, true));
        assert_eq!(elements("poly64x1_t"), vector(64, 1, false));
        assert_eq!(elements("float16_t").map(|e| e.vector), Some(false));
        assert_eq!(elements("void"), None);
    }
}
