//! The grammar of `-cpu`: a model's name, then changes to it, separated by commas.

/// The changes in `text`, behind the model.
pub fn changes(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').skip(1).map(str::trim).filter(|part| !part.is_empty())
}

/// What a change says: `+NAME`, `-NAME`, `NAME=VALUE`.
///
/// # Errors
/// If it is none of these.
pub fn split(part: &str) -> Result<(String, &str), String> {
    let (name, value) = if let Some(name) = part.strip_prefix('+') {
        (name, "on")
    } else if let Some(name) = part.strip_prefix('-') {
        (name, "off")
    } else {
        part.split_once('=')
            .ok_or_else(|| format!("{part} is neither +FEATURE nor -FEATURE nor NAME=VALUE"))?
    };
    if name.is_empty() {
        return Err(format!("{part}: the name of a feature is missing"));
    }
    Ok((name.to_ascii_lowercase(), value))
}

/// The value of something that is on or off.
///
/// # Errors
/// If it is neither.
pub fn switch(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "on" | "yes" | "true" | "y" | "1" => Ok(true),
        "off" | "no" | "false" | "n" | "0" => Ok(false),
        _ => Err(format!("{name}={value}: {name} is on or off")),
    }
}

/// The value of something that is a number.
///
/// # Errors
/// If it is none.
pub fn number(name: &str, value: &str) -> Result<u64, String> {
    let parsed = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| format!("{name}={value}: {name} is a number"))
}
