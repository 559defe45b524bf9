/* Mean squares and variance components (Searle, Casella, McCulloch, Variance Components, 1992:
 * chapters 3 and 4; n0 is that of unbalanced data). */
#include "results/variance.h"

#include <assert.h>
#include <math.h>

static double mean_of(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
    }
    return sum / (double)n;
}

void variance_nested(const double *v, const size_t *n_seeds, size_t n_draws,
                     struct variance_nested *out)
{
    double between = 0, within = 0, sizes = 0;
    size_t n = 0;
    for (size_t d = 0; d < n_draws; d++) {
        n += n_seeds[d];
        sizes += (double)n_seeds[d] * (double)n_seeds[d];
    }
    assert(n > 0);
    double mean = mean_of(v, n);
    for (size_t d = 0; d < n_draws; d++) {
        double own = mean_of(v, n_seeds[d]);
        between += (double)n_seeds[d] * (own - mean) * (own - mean);
        for (size_t i = 0; i < n_seeds[d]; i++, v++) {
            within += (*v - own) * (*v - own);
        }
    }
    double nan = (double)NAN, df = (double)n_draws - 1;
    *out = (struct variance_nested){.mean = mean};
    out->ms_between = n_draws > 1 ? between / df : nan;
    out->ms_within = n > n_draws ? within / (double)(n - n_draws) : nan;
    out->n0 = n_draws > 1 ? ((double)n - sizes / (double)n) / df : nan;
    out->draw_raw = (out->ms_between - out->ms_within) / out->n0;
    out->draw = isnan(out->draw_raw) ? nan : fmax(0, out->draw_raw);
    out->seed = out->ms_within;
}

static double column_mean(const double *v, size_t n_rows, size_t n_columns, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < n_rows; i++) {
        sum += v[i * n_columns + j];
    }
    return sum / (double)n_rows;
}

void variance_crossed(const double *v, size_t n_rows, size_t n_columns,
                      struct variance_crossed *out)
{
    assert(n_rows > 1 && n_columns > 1);
    double a = (double)n_rows, b = (double)n_columns, rows = 0, columns = 0, error = 0;
    double mean = mean_of(v, n_rows * n_columns);
    for (size_t i = 0; i < n_rows; i++) {
        double d = mean_of(v + i * n_columns, n_columns) - mean;
        rows += b * d * d;
    }
    for (size_t j = 0; j < n_columns; j++) {
        double d = column_mean(v, n_rows, n_columns, j) - mean;
        columns += a * d * d;
    }
    for (size_t i = 0; i < n_rows; i++) {
        double row = mean_of(v + i * n_columns, n_columns);
        for (size_t j = 0; j < n_columns; j++) {
            double d = v[i * n_columns + j] - row - column_mean(v, n_rows, n_columns, j) + mean;
            error += d * d;
        }
    }
    *out = (struct variance_crossed){.mean = mean,
                                     .ms_rows = rows / (a - 1),
                                     .ms_columns = columns / (b - 1),
                                     .ms_error = error / ((a - 1) * (b - 1))};
    out->rows_raw = (out->ms_rows - out->ms_error) / b;
    out->columns_raw = (out->ms_columns - out->ms_error) / a;
    out->rows = fmax(0, out->rows_raw);
    out->columns = fmax(0, out->columns_raw);
    out->error = out->ms_error;
}
