//! The goals of the measurement of uploads, each judged by medians of the same rounds.

use super::report::{Figure, Report};
use crate::choice::Choice;
use crate::spread::{Ratio, Spread, goal};

/// COS in parts, beside the sink with digests, CPU time.
const OVER_SINK: f64 = 1.15;
/// Beside the best S3 peer and the best tus peer, CPU time.
const OF_PEER: f64 = 0.5;
/// tus beside the best tus peer and beside the sink, speed.
const FASTER: f64 = 2.0;
const OF_SINK_SPEED: f64 = 0.9;
/// Snippets beside nginx with an MD5, CPU time.
const OVER_NGINX: f64 = 1.2;
/// Many connections beside few, CPU time.
const CROWD: f64 = 1.2;
/// Complete of 2,000 parts, milliseconds.
const COMPLETE: f64 = 50.0;
/// How far memory may be apart between a small and a large file.
const GROWTH: f64 = 0.10;
/// Most that may be resident at 64 connections: 64 MiB and half a MiB for each.
const CROWDED: f64 = 64.0 + 0.5 * 64.0;

const LARGE: [&str; 2] = ["1 x 2 GiB", "64 x 32 MiB"];
const SNIPPETS: &str = "2000 x 256 KiB";
const TUS_PEERS: [Choice; 2] = [Choice::TusNode, Choice::Rustus];

/// A line for each goal that was looked at.
pub(crate) fn judge(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for workload in LARGE {
        if picked(report, &[Choice::CosMultipart]) {
            let what =
                format!("{workload}: COS in parts at most {OVER_SINK} x sink with MD5 and CRC-64, CPU");
            lines.push(cpu(report, workload, Choice::CosMultipart, &[Choice::SinkDigests], OVER_SINK, &what));
            let what = format!("{workload}: COS in parts at most {OF_PEER} x best S3 peer, CPU");
            lines.push(cpu(report, workload, Choice::CosMultipart, &[Choice::Seaweedfs], OF_PEER, &what));
        }
        if picked(report, &[Choice::Tus]) {
            let what = format!("{workload}: tus at most {OF_PEER} x best tus peer, CPU");
            lines.push(cpu(report, workload, Choice::Tus, &TUS_PEERS, OF_PEER, &what));
            lines.push(tus_speed(report, workload));
        }
    }
    if picked(report, &[Choice::CosPut]) {
        lines.push(snippets(report));
    }
    if picked(report, &[Choice::Connections]) {
        let what = format!("CPU per GiB at 64 connections at most {CROWD} x at 8");
        let [few, many] = &report.connections;
        lines.push(at_most(&what, many, few, CROWD));
        lines.push(below("64 connections", &report.crowded, CROWDED, "MiB resident"));
    }
    if picked(report, &[Choice::Complete]) {
        let completes: Vec<_> = report.completes.iter().map(|(complete, _)| *complete).collect();
        let sync = Spread::of(report.completes.iter().map(|(_, sync)| *sync));
        let line = below("Complete of 2000 parts", &completes, COMPLETE, "ms");
        lines.push(format!("{line}; one fsync {:.2} ms", sync.median));
    }
    if picked(report, &[Choice::GatewayMemory]) {
        let [small, large] = &report.peaks;
        let what = format!("memory of a 4 GiB file within {:.0} % of a 128 MiB file", GROWTH * 100.0);
        lines.push(match measured(large).zip(measured(small)) {
            Some((large, small)) => {
                let ratio = Ratio::of(large, small);
                goal(&what, (ratio.of_medians - 1.0).abs() <= GROWTH, ratio)
            }
            None => not_measured(&what, "it was not seen"),
        });
    }
    lines
}

/// Whether anything is known about one of these, be it that it failed.
fn picked(report: &Report, choices: &[Choice]) -> bool {
    choices.iter().any(|choice| match choice {
        Choice::Connections => !report.connections[0].is_empty() || missing(report, *choice).is_some(),
        Choice::Complete => !report.completes.is_empty() || missing(report, *choice).is_some(),
        Choice::GatewayMemory => !report.peaks[0].is_empty() || missing(report, *choice).is_some(),
        _ => {
            report.series.iter().any(|series| series.choice == *choice) || missing(report, *choice).is_some()
        }
    })
}

fn missing(report: &Report, choice: Choice) -> Option<&str> {
    report.missing.iter().find(|(other, _)| *other == choice).map(|(_, reason)| reason.as_str())
}

/// Ours beside the best of `peers`, which is the one with the least median.
fn cpu(report: &Report, workload: &str, ours: Choice, peers: &[Choice], most: f64, what: &str) -> String {
    let series = |choice: Choice| values(report, choice, workload, Figure::cpu_per_gib);
    let Some(ours) = series(ours) else { return not_measured(what, "ours was not seen") };
    let best = peers.iter().filter_map(|peer| Some((*peer, series(*peer)?)));
    let median = |values: &[f64]| Spread::of(values.iter().copied()).median;
    match best.min_by(|(_, left), (_, right)| median(left).total_cmp(&median(right))) {
        Some((peer, best)) => at_most(&format!("{what} ({})", peer.word()), &ours, &best, most),
        None => not_measured(what, &reasons(report, peers)),
    }
}

fn tus_speed(report: &Report, workload: &str) -> String {
    let what = format!(
        "{workload}: tus at least the smaller of {FASTER} x best tus peer and {OF_SINK_SPEED} x sink, MiB/s"
    );
    let speed = |choice| {
        let values = values(report, choice, workload, Figure::mib_per_second)?;
        Some(Spread::of(values).median)
    };
    let peer = TUS_PEERS.into_iter().filter_map(speed).reduce(f64::max);
    match (speed(Choice::Tus), peer, speed(Choice::Sink)) {
        (Some(ours), Some(peer), Some(sink)) => {
            let least = (FASTER * peer).min(OF_SINK_SPEED * sink);
            goal(
                &what,
                ours >= least,
                format!("{ours:.0}, wanted {least:.0}; peer {peer:.0}, sink {sink:.0}"),
            )
        }
        _ => not_measured(&what, "tus, a tus peer and the sink are needed"),
    }
}

fn snippets(report: &Report) -> String {
    let what = format!("{SNIPPETS}: PUT at most {OVER_NGINX} x (nginx + MD5), CPU per file");
    let series = |choice| values(report, choice, SNIPPETS, Figure::cpu_per_file);
    match (series(Choice::CosPut), series(Choice::Nginx)) {
        (Some(ours), Some(nginx)) => {
            let both: Vec<_> = nginx.iter().zip(&report.md5).map(|(nginx, md5)| nginx + md5).collect();
            let md5 = Spread::of(report.md5.iter().copied()).median;
            format!("{}; of it MD5 {md5:.2} ms", at_most(&what, &ours, &both, OVER_NGINX))
        }
        _ => not_measured(&what, &reasons(report, &[Choice::CosPut, Choice::Nginx])),
    }
}

fn values(report: &Report, choice: Choice, workload: &str, of: impl Fn(&Figure) -> f64) -> Option<Vec<f64>> {
    report.figures(choice, workload).map(|figures| figures.iter().map(of).collect())
}

fn at_most(what: &str, ours: &[f64], peer: &[f64], most: f64) -> String {
    match measured(ours).zip(measured(peer)) {
        Some((ours, peer)) => {
            let ratio = Ratio::of(ours, peer);
            goal(what, ratio.of_medians <= most, ratio)
        }
        None => not_measured(what, "it was not seen"),
    }
}

fn below(what: &str, values: &[f64], most: f64, unit: &str) -> String {
    let what = format!("{what} under {most:.0} {unit}");
    match measured(values) {
        Some(values) => {
            let spread = Spread::of(values.iter().copied());
            let seen = format!("{:.1}, rounds {:.1} to {:.1}", spread.median, spread.least, spread.most);
            goal(&what, spread.median <= most, seen)
        }
        None => not_measured(&what, "it was not seen"),
    }
}

fn measured(values: &[f64]) -> Option<&[f64]> {
    (!values.is_empty()).then_some(values)
}

fn reasons(report: &Report, choices: &[Choice]) -> String {
    let told = choices.iter().map(|choice| {
        format!("{}: {}", choice.word(), missing(report, *choice).unwrap_or("not among what was asked for"))
    });
    told.collect::<Vec<_>>().join("; ")
}

fn not_measured(what: &str, why: &str) -> String {
    format!("goal, {what}: not measured ({why})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Family;
    use crate::uploads::workload::Workload;

    fn add(report: &mut Report, choice: Choice, workload: Workload, cpu: f64, seconds: f64) {
        let cpu = Family { all: cpu, children: 0.0 };
        let figure = Figure { bytes: workload.bytes(), files: workload.files, seconds, cpu };
        report.add(1, choice, workload, figure);
    }

    #[test]
    fn the_best_peer_is_the_mark_and_what_is_not_there_is_said() {
        let mut report = Report::default();
        let film = Workload::film(1.0);
        add(&mut report, Choice::CosMultipart, film, 5.0, 4.0);
        add(&mut report, Choice::SinkDigests, film, 4.0, 4.0);
        add(&mut report, Choice::Tus, film, 2.0, 4.0);
        add(&mut report, Choice::Sink, film, 2.0, 2.0);
        add(&mut report, Choice::TusNode, film, 9.0, 10.0);
        add(&mut report, Choice::Rustus, film, 5.0, 8.0);
        report.left_out(Choice::Seaweedfs, "gone".to_owned());
        let lines = judge(&report);
        let film: Vec<_> = lines.iter().filter(|line| line.contains("1 x 2 GiB")).collect();
        assert!(film[0].contains("UNMET (1.25"), "{film:?}");
        assert!(film[1].ends_with("not measured (seaweedfs: gone)"), "{film:?}");
        assert!(film[2].contains("(rustus): met (0.40"), "{film:?}");
        assert!(film[3].ends_with("met (512, wanted 512; peer 256, sink 1024)"), "{film:?}");
        assert!(!lines.iter().any(|line| line.contains("Complete")), "{lines:?}");
    }

    #[test]
    fn snippets_are_beside_nginx_with_an_md5() {
        let mut report = Report::default();
        let snippets = Workload::snippets(1.0);
        add(&mut report, Choice::CosPut, snippets, 2.4, 1.0);
        add(&mut report, Choice::Nginx, snippets, 1.2, 1.0);
        report.md5(0.4e-3);
        let lines = judge(&report);
        assert!(lines[0].contains("met (1.20") && lines[0].ends_with("of it MD5 0.40 ms"), "{lines:?}");
        report.complete(1, 0.051, 0.001);
        assert!(judge(&report)[1].contains("UNMET (51.0"), "{:?}", judge(&report));
    }
}
