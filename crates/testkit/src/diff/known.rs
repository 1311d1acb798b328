//! What may differ: where the manual leaves a choice, where the oracle has features that we have
//! not, and where we deviate; and how such cases are avoided or accepted. Each guest has one list.

use std::path::Path;

use anyhow::Result;

use super::case::{Case, Group};
use super::record::{Record, SIGNAL};
use super::runner::Runner;
use crate::subject::Subject;

/// A known difference.
#[derive(Debug)]
pub struct Known {
    /// What, for people.
    pub what: &'static str,
    /// Where the manual says so.
    pub heading: &'static str,
    /// Names of the lines it concerns.
    pub lines: &'static [&'static str],
}

/// All that is known of a guest.
#[derive(Debug)]
pub struct List {
    /// The differences.
    pub known: &'static [Known],
    /// Whether the product (first) may differ like this from the oracle.
    pub accepted: fn(&Record, &Record) -> bool,
    /// Features that oracles of some versions lack.
    pub optional: &'static [&'static str],
    /// Instructions that need a feature.
    pub sample: fn(&str) -> Vec<Vec<u8>>,
}

/// The optional features that `oracle` executes no instruction of.
///
/// # Errors
/// If it cannot be run.
pub fn lacking(
    subject: &'static Subject,
    oracle: &Runner,
    scratch: &Path,
) -> Result<Vec<&'static str>> {
    let list = &subject.known;
    let of = |&feature: &&'static str| {
        (list.sample)(feature).into_iter().map(move |code| (feature, code))
    };
    let samples: Vec<_> = list.optional.iter().flat_map(of).collect();
    let case = |(_, code): &(&str, Vec<u8>)| Case {
        start: Record::zero(),
        groups: vec![Group { code: code.clone(), last: 0, branch: None }],
    };
    let cases: Vec<_> = samples.iter().map(case).collect();
    let results = oracle.run(subject, &cases, 1, scratch)?;
    let executed = |feature: &str| {
        let mut pairs = samples.iter().zip(&results).filter(|(sample, _)| sample.0 == feature);
        pairs.any(|(_, r)| r.as_ref().is_some_and(|r| r.get(SIGNAL) != 4))
    };
    let there = |feature: &str| samples.iter().any(|sample| sample.0 == feature);
    Ok(list.optional.iter().copied().filter(|f| there(f) && !executed(f)).collect())
}
