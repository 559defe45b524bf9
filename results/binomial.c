/* Binomial probabilities by the saddle-point form of C. Loader, Fast and Accurate Computation of
 * Binomial Probabilities (2000): factorials enter only through the small remainder of Stirling's
 * formula, and the rest as deviances, so that no large logarithms cancel. */
#include "results/binomial.h"

#include <assert.h>
#include <math.h>

static const double two_pi = 6.283185307179586476925286766559005768;

/* ln n! - (ln(2 pi n) / 2 + n ln n - n) */
static double stirling_remainder(double n)
{
    if (n < 16) {
        double factorial = 1; /* exact up to 18! */
        for (int i = 2; i <= (int)n; i++) {
            factorial *= i;
        }
        return log(factorial) - (log(two_pi * n) / 2 + n * log(n) - n);
    }
    double s = n * n;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / s) / s) / s) / s) / n;
}

/* x ln(x / m) + m - x for x, m > 0; by its series where x and m are close. */
static double deviance(double x, double m)
{
    if (fabs(x - m) >= 0.1 * (x + m)) {
        return x * log(x / m) + m - x;
    }
    double v = (x - m) / (x + m), sum = (x - m) * v, power = 2 * x * v;
    for (int k = 1;; k++) {
        power *= v * v;
        double next = sum + power / (2 * k + 1);
        if (next == sum) {
            return sum;
        }
        sum = next;
    }
}

double binomial_log_pmf(size_t k, size_t n, double p)
{
    assert(k <= n && p >= 0 && p <= 1);
    double q = 1 - p, dk = (double)k, dn = (double)n, rest = (double)(n - k);
    if (k == 0) {
        return n ? dn * log1p(-p) : 0;
    }
    if (k == n) {
        return dn * log(p);
    }
    if (p <= 0 || q <= 0) {
        return -HUGE_VAL;
    }
    double small = stirling_remainder(dn) - stirling_remainder(dk) - stirling_remainder(rest);
    return small - deviance(dk, dn * p) - deviance(rest, dn * q) +
           log(dn / (two_pi * dk * rest)) / 2;
}

/* Inversion that goes through the values outwards from the mode, alternately below and above. */
size_t binomial_draw(size_t n, double p, double u)
{
    assert(p >= 0 && p <= 1);
    if (n == 0 || p <= 0) {
        return 0;
    }
    if (p >= 1) {
        return n;
    }
    size_t mode = (size_t)((double)(n + 1) * p), low, high;
    mode = mode > n ? n : mode;
    double odds = p / (1 - p), p_low, p_high;
    low = high = mode;
    p_low = p_high = exp(binomial_log_pmf(mode, n, p));
    for (u -= p_low; u >= 0 && (low > 0 || high < n);) {
        if (low > 0) {
            p_low *= (double)low / ((double)(n - low + 1) * odds);
            low--;
            u -= p_low;
            if (u < 0) {
                return low;
            }
        }
        if (high < n) {
            p_high *= (double)(n - high) * odds / (double)(high + 1);
            high++;
            u -= p_high;
            if (u < 0) {
                return high;
            }
        }
    }
    return mode;
}
