//! Which encodings become host instructions, and which call the evaluator or the runtime.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::mem::offset_of;

use guest::Mode;
use host::{Code, Host as _};
use host_x64::{Features, X64};
use ir::{Block, OpCode, State};

use crate::subject::Subject;
use isa::{Generator, Line};

/// Words tried of each encoding.
const WORDS: usize = 400;

/// How often the words of a line called the evaluator.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    words: u32,
    /// On a host with everything, and on x86-64-v2.
    helper: [u32; 2],
}

/// `call [rbp + helper]` in host code, or a way out of it to the runtime or the evaluator.
fn needs_help(block: &Block, code: &Code) -> bool {
    let calls = |stub: usize| {
        let mut call = vec![0xff, 0x95];
        call.extend((stub as i32 - ir::state::BIAS).to_le_bytes());
        code.bytes.windows(call.len()).any(|bytes| bytes == call)
    };
    let has = |code: OpCode| block.ops.iter().any(|op| op.code == code);
    // Once a second the clock has to be read.
    let helper = calls(offset_of!(State, call_helper)) && !has(OpCode::Counter);
    helper || has(OpCode::Runtime) || has(OpCode::RuntimeCall) || code.given_up != 0
}

/// A line for each implemented encoding: its name, and `native`, `helper` or the percentage of its
/// forms that need a helper, on a host with everything and on x86-64-v2.
///
/// # Errors
/// If there is no such processor.
pub fn table(subject: &Subject) -> Result<String, String> {
    let guest = (subject.guest)();
    let hosts = [Features::ALL, Features::default()]
        .map(|f| X64::new(f, guest.spec().int_pins, guest.spec().vec_pins));
    let table = subject.table.ok_or("its instructions are no words")?;
    let mut generator = Generator::new(table, 7, |_| true);
    let lines: Vec<&'static Line> = generator.lines().to_vec();
    let mut counts = BTreeMap::<usize, (&str, Count)>::new();
    let (mut block, mut code) = (Block::default(), Code::default());
    for (n, line) in lines.into_iter().enumerate() {
        let mut count = Count::default();
        for _ in 0..WORDS {
            let Some(word) = generator.word_of(line) else { break };
            let mode = Mode { single: true, ..Mode::default() };
            guest.translate(&mut |_| Some(word as u32), 0x1000, mode, &mut block);
            if block.ops.iter().any(|op| op.code == OpCode::Trap) {
                continue;
            }
            count.words += 1;
            for (host, helper) in hosts.iter().zip(&mut count.helper) {
                code.clear();
                host.lower(&block, 0, &mut code);
                *helper += u32::from(needs_help(&block, &code));
            }
        }
        counts.insert(n, (line.name, count));
    }
    let mut text = String::new();
    for (name, count) in counts.values() {
        let share = |helper: u32| match helper {
            0 => "native".to_owned(),
            all if all == count.words => "helper".to_owned(),
            some => format!("{}%", (some * 100 / count.words).max(1)),
        };
        let _ = writeln!(text, "{name} {} {}", share(count.helper[0]), share(count.helper[1]));
    }
    Ok(text)
}
