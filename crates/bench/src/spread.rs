//! What several rounds say together, and how two series of them compare.

/// Least, middle and most of several values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spread {
    /// Smallest value.
    pub(crate) least: f64,
    /// Middle value; between the two middle ones when their number is even.
    pub(crate) median: f64,
    /// Largest value.
    pub(crate) most: f64,
}

impl Spread {
    /// All zero when there is none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self { least: at(0), median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), most: at(last) }
    }
}

/// One series beside another that was measured in the same rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// Median by median: what goals are about.
    pub(crate) of_medians: f64,
    /// The ratio of each round, spread.
    pub(crate) rounds: Spread,
}

impl Ratio {
    /// `ours` divided by `peer`, round by round.
    pub(crate) fn of(ours: &[f64], peer: &[f64]) -> Self {
        let (left, right) = (Spread::of(ours.iter().copied()), Spread::of(peer.iter().copied()));
        let rounds = Spread::of(ours.iter().zip(peer).map(|(ours, peer)| ours / peer));
        Self { of_medians: left.median / right.median, rounds }
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}, rounds {:.2} to {:.2}", self.of_medians, self.rounds.least, self.rounds.most)
    }
}

/// The line about one goal.
pub(crate) fn goal(what: &str, met: bool, seen: impl std::fmt::Display) -> String {
    format!("goal, {what}: {} ({seen})", if met { "met" } else { "UNMET" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { least: 1.0, median: 2.0, most: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]), Spread { least: 1.0, median: 2.5, most: 4.0 });
        assert_eq!(spread(&[7.0]), Spread { least: 7.0, median: 7.0, most: 7.0 });
        assert_eq!(spread(&[]), Spread::default());
    }

    #[test]
    fn a_ratio_is_of_medians_and_tells_its_rounds() {
        let ratio = Ratio::of(&[50.0, 80.0, 70.0], &[100.0, 100.0, 200.0]);
        assert_eq!(ratio.of_medians, 0.7);
        assert_eq!(ratio.to_string(), "0.70, rounds 0.35 to 0.80");
    }

    #[test]
    fn a_goal_says_in_one_word_whether_it_is_met() {
        assert_eq!(goal("a below b", true, "1.00"), "goal, a below b: met (1.00)");
        assert_eq!(goal("a below b", false, "2.00"), "goal, a below b: UNMET (2.00)");
    }
}
