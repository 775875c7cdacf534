//! How every figure is taken: ours and its baseline in turns within one run, the median of each, and the
//! ratio of the two, so that a busy machine slows both alike.

use std::time::{Duration, Instant};

/// One line of a result table: what was measured, against what, and what must be reached.
#[derive(Debug)]
pub struct Row {
    /// What was measured, in the words of the README's table.
    pub name: &'static str,
    /// Median of ours.
    pub ours: Duration,
    /// Median of the baseline.
    pub baseline: Duration,
    /// What the ratio `ours / baseline` may be at most.
    pub at_most: f64,
}

impl Row {
    /// Ours over the baseline; below one is faster.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.ours.as_secs_f64() / self.baseline.as_secs_f64()
    }
}

/// The median time of each of two actions, run in turns for `rounds` rounds after one unmeasured round.
pub fn in_turns(rounds: usize, mut ours: impl FnMut(), mut baseline: impl FnMut()) -> (Duration, Duration) {
    let (mut a, mut b) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    ours();
    baseline();
    for _ in 0..rounds {
        a.push(timed(&mut ours));
        b.push(timed(&mut baseline));
    }
    (percentile(&mut a, 0.5), percentile(&mut b, 0.5))
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
            "| {} | {:.1?} | {:.1?} | {:.2} | {:.2} |",
            row.name,
            row.ours,
            row.baseline,
            row.ratio(),
            row.at_most
        );
    }
}
