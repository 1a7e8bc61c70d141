/// The exact (Clopper-Pearson) upper bound of a failure rate: with 95% confidence, a plan drawn as these were fails with
/// at most this probability. `1.0` where there were no runs.
///
/// It speaks of plans drawn from the same profile, in the simulated world; it says nothing about what neither can do.
///
/// ```
/// use seaworthy_sim::explore::failure_rate_upper_bound;
///
/// // Without a failure it is 1 - 0.05^(1/n), close to the "rule of three".
/// assert!((failure_rate_upper_bound(0, 1_000) - 0.002_991).abs() < 1e-6);
/// assert_eq!(failure_rate_upper_bound(0, 0), 1.0);
/// ```
pub fn failure_rate_upper_bound(failures: u64, runs: u64) -> f64 {
    const ALPHA: f64 = 0.05;
    if failures >= runs {
        return 1.0;
    }
    if failures == 0 {
        return -(ALPHA.ln() / runs as f64).exp_m1();
    }
    // The rate p at which so few failures have probability ALPHA: P(X <= k) falls as p grows, so halve towards it.
    let (mut low, mut high) = (failures as f64 / runs as f64, 1.0_f64);
    while high - low > f64::EPSILON * high {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if at_most(failures, runs, middle) > ALPHA {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability of at most `failures` in `runs` at rate `p`: 1 - I_p(k + 1, n - k).
fn at_most(failures: u64, runs: u64, p: f64) -> f64 {
    1.0 - incomplete_beta(failures as f64 + 1.0, (runs - failures) as f64, p)
}

/// The regularised incomplete beta function, by its continued fraction on the side where that converges fast.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(a, b, x) / a
    } else {
        1.0 - front * continued_fraction(b, a, 1.0 - x) / b
    }
}

/// Evaluates the continued fraction by Lentz's method.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    // It takes on the order of the square root of the larger parameter.
    for m in 1..100_000_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let step = d * c;
        value *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function for arguments of at least 1: Stirling's series, after moving up to where it is
/// exact to double precision.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0_f64);
    while x < 15.0 {
        product *= x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse
        * (1.0 / 12.0
            - square * (1.0 / 360.0 - square * (1.0 / 1_260.0 - square * (1.0 / 1_680.0 - square / 1_188.0))));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Quantiles of the beta distribution (0.95; k + 1, n - k), from an exact summation of the binomial tail.
    #[test]
    fn the_upper_bound_agrees_with_known_values() {
        for (failures, runs, wanted) in [
            (0, 1, 0.95),
            (0, 10, 0.258_866),
            (1, 10, 0.394_163),
            (2, 10, 0.506_902),
            (5, 10, 0.777_559),
            (9, 10, 0.994_884),
            (10, 10, 1.0),
            (1, 100, 0.046_560),
            (5, 100, 0.102_253),
            (50, 100, 0.586_378),
        ] {
            let bound = failure_rate_upper_bound(failures, runs);
            assert!((bound - wanted).abs() < 2e-6, "{failures} of {runs}: {bound}, not {wanted}");
        }
    }

    #[test]
    fn the_bound_is_where_the_binomial_tail_is_five_percent() {
        for (failures, runs) in [(1_u64, 7_u64), (3, 50), (17, 200), (199, 200), (40, 1_000)] {
            let p = failure_rate_upper_bound(failures, runs);
            // The tail summed term by term: slow, but with nothing in common with the incomplete beta function.
            let (mut term, mut sum) = (runs as f64 * (1.0 - p).ln(), 0.0);
            for k in 0..=failures {
                sum += term.exp();
                term += ((runs - k) as f64 / (k + 1) as f64).ln() + (p / (1.0 - p)).ln();
            }
            assert!((sum - 0.05).abs() < 1e-9, "{failures} of {runs}: tail {sum}");
        }
    }

    #[test]
    fn the_bound_shrinks_with_runs_and_grows_with_failures_up_to_very_many() {
        let many = 1_000_000_000;
        assert!(failure_rate_upper_bound(0, many) < 3.0e-9);
        assert!(failure_rate_upper_bound(1_000, many) > 1_000.0 / many as f64);
        assert!(failure_rate_upper_bound(1_000, many) < 1_100.0 / many as f64);
        let middle = failure_rate_upper_bound(500_000_000, many);
        assert!(middle > 0.5 && middle < 0.500_1, "{middle}");
    }
}
