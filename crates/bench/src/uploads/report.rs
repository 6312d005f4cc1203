//! What is printed about uploads: the machine, every round, and what came out. Goals are judged next door.

use anyhow::Result;

use super::asides::CONNECTIONS;
use super::workload::Workload;
use super::{Options, goals, length};
use crate::choice::Choice;
use crate::cpu::Family;
use crate::spread::Spread;
use crate::{MIB, machine};

const GIB: f64 = (1u64 << 30) as f64;

/// What one workload took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// Bytes that were sent.
    pub(crate) bytes: u64,
    /// Files that they were.
    pub(crate) files: usize,
    /// How long it took.
    pub(crate) seconds: f64,
    /// CPU time of the server.
    pub(crate) cpu: Family,
}

impl Figure {
    /// Speed.
    pub(crate) fn mib_per_second(&self) -> f64 {
        self.bytes as f64 / MIB as f64 / self.seconds
    }

    /// CPU seconds for each GiB.
    pub(crate) fn cpu_per_gib(&self) -> f64 {
        self.cpu.all / (self.bytes as f64 / GIB)
    }

    /// The same without what the server's children used.
    pub(crate) fn own_cpu_per_gib(&self) -> f64 {
        (self.cpu.all - self.cpu.children) / (self.bytes as f64 / GIB)
    }

    /// CPU milliseconds for each file.
    pub(crate) fn cpu_per_file(&self) -> f64 {
        self.cpu.all * 1e3 / self.files as f64
    }
}

/// One server under one workload, all rounds.
pub(crate) struct Series {
    /// Which server.
    pub(crate) choice: Choice,
    /// Which files.
    pub(crate) workload: Workload,
    /// One of each round.
    pub(crate) figures: Vec<Figure>,
}

/// All rounds of a run.
#[derive(Default)]
pub(crate) struct Report {
    /// Servers beside each other.
    pub(crate) series: Vec<Series>,
    /// What was not measured, and why.
    pub(crate) missing: Vec<(Choice, String)>,
    failed: Vec<Choice>,
    /// CPU milliseconds of the MD5 of one snippet, by round.
    pub(crate) md5: Vec<f64>,
    /// CPU seconds for each GiB at few and at many connections, by round.
    pub(crate) connections: [Vec<f64>; 2],
    /// Most that was resident at many connections, MiB.
    pub(crate) crowded: Vec<f64>,
    /// Milliseconds of Complete, and of one sync.
    pub(crate) completes: Vec<(f64, f64)>,
    /// Most that was resident during a small and during a large file, MiB.
    pub(crate) peaks: [Vec<f64>; 2],
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
impl Report {
    /// Says what is measured on what.
    pub(crate) async fn begin(options: &Options) -> Result<Self> {
        let ask = async |program, arguments: &[&str]| {
            machine::ask(program, arguments).await.unwrap_or_else(|| "unknown".to_owned())
        };
        println!(
            "uploads: speed, and CPU time of the server and its children (utime + stime of /proc/PID/stat)"
        );
        println!("machine: {}", machine::describe());
        println!(
            "server: {} {}, {:.1} MiB, commit {}; compiled by {}",
            options.server.display(),
            env!("CARGO_PKG_VERSION"),
            mib(length(&options.server)?),
            ask("git", &["describe", "--always", "--dirty"]).await,
            ask("rustc", &["--version"]).await
        );
        println!("command: {}", machine::command());
        println!(
            "{} rounds, scale {}; every server is started anew in each round\n",
            options.rounds, options.scale
        );
        Ok(Self::default())
    }

    /// Something can be measured.
    pub(crate) fn found(&self, choice: Choice, version: &str) {
        println!("{:<15} {version}", choice.word());
    }

    /// Something cannot.
    pub(crate) fn left_out(&mut self, choice: Choice, reason: String) {
        println!("{:<15} not measured: {reason}", choice.word());
        self.missing.push((choice, reason));
    }

    /// Something should have been, but went wrong.
    pub(crate) fn fail(&mut self, choice: Choice, error: &anyhow::Error) {
        println!("{:<15} FAILED: {error:#}", choice.word());
        self.series.retain(|series| series.choice != choice);
        self.missing.push((choice, "it FAILED, see above".to_owned()));
        self.failed.push(choice);
    }

    /// What went wrong.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &'static str> {
        self.failed.iter().map(|choice| choice.word())
    }

    /// Keeps a figure and prints it.
    pub(crate) fn add(&mut self, round: u32, choice: Choice, workload: Workload, figure: Figure) {
        print_round(round, choice.word(), &workload.describe(), &figure);
        let same = |series: &&mut Series| series.choice == choice && series.workload == workload;
        match self.series.iter_mut().find(same) {
            Some(series) => series.figures.push(figure),
            None => self.series.push(Series { choice, workload, figures: vec![figure] }),
        }
    }

    /// Keeps what the MD5 of a snippet took, seconds.
    pub(crate) fn md5(&mut self, seconds: f64) {
        self.md5.push(seconds * 1e3);
    }

    /// Keeps a figure at so many connections.
    pub(crate) fn connections(&mut self, round: u32, at_once: usize, figure: Figure, peak: u64) {
        let what = format!("{at_once} connections, peak {:.1} MiB", mib(peak));
        print_round(round, Choice::Connections.word(), &what, &figure);
        let many = at_once == CONNECTIONS[1];
        self.connections[usize::from(many)].push(figure.cpu_per_gib());
        if many {
            self.crowded.push(mib(peak));
        }
    }

    /// Keeps how long Complete and one sync took, seconds.
    pub(crate) fn complete(&mut self, round: u32, complete: f64, sync: f64) {
        let (complete, sync) = (complete * 1e3, sync * 1e3);
        println!(
            "{round:>5} {:<15} of 2000 parts {complete:.1} ms, one fsync {sync:.2} ms",
            Choice::Complete.word()
        );
        self.completes.push((complete, sync));
    }

    /// Keeps the most that was resident during one file, bytes.
    pub(crate) fn memory(&mut self, round: u32, large: bool, figure: Figure, peak: u64) {
        let what = format!("{:.0} MiB, peak {:.1} MiB", mib(figure.bytes), mib(peak));
        print_round(round, Choice::GatewayMemory.word(), &what, &figure);
        self.peaks[usize::from(large)].push(mib(peak));
    }

    /// Prints what came out.
    pub(crate) fn end(&self) {
        let mut workloads: Vec<Workload> = Vec::new();
        for series in &self.series {
            if !workloads.contains(&series.workload) {
                workloads.push(series.workload);
            }
        }
        for workload in workloads {
            println!("\n{}", workload.describe());
            println!(
                "{:<15} {:>26} {:>26} {:>9} {:>9}",
                "", "MiB/s (min-max)", "CPU s per GiB (min-max)", "main proc", "ms/file"
            );
            for choice in Choice::TAKERS {
                if let Some(figures) = self.figures(choice, workload.name) {
                    println!("{}", row(choice.word(), figures));
                }
            }
        }
        println!();
        for line in goals::judge(self) {
            println!("{line}");
        }
    }

    /// What a server took for a workload, by round.
    pub(crate) fn figures(&self, choice: Choice, workload: &str) -> Option<&[Figure]> {
        let found =
            self.series.iter().find(|series| series.choice == choice && series.workload.name == workload);
        found.map(|series| series.figures.as_slice())
    }
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
fn print_round(round: u32, word: &str, what: &str, figure: &Figure) {
    println!(
        "{round:>5} {word:<15} {what:<36} {:>7.0} MiB/s {:>6.2} CPU s per GiB",
        figure.mib_per_second(),
        figure.cpu_per_gib()
    );
}

fn row(word: &str, figures: &[Figure]) -> String {
    let speed = Spread::of(figures.iter().map(Figure::mib_per_second));
    let cpu = Spread::of(figures.iter().map(Figure::cpu_per_gib));
    let own = Spread::of(figures.iter().map(Figure::own_cpu_per_gib));
    let file = Spread::of(figures.iter().map(Figure::cpu_per_file));
    format!(
        "{word:<15} {:>26} {:>26} {:>9.2} {:>9.2}",
        format!("{:.0} ({:.0}-{:.0})", speed.median, speed.least, speed.most),
        format!("{:.2} ({:.2}-{:.2})", cpu.median, cpu.least, cpu.most),
        own.median,
        file.median
    )
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
