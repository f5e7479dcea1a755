use std::fmt;

use super::contest::Series;

/// What is counted, a second.
#[derive(Clone, Copy)]
pub enum Unit {
    Bytes,
    Times,
}

impl Unit {
    fn show(self, rate: f64) -> String {
        match self {
            Self::Bytes => format!("{:.2} GB/s", rate / 1e9),
            Self::Times => format!("{:.1} k/s", rate / 1e3),
        }
    }
}

/// One line for each comparison, and remarks below.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; COLUMNS]>,
    remarks: Vec<String>,
    failed: bool,
}

const COLUMNS: usize = 7;
const HEAD: [&str; COLUMNS] =
    ["what", "against", "ours", "theirs", "ratio", "least .. most", "peak memory"];
/// How many columns at the left are words; the others are numbers and end where the column ends.
const WORDS: usize = 2;

impl Table {
    /// Adds the comparison of two that took turns in one contest.
    pub fn compare(&mut self, what: &str, unit: Unit, ours: &Series, theirs: &Series) {
        let mut row = [what, &theirs.name, "", "", "", "", ""].map(str::to_owned);
        if theirs.failed.is_some() {
            row[1] += ": failed";
        }
        let ratios = ratios(ours, theirs);
        if !ratios.is_empty() {
            let (least, most) = (least(&ratios), most(&ratios));
            row[2] = unit.show(median(&ours.rates));
            row[3] = unit.show(median(&theirs.rates));
            row[4] = format!("{:.2}", median(&ratios));
            row[5] = format!("{least:.2} .. {most:.2}");
            row[6] = format!("{:.1} MiB", ours.peak as f64 / 1024.0);
        }
        self.rows.push(row);
        for series in [ours, theirs] {
            self.remark_trouble(what, series);
        }
    }

    /// Adds a remark below the table, once.
    pub fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Whether nobody failed.
    pub fn is_whole(&self) -> bool {
        !self.failed
    }

    fn remark_trouble(&mut self, what: &str, series: &Series) {
        let Series { name, lost, failed, .. } = series;
        if *lost > 0 {
            self.remark(format!("{what}, {name}: {lost} datagrams were lost."));
        }
        if let Some(why) = failed {
            self.remark(format!("{what}, {name} failed: {why}"));
            self.failed = true;
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = HEAD.map(str::to_owned);
        let rows = || [&head].into_iter().chain(&self.rows);
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            rows().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for row in rows() {
            let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
                if column < WORDS { format!("{cell:width$}") } else { format!("{cell:>width$}") }
            });
            let line = cells.collect::<Vec<_>>().join("   ");
            writeln!(formatter, "{}", line.trim_end())?;
        }
        for remark in &self.remarks {
            writeln!(formatter, "\n{remark}")?;
        }
        Ok(())
    }
}

/// The ratio of two series, as the table shows it.
pub fn ratio(ours: &Series, theirs: &Series) -> Option<f64> {
    let ratios = ratios(ours, theirs);
    (!ratios.is_empty()).then(|| median(&ratios))
}

/// Ours by theirs, round by round; empty when one of them is missing or has failed.
fn ratios(ours: &Series, theirs: &Series) -> Vec<f64> {
    ours.rates.iter().zip(&theirs.rates).map(|(ours, theirs)| ours / theirs).collect()
}

/// The one in the middle of some numbers, or between the two in the middle.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

fn least(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(0.0, f64::max)
}
