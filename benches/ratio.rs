//! How every figure is taken: ours and its baseline in turns within one run, the median of each, and the
//! ratio of the two, so that a busy machine slows both alike.

use std::{
    borrow::Cow,
    fmt, fs, io,
    time::{Duration, Instant},
};

/// One line of a result table: what was measured, against what, and what must be reached.
#[derive(Debug)]
pub struct Row {
    /// What was measured, in the words of the README's table.
    pub name: Cow<'static, str>,
    /// Median of ours.
    pub ours: Amount,
    /// Median of the baseline.
    pub baseline: Amount,
    /// What the ratio `ours / baseline` may be at most.
    pub at_most: f64,
}

impl Row {
    /// Ours over the baseline; below one is faster.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.ours.value() / self.baseline.value()
    }
}

/// What was measured: both sides of a row are of one kind.
#[derive(Debug, Clone, Copy)]
pub enum Amount {
    /// How long it took.
    Time(Duration),
    /// How much memory was resident.
    Kibibytes(u32),
}

impl Amount {
    fn value(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Kibibytes(kib) => f64::from(kib),
        }
    }
}

impl From<Duration> for Amount {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{time:.1?}"),
            Self::Kibibytes(kib) => write!(f, "{:.1} MiB", f64::from(*kib) / 1024.0),
        }
    }
}

/// How much of a process's memory is resident now, as Linux counts it.
///
/// # Errors
/// Where there is no such process, or no `/proc` that says so.
pub fn resident(pid: u32) -> io::Result<Amount> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.map(Amount::Kibibytes)
        .ok_or_else(|| io::Error::other("no VmRSS in /proc/*/status"))
}

/// The median time of each of two actions, run in turns for `rounds` rounds after one unmeasured round.
pub fn in_turns(rounds: usize, ours: impl FnMut(), baseline: impl FnMut()) -> (Duration, Duration) {
    let (mut ours, mut baseline) = samples_in_turns(rounds, ours, baseline);
    (percentile(&mut ours, 0.5), percentile(&mut baseline, 0.5))
}

/// The times of each of two actions, run in turns for `rounds` rounds after one unmeasured round.
pub fn samples_in_turns(
    rounds: usize,
    mut ours: impl FnMut(),
    mut baseline: impl FnMut(),
) -> (Vec<Duration>, Vec<Duration>) {
    let (mut a, mut b) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    ours();
    baseline();
    for _ in 0..rounds {
        a.push(timed(&mut ours));
        b.push(timed(&mut baseline));
    }
    (a, b)
}

/// How long one action took.
pub fn timed(action: impl FnOnce()) -> Duration {
    let start = Instant::now();
    action();
    start.elapsed()
}

/// The value below which this share (0 to 1) of the samples lie; zero for no samples.
pub fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index within the samples"
    )]
    let position = (last as f64 * share.clamp(0.0, 1.0)).round() as usize;
    samples.get(position).copied().unwrap_or_default()
}

/// Prints rows as the table that the README shows.
#[expect(clippy::print_stdout, reason = "the table is what a bench is run for")]
pub fn print(rows: &[Row]) {
    println!("| what | ours | baseline | ratio | at most |\n|---|---|---|---|---|");
    for row in rows {
        println!(
            "| {} | {} | {} | {:.2} | {:.2} |",
            row.name,
            row.ours,
            row.baseline,
            row.ratio(),
            row.at_most
        );
    }
}
