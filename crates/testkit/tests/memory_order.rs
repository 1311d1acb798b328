//! What translated code does with barriers and ordered accesses is enough on x86: whatever two
//! threads can observe on a machine with store buffers (TSO) is allowed by Arm's memory model.
//!
//! All pairs of programs of three and two instructions over two locations are executed both ways: as
//! x86 executes the translation (`host-x64/src/lower/memory`), and as Arm's axioms allow the original.

use std::collections::HashSet;

/// An instruction and the location (0 or 1) it accesses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Insn {
    Ldr(usize),
    Ldar(usize),
    Ldapr(usize),
    Str(usize),
    Stlr(usize),
    /// An atomic increment, without acquire or release.
    Ldadd(usize),
    Dmb,
}
use Insn::*;

const ALL: [Insn; 13] = [
    Ldr(0),
    Ldr(1),
    Ldar(0),
    Ldar(1),
    Ldapr(0),
    Ldapr(1),
    Str(0),
    Str(1),
    Stlr(0),
    Stlr(1),
    Ldadd(0),
    Ldadd(1),
    Dmb,
];

impl Insn {
    fn location(self) -> Option<usize> {
        match self {
            Ldr(x) | Ldar(x) | Ldapr(x) | Str(x) | Stlr(x) | Ldadd(x) => Some(x),
            Dmb => None,
        }
    }
    fn reads(self) -> bool {
        matches!(self, Ldr(_) | Ldar(_) | Ldapr(_) | Ldadd(_))
    }
    fn writes(self) -> bool {
        matches!(self, Str(_) | Stlr(_) | Ldadd(_))
    }
}

/// Which store each load reads from: its number (thread * 4 + index + 1), or 0 for the start; then
/// the last store of each location.
type Outcome = [u8; 8];
const FINAL: usize = 6;

fn number(thread: usize, at: usize) -> u8 {
    (thread * 3 + at + 1) as u8
}

// --- x86: what is translated, on a machine with store buffers

/// How the translation orders loads after store-releases.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Design {
    /// A mark at the store, a fence before a marked load-acquire.
    Marked,
    /// The fence forgotten.
    Unmarked,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Tso {
    at: [usize; 2],
    buffers: [Vec<(usize, u8)>; 2],
    memory: [u8; 2],
    released: [bool; 2],
    /// A DMB has been passed whose fence has not been executed yet.
    due: [bool; 2],
    outcome: Outcome,
}

fn tso(programs: [&[Insn]; 2], design: Design) -> HashSet<Outcome> {
    let start = Tso {
        at: [0; 2],
        buffers: [Vec::new(), Vec::new()],
        memory: [0; 2],
        released: [false; 2],
        due: [false; 2],
        outcome: [0; 8],
    };
    let (mut seen, mut todo, mut outcomes) = (HashSet::new(), vec![start], HashSet::new());
    while let Some(state) = todo.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        let mut done = true;
        for (t, program) in programs.iter().enumerate() {
            if !state.buffers[t].is_empty() {
                done = false;
                let mut next = state.clone();
                let (location, value) = next.buffers[t].remove(0);
                next.memory[location] = value;
                todo.push(next);
            }
            if let Some(&insn) = program.get(state.at[t]) {
                done = false;
                todo.extend(step(&state, t, insn, design));
            }
        }
        if done {
            let mut outcome = state.outcome;
            outcome[FINAL..].copy_from_slice(&state.memory);
            outcomes.insert(outcome);
        }
    }
    outcomes
}

/// One step of translated code; None if it has to wait until the store buffer is empty.
fn step(state: &Tso, t: usize, insn: Insn, design: Design) -> Option<Tso> {
    let mut next = state.clone();
    let at = state.at[t];
    let marked = matches!(insn, Ldar(_)) && state.released[t] && design == Design::Marked;
    let load = insn.reads() && !insn.writes();
    if load && state.due[t] || marked || matches!(insn, Ldadd(_)) {
        if !state.buffers[t].is_empty() {
            return None;
        }
        (next.due[t], next.released[t]) = (false, false);
    }
    match insn {
        Dmb => next.due[t] = true,
        Str(x) | Stlr(x) => {
            next.buffers[t].push((x, number(t, at)));
            next.released[t] |= matches!(insn, Stlr(_));
        }
        Ldr(x) | Ldar(x) | Ldapr(x) | Ldadd(x) => {
            let own = state.buffers[t].iter().rev().find(|w| w.0 == x);
            next.outcome[t * 3 + at] = own.map_or(state.memory[x], |w| w.1);
        }
    }
    if let Ldadd(x) = insn {
        next.memory[x] = number(t, at);
    }
    next.at[t] += 1;
    Some(next)
}

// --- Arm: the axioms (Arm ARM B2.3, "external visibility" and "internal visibility")

#[derive(Clone, Copy)]
struct Event {
    insn: Insn,
    thread: usize,
    at: usize,
    number: u8,
}

/// Whether Arm orders `a` before `b`, which comes later in the same thread.
fn ordered_locally(a: &Event, b: &Event, program: &[Insn]) -> bool {
    let barrier = program[a.at + 1..b.at].contains(&Dmb);
    let acquire = matches!(a.insn, Ldar(_) | Ldapr(_));
    let release = matches!(b.insn, Stlr(_));
    let both = matches!((a.insn, b.insn), (Stlr(_), Ldar(_)));
    let same = a.insn.location() == b.insn.location();
    barrier || acquire || release || both || same && b.insn.writes()
}

/// Whether a relation over at most 8 events has a cycle.
fn cyclic(mut edges: [u8; 8]) -> bool {
    for k in 0..8 {
        for i in 0..8 {
            if edges[i] >> k & 1 != 0 {
                edges[i] |= edges[k];
            }
        }
    }
    (0..8).any(|i| edges[i] >> i & 1 != 0)
}

/// Whether the axioms allow an outcome.
fn allowed(programs: [&[Insn]; 2], outcome: &Outcome) -> bool {
    let mut events = Vec::new();
    for (thread, program) in programs.iter().enumerate() {
        for (at, &insn) in program.iter().enumerate().filter(|(_, i)| **i != Dmb) {
            events.push(Event { insn, thread, at, number: number(thread, at) });
        }
    }
    let writers = |x: usize| -> Vec<usize> {
        let at_x = |e: &Event| e.insn.writes() && e.insn.location() == Some(x);
        (0..events.len()).filter(|&i| at_x(&events[i])).collect()
    };
    let orders = [0, 1].map(|x| permutations(&writers(x)));
    orders[0].iter().any(|first| {
        orders[1].iter().any(|second| consistent(programs, &events, outcome, [first, second]))
    })
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (n, &first) in of.iter().enumerate() {
        let rest: Vec<_> = [&of[..n], &of[n + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|p| [vec![first], p].concat()));
    }
    all
}

/// Whether an outcome is allowed if the stores of each location come in this order.
fn consistent(
    programs: [&[Insn]; 2],
    events: &[Event],
    outcome: &Outcome,
    orders: [&Vec<usize>; 2],
) -> bool {
    let place = |x: usize, number: u8| -> usize {
        orders[x].iter().position(|&w| events[w].number == number).map_or(0, |p| p + 1)
    };
    let (mut external, mut internal) = ([0u8; 8], [0u8; 8]);
    for (i, a) in events.iter().enumerate() {
        let Some(x) = a.insn.location() else { continue };
        let read = outcome[a.thread * 3 + a.at];
        if a.insn.reads() && a.insn.writes() && place(x, read) + 1 != place(x, a.number) {
            // Another store came in between.
            return false;
        }
        for (j, b) in
            events.iter().enumerate().filter(|(j, b)| *j != i && b.insn.location() == Some(x))
        {
            let later = |n: u8| place(x, b.number) > place(x, n);
            let coherence = a.insn.writes() && b.insn.writes() && later(a.number);
            let from_read = a.insn.reads() && b.insn.writes() && later(read);
            let reads_from =
                a.insn.writes() && b.insn.reads() && outcome[b.thread * 3 + b.at] == a.number;
            if coherence || from_read || reads_from {
                internal[i] |= 1 << j;
                if a.thread != b.thread {
                    external[i] |= 1 << j;
                }
            }
            if a.thread == b.thread && a.at < b.at {
                internal[i] |= 1 << j;
            }
        }
        for (j, b) in events.iter().enumerate() {
            if a.thread == b.thread && a.at < b.at && ordered_locally(a, b, programs[a.thread]) {
                external[i] |= 1 << j;
            }
        }
    }
    let last = |x: usize| orders[x].last().map_or(0, |&w| events[w].number);
    outcome[FINAL..] == [last(0), last(1)] && !cyclic(external) && !cyclic(internal)
}

/// Pairs of programs, up to exchanging the locations.
fn pairs() -> impl Iterator<Item = ([Insn; 3], [Insn; 2])> {
    let firsts = ALL.into_iter().filter(|i| i.location() != Some(1));
    firsts.flat_map(|a| {
        let rest = ALL.into_iter().flat_map(move |b| ALL.into_iter().map(move |c| [a, b, c]));
        rest.flat_map(|p| ALL.into_iter().flat_map(move |d| ALL.map(|e| (p, [d, e]))))
    })
}

#[test]
fn what_x86_may_do_arm_allows() {
    for (first, second) in pairs() {
        let programs = [&first[..], &second[..]];
        for outcome in tso(programs, Design::Marked) {
            assert!(allowed(programs, &outcome), "{first:?} beside {second:?}: {outcome:?}");
        }
    }
}

#[test]
fn the_mark_is_needed() {
    // Store buffering: both loads see the start.
    let (first, second) = ([Stlr(0), Ldar(1)], [Stlr(1), Ldar(0)]);
    let programs = [&first[..], &second[..]];
    let unordered = |o: &Outcome| o[1] == 0 && o[4] == 0;
    assert!(!tso(programs, Design::Marked).iter().any(unordered));
    let without = tso(programs, Design::Unmarked);
    assert!(without.iter().any(|o| unordered(o) && !allowed(programs, o)));
    // Arm does not order LDAPR after STLR, nor do we.
    let (first, second) = ([Stlr(0), Ldapr(1)], [Stlr(1), Ldapr(0)]);
    let programs = [&first[..], &second[..]];
    assert!(tso(programs, Design::Marked).iter().any(|o| unordered(o) && allowed(programs, o)));
}
