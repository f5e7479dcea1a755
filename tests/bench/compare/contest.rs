use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use anyhow::{Result, anyhow};
use sockets_by_example::program::sentence;

/// How contenders are compared.
pub struct Contest {
    pub rounds: u32,
    /// How long a turn is, of a contender that could go on for ever.
    pub duration: Duration,
}

/// What one contender did in one turn.
pub struct Turn {
    /// Bytes, round trips or deliveries a second.
    pub rate: f64,
    /// The most memory that the program had resident, in KiB.
    pub peak: u64,
    /// How many datagrams were waited for in vain.
    pub lost: u32,
}

/// What one contender did in all its turns.
pub struct Series {
    pub name: String,
    /// The rate of each turn; empty, if it cannot be measured here or has failed.
    pub rates: Vec<f64>,
    /// The most of the peaks, in KiB.
    pub peak: u64,
    /// The sum of the losses.
    pub lost: u32,
    /// Why it dropped out.
    pub failed: Option<String>,
}

impl Series {
    fn of(name: &str) -> Self {
        Self { name: name.to_owned(), rates: Vec::new(), peak: 0, lost: 0, failed: None }
    }

    fn add(&mut self, turn: Turn, counts: bool) {
        if counts {
            self.rates.push(turn.rate);
        }
        self.peak = self.peak.max(turn.peak);
        self.lost += turn.lost;
    }

    fn drop_out(&mut self, why: String) {
        self.rates.clear();
        self.failed = Some(why);
    }
}

/// One that can be measured.
pub struct Contender<'a> {
    name: String,
    turn: Option<Box<dyn FnMut() -> Result<Turn> + 'a>>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &str, turn: impl FnMut() -> Result<Turn> + 'a) -> Self {
        Self { name: name.to_owned(), turn: Some(Box::new(turn)) }
    }

    /// One that cannot be measured here, and why: `socat: not installed`.
    pub fn missing(why: String) -> Self {
        Self { name: why, turn: None }
    }
}

impl Contest {
    /// Gives each contender its turn in each round, so that whatever else this machine does meets all
    /// of them alike. One round before the first warms up and does not count. Who fails drops out: the
    /// others are worth knowing.
    pub fn in_turns<const COUNT: usize>(
        &self,
        what: &str,
        mut contenders: [Contender<'_>; COUNT],
    ) -> [Series; COUNT] {
        let mut all = contenders.each_ref().map(|contender| Series::of(&contender.name));
        for round in 0..=self.rounds as usize {
            eprintln!("{what}: round {round} of {}", self.rounds);
            for turn in 0..COUNT {
                // Each is first now and then, and each last.
                let next = (round + turn) % COUNT;
                let (series, contender) = (&mut all[next], &mut contenders[next]);
                let Some(turn) = &mut contender.turn else { continue };
                match attempt(turn) {
                    Ok(turn) => series.add(turn, round > 0),
                    Err(error) => {
                        series.drop_out(sentence(&error));
                        contender.turn = None;
                    }
                }
            }
        }
        all
    }
}

/// A turn, which may also end in a panic: what fails in a `support::Terminal` does.
fn attempt(turn: &mut dyn FnMut() -> Result<Turn>) -> Result<Turn> {
    catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>();
        Err(anyhow!("{}", message.map_or("it panicked", String::as_str)))
    })
}
