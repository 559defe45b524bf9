/* Quantiles and intervals. Both quantiles are found by Newton's method on the distribution
 * function, which is computed to a relative error of a few 1e-16 on whichever side is small: the
 * tail, or the probability between -t and t. */
#include "results/stats.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static const double pi = 3.141592653589793238462643383279502884;

/* ---- normal ---- */

/* -quantile(q) for q <= 1/2: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.2.23;
 * absolute error below 4.5e-4. */
static double normal_start(double q)
{
    double t = sqrt(-2 * log(q));
    return t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                   (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

double stats_normal_quantile(double p)
{
    assert(p > 0 && p < 1);
    double q = p < 0.5 ? p : 1 - p; /* exact: p >= 1/2 */
    if (q == 0.5) {
        return 0;
    }
    /* Halley's method for erfc(y) = 2q or, where that loses digits, erf(y) = 1 - 2q (exact). */
    double y = normal_start(q) / sqrt(2);
    for (int i = 0; i < 4; i++) {
        double excess = q < 0.25 ? erfc(y) - 2 * q : (1 - 2 * q) - erf(y);
        double u = excess / (2 / sqrt(pi) * exp(-y * y));
        y += u / (1 + y * u);
    }
    return p < 0.5 ? -y * sqrt(2) : y * sqrt(2);
}

/* ---- Student's t ---- */

/* Gamma(a + 1/2) / Gamma(a). For large a the asymptotic series (Tricomi and Erdelyi 1951), cut
 * where the next term is below 1e-15 at a = 100; before that tgamma, whose error is some ulp. */
static double gamma_ratio(double a)
{
    if (a < 100) {
        return tgamma(a + 0.5) / tgamma(a);
    }
    static const double series[] = {-399.0 / 262144, -21.0 / 32768, 5.0 / 1024, 1.0 / 128,
                                    -1.0 / 8, 1};
    double sum = 0;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        sum = sum / a + series[i];
    }
    return sqrt(a) * sum;
}

/* Both sides of the incomplete beta function with one parameter 1/2, for x + y = 1, without their
 * common factor x^a y^(1/2) / B(a, 1/2).
 *
 * I_x(a, 1/2): the continued fraction of Abramowitz & Stegun 26.5.8, two steps at a time, so that
 * the partial denominators 1 + d[2m] + d[2m+1] can be written without differences of nearly equal
 * numbers when y is small; Lentz's method. For y > 1.5 / (a + 2.5). */
static double beta_fraction(double a, double x, double y)
{
    double f = (0.5 + (a + 0.5) * y) / (a + 1), c = f, d = 0, change = 0;
    for (int m = 1; m < 1000 && fabs(change - 1) > DBL_EPSILON; m++) {
        double s = a + 2 * m, q = m * (m - 0.5);
        double odd = (s - m - 1) * (s - m - 0.5) * x / ((s - 2) * (s - 1));
        double numerator = -odd * q * x / ((s - 1) * s);
        double gap = ((s - 1) * (2 * m + 0.5) - 2 * q) / ((s - 1) * (s + 1));
        double denominator = gap + y * (1 - gap);
        d = 1 / (denominator + numerator * d);
        c = denominator + numerator / c;
        change = c * d;
        f *= change;
    }
    return 1 / (a * f);
}

/* I_y(1/2, a): its power series, all terms positive (Abramowitz & Stegun 26.5.4). */
static double beta_series(double a, double y)
{
    double term = 2, sum = 2;
    for (int n = 0; n < 1000 && term > sum * DBL_EPSILON / 4; n++) {
        term *= y * (a + 0.5 + n) / (1.5 + n);
        sum += term;
    }
    return sum;
}

/* For t > 0: the density, P(|T| > t) and P(|T| < t). */
static void t_distribution(double t, double df, double *density, double *outside, double *inside)
{
    double a = df / 2, u = t * t / df, x = 1 / (1 + u), y = u / (1 + u);
    double scale = gamma_ratio(a) / sqrt(pi) * exp(-a * log1p(u)); /* x^a / B(a, 1/2) */
    *density = scale * sqrt(x / df);
    if (y > 1.5 / (a + 2.5)) {
        *outside = scale * sqrt(y) * beta_fraction(a, x, y);
        *inside = 1 - *outside;
    } else {
        *inside = scale * sqrt(y) * beta_series(a, y);
        *outside = 1 - *inside;
    }
}

double stats_t_two_sided(double t, double df)
{
    double density, outside = 1, inside;
    assert(df > 0 && !isnan(t));
    if (isinf(t)) {
        return 0;
    }
    if (t > 0 || t < 0) {
        t_distribution(fabs(t), df, &density, &outside, &inside);
    }
    return outside;
}

double stats_t_quantile(double p, double df)
{
    assert(p > 0 && p < 1 && df > 0);
    double q = p < 0.5 ? p : 1 - p;
    if (q == 0.5) {
        return 0;
    }
    /* Newton's method on the logarithm of the small side against ln t, where both are concave:
     * every step but the first comes from the same side, so it cannot miss. */
    bool tail = q < 0.25;
    double want = tail ? 2 * q : 1 - 2 * q, t = -stats_normal_quantile(q);
    for (int i = 0; i < 200; i++) {
        double density, outside, inside;
        t_distribution(t, df, &density, &outside, &inside);
        double have = tail ? outside : inside, slope = 2 * t * density / have;
        double step = log1p((have - want) / want) / slope;
        t *= exp(tail ? step : -step);
        if (fabs(step) < 4 * DBL_EPSILON) {
            break;
        }
    }
    return p < 0.5 ? -t : t;
}

/* ---- intervals ---- */

void stats_wilson(size_t k, size_t n, double level, double *low, double *high)
{
    assert(k <= n && level > 0 && level < 1);
    *low = 0;
    *high = 1;
    if (n == 0) {
        return;
    }
    double z = -stats_normal_quantile((1 - level) / 2), m = (double)n, p = (double)k / m;
    double scale = 1 + z * z / m, centre = (p + z * z / (2 * m)) / scale;
    double half = z / scale * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
    if (k > 0) {
        *low = centre - half;
    }
    if (k < n) {
        *high = centre + half;
    }
}

/* The value with exactly `place` others before it when sorted. */
static double order_statistic(const double *v, size_t n, size_t place)
{
    for (size_t i = 0; i < n; i++) {
        size_t less = 0, equal = 0;
        for (size_t j = 0; j < n; j++) {
            less += v[j] < v[i];
            equal += v[j] == v[i];
        }
        if (less <= place && place < less + equal) {
            return v[i];
        }
    }
    return (double)NAN;
}

void stats_summary(const double *v, size_t n, struct summary *s)
{
    assert(n > 0);
    double sum = 0, squares = 0, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
    }
    double mean = sum / count;
    for (size_t i = 0; i < n; i++) {
        squares += (v[i] - mean) * (v[i] - mean);
    }
    *s = (struct summary){.n = n, .mean = mean, .median = (double)NAN, .min = (double)NAN};
    s->max = s->sd = s->low = s->high = (double)NAN;
    if (isnan(mean)) {
        return;
    }
    s->min = order_statistic(v, n, 0);
    s->max = order_statistic(v, n, n - 1);
    s->median = (order_statistic(v, n, (n - 1) / 2) + order_statistic(v, n, n / 2)) / 2;
    if (n > 1) {
        s->sd = sqrt(squares / (count - 1));
        double half = stats_t_quantile(0.975, count - 1) * s->sd / sqrt(count);
        s->low = mean - half;
        s->high = mean + half;
    }
}
