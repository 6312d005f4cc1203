//! What is printed about signatures: the machine, every round, what came out, and whether the goals are met.

use anyhow::{Context, Result};

use super::load::{CONNECTIONS, Round};
use super::target::express_version;
use super::{Options, WARM_UP};
use crate::choice::Choice;
use crate::spread::{Ratio, Spread, goal};
use crate::{MIB, machine};

/// Least share of the bare handler's requests for each second of CPU time.
const SHARE: f64 = 0.7;
/// Most that the slowest hundredth may take, as a multiple of the bare handler's.
const TAIL: f64 = 1.5;
/// Most that may be resident, bytes.
const RESIDENT: u64 = 40 * MIB;
/// The scenarios that the goals are about.
const HELD_TO_GOALS: [Choice; 2] = [Choice::ApiKey, Choice::Hs256];

/// All rounds of a run.
pub(crate) struct Report {
    targets: Vec<(Choice, Vec<Round>)>,
    failed: Vec<Choice>,
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
impl Report {
    /// Says what is measured on what.
    pub(crate) async fn begin(options: &Options) -> Result<Self> {
        let size = std::fs::metadata(&options.server)
            .with_context(|| format!("{} is not there; `make build` builds it", options.server.display()))?
            .len();
        let ask = async |program, arguments: &[&str]| {
            machine::ask(program, arguments).await.unwrap_or_else(|| "unknown".to_owned())
        };
        println!("signatures: requests for each second of the server's CPU time, latency, resident memory");
        println!("machine: {}", machine::describe());
        println!(
            "server: {} {}, {:.1} MiB, commit {}",
            options.server.display(),
            env!("CARGO_PKG_VERSION"),
            mib(size),
            ask("git", &["describe", "--always", "--dirty"]).await
        );
        println!(
            "compiled by {}; axum {}, node {}, express {}",
            ask("rustc", &["--version"]).await,
            machine::version("axum"),
            ask("node", &["--version"]).await,
            express_version(&options.express).unwrap_or_else(|| "unknown".to_owned())
        );
        println!("command: {}", machine::command());
        println!(
            "{CONNECTIONS} connections, {} rounds of {:.0} s after {:.0} s of warm-up, targets in turn; servers stay up \
             from round to round\n",
            options.rounds,
            options.measure.as_secs_f64(),
            WARM_UP.as_secs_f64()
        );
        Ok(Self { targets: Vec::new(), failed: Vec::new() })
    }

    /// A target has answered its first request.
    pub(crate) fn started(&mut self, choice: Choice, signed: usize) {
        println!("{}: signs {signed} bytes", choice.word());
        self.targets.push((choice, Vec::new()));
    }

    /// A target cannot be had on this machine.
    pub(crate) fn left_out(&mut self, choice: Choice, reason: &str) {
        println!("{}: LEFT OUT, {reason}", choice.word());
    }

    /// A target did not start, or refused the first request.
    pub(crate) fn fail(&mut self, choice: Choice, error: &anyhow::Error) {
        println!("{}: FAILED, {error:#}", choice.word());
        self.failed.push(choice);
    }

    /// The targets that failed.
    pub(crate) fn failed_ones(&self) -> &[Choice] {
        &self.failed
    }

    /// Keeps a round and prints it.
    pub(crate) fn add(&mut self, number: u32, choice: Choice, round: Round) {
        if self.targets.iter().all(|(_, rounds)| rounds.is_empty()) {
            println!(
                "\n{:>5} {:<8} {:>10} {:>8} {:>9} {:>9} {:>9} {:>9} {:>10}",
                "round", "target", "req/CPU-s", "req/s", "CPU", "p50", "p99", "max", "resident"
            );
        }
        println!(
            "{number:>5} {:<8} {:>10.0} {:>8.0} {:>7.0} % {:>6.2} ms {:>6.2} ms {:>6.1} ms {:>6.1} MiB",
            choice.word(),
            round.per_cpu_second(),
            round.latency.count() as f64 / round.seconds,
            100.0 * round.cpu / round.seconds,
            quantile(&round, 0.5),
            quantile(&round, 0.99),
            round.latency.longest() as f64 / 1e3,
            mib(round.resident)
        );
        if let Some((_, rounds)) = self.targets.iter_mut().find(|(target, _)| *target == choice) {
            rounds.push(round);
        }
    }

    /// Prints what came out.
    pub(crate) fn end(&self) {
        println!(
            "\n{:<8} {:>26} {:>22} {:>22} {:>10} {:>10}",
            "min/median/max", "requests per CPU-second", "p50 ms", "p99 ms", "resident", "peak"
        );
        for (choice, rounds) in self.targets.iter().filter(|(_, rounds)| !rounds.is_empty()) {
            let spread = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(value));
            println!(
                "{:<14} {:>26} {:>22} {:>22} {:>6.1} MiB {:>6.1} MiB",
                choice.word(),
                three(spread(Round::per_cpu_second), 0),
                three(spread(p50), 2),
                three(spread(p99), 2),
                spread(|round| mib(round.resident)).median,
                spread(|round| mib(round.peak)).most
            );
        }
        println!();
        for line in self.compared() {
            println!("{line}");
        }
    }

    /// The ratios, then the goals.
    fn compared(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (choice, _) in self.targets.iter().filter(|(choice, _)| *choice != Choice::Express) {
            for peer in [Choice::Axum, Choice::Express].into_iter().filter(|peer| peer != choice) {
                if let Some(ratio) = self.ratio(*choice, peer, Round::per_cpu_second) {
                    let (ours, peer) = (choice.word(), peer.word());
                    lines.push(format!("requests per CPU-second, {ours} / {peer}: {ratio}"));
                }
            }
        }
        for choice in HELD_TO_GOALS {
            lines.extend(self.goals(choice));
        }
        lines
    }

    fn goals(&self, choice: Choice) -> Vec<String> {
        let name = choice.word();
        if self.failed.contains(&choice) {
            return vec![goal(&format!("all of {name}"), false, "it FAILED, see above")];
        }
        let mut lines = Vec::new();
        if let Some(ratio) = self.ratio(choice, Choice::Axum, Round::per_cpu_second) {
            let what = format!("{name} at least {SHARE} x axum in requests per CPU-second");
            lines.push(goal(&what, ratio.of_medians >= SHARE, ratio));
        }
        if let Some(ratio) = self.ratio(choice, Choice::Axum, p99) {
            let what = format!("{name} p99 at most {TAIL} x axum");
            lines.push(goal(&what, ratio.of_medians <= TAIL, ratio));
        }
        if let Some(peak) = self.rounds(choice).iter().map(|round| round.peak).max() {
            let what = format!("{name} under {:.0} MiB resident at its peak", mib(RESIDENT));
            lines.push(goal(&what, peak < RESIDENT, format!("{:.1} MiB", mib(peak))));
        }
        lines
    }

    /// One choice beside a peer; none unless both were measured.
    fn ratio(&self, ours: Choice, peer: Choice, value: fn(&Round) -> f64) -> Option<Ratio> {
        let values = |choice| self.rounds(choice).iter().map(value).collect::<Vec<_>>();
        let (ours, peer) = (values(ours), values(peer));
        (!ours.is_empty() && !peer.is_empty()).then(|| Ratio::of(&ours, &peer))
    }

    fn rounds(&self, choice: Choice) -> &[Round] {
        let found = self.targets.iter().find(|(target, _)| *target == choice);
        found.map(|(_, rounds)| rounds.as_slice()).unwrap_or_default()
    }
}

fn three(spread: Spread, digits: usize) -> String {
    format!("{:.digits$} / {:.digits$} / {:.digits$}", spread.least, spread.median, spread.most)
}

fn p50(round: &Round) -> f64 {
    quantile(round, 0.5)
}

fn p99(round: &Round) -> f64 {
    quantile(round, 0.99)
}

/// Milliseconds.
fn quantile(round: &Round, share: f64) -> f64 {
    round.latency.quantile(share) as f64 / 1e3
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

#[cfg(test)]
mod tests {
    use super::super::histogram::Histogram;
    use super::*;

    /// A round of 100 requests that all took as long.
    fn round(cpu: f64, micros: u64, peak: u64) -> Round {
        let mut latency = Histogram::default();
        (0..100).for_each(|_| latency.record(micros));
        Round { latency, seconds: 1.0, cpu, resident: peak, peak }
    }

    #[test]
    fn goals_are_judged_beside_the_bare_handler_of_the_same_run() {
        let targets = vec![
            (Choice::Axum, vec![round(0.01, 1_000, MIB)]),
            (Choice::ApiKey, vec![round(0.02, 1_100, 39 * MIB)]),
            (Choice::Hs256, vec![round(0.0125, 2_000, 40 * MIB)]),
            (Choice::Rs256, vec![round(0.1, 2_000, 90 * MIB)]),
        ];
        let lines = Report { targets, failed: Vec::new() }.compared();
        assert_eq!(
            lines,
            [
                "requests per CPU-second, api-key / axum: 0.50, rounds 0.50 to 0.50",
                "requests per CPU-second, hs256 / axum: 0.80, rounds 0.80 to 0.80",
                "requests per CPU-second, rs256 / axum: 0.10, rounds 0.10 to 0.10",
                "goal, api-key at least 0.7 x axum in requests per CPU-second: UNMET (0.50, rounds 0.50 to 0.50)",
                "goal, api-key p99 at most 1.5 x axum: met (1.10, rounds 1.10 to 1.10)",
                "goal, api-key under 40 MiB resident at its peak: met (39.0 MiB)",
                "goal, hs256 at least 0.7 x axum in requests per CPU-second: met (0.80, rounds 0.80 to 0.80)",
                "goal, hs256 p99 at most 1.5 x axum: UNMET (2.00, rounds 2.00 to 2.00)",
                "goal, hs256 under 40 MiB resident at its peak: UNMET (40.0 MiB)",
            ]
        );
    }

    #[test]
    fn a_scenario_that_failed_has_not_met_its_goals() {
        let lines = Report { targets: Vec::new(), failed: vec![Choice::Hs256, Choice::Es256] }.compared();
        assert_eq!(lines, ["goal, all of hs256: UNMET (it FAILED, see above)"]);
    }

    #[test]
    fn without_the_bare_handler_there_is_nothing_to_compare_with() {
        let targets = vec![(Choice::ApiKey, vec![round(0.01, 1_000, MIB)])];
        let lines = Report { targets, failed: Vec::new() }.compared();
        assert_eq!(lines, ["goal, api-key under 40 MiB resident at its peak: met (1.0 MiB)"]);
    }
}
