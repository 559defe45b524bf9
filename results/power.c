/* Power of the t test: the noncentral distribution, integrated over the standard deviation. */
#include "results/power.h"

#include <math.h>

#include "results/stats.h"

/* P(T > critical) for T = (Z + d) / s, s^2 a chi-squared by its df: Simpson's rule over s, whose
 * density is proportional to s^(df - 1) exp(-df s^2 / 2). */
static double power_of(double d, double critical, double df)
{
    enum { STEPS = 200 };
    double spread = 10 / sqrt(2 * df), from = fmax(0, 1 - spread), sum = 0, weights = 0;
    for (int i = 0; i <= STEPS; i++) {
        double s = from + (1 + spread - from) * i / STEPS;
        double power_of_s = df > 1 ? (df - 1) * log(s) : 0; /* ln 0 at 0: no density */
        double density = exp(power_of_s - df * (s * s - 1) / 2);
        double w = (i == 0 || i == STEPS ? 1 : i % 2 ? 4
                                                     : 2) *
                   density;
        sum += w * erfc((critical * s - d) / sqrt(2)) / 2;
        weights += w;
    }
    return sum / weights;
}

double power_t_noncentrality(double df, double alpha, double power)
{
    double critical = -stats_t_quantile(alpha, df), low = 0, high = 1;
    while (power_of(high, critical, df) < power) {
        high *= 2;
    }
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        if (power_of(middle, critical, df) < power) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

/* Wilson and Hilferty's median of chi-squared, df (1 - 2 / (9 df))^3. */
double power_sd_median(double df)
{
    return pow(1 - 2 / (9 * df), -1.5);
}
