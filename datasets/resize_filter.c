/* Filters of Pillow (libImaging/Resample.c): box, triangle, Hamming window, Keys' cubic with
 * A = -0.5, Lanczos with three lobes, and Costella's "magic kernel sharp" of 2013 and 2021
 * (johncostella.com/magic). All in double, sine and cosine of the C library. */
#include "datasets/resize_filter.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double sinc(double x)
{
    if (x == 0.0) {
        return 1.0;
    }
    x *= PI;
    return sin(x) / x;
}

static double hamming(double x)
{
    x = fabs(x);
    if (x >= 1.0) {
        return 0.0;
    }
    return x == 0.0 ? 1.0 : sinc(x) * (0.54 + 0.46 * cos(PI * x));
}

static double lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

double filter_keys(double a, double x)
{
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    }
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

static double cubic(double x)
{
    return filter_keys(-0.5, x);
}

/* The magic kernel (a quadratic B-spline) sharpened by three taps. */
static double mks2013(double x)
{
    x = fabs(x);
    if (x < 0.5) {
        return 17.0 / 16.0 - 7.0 / 4.0 * x * x;
    }
    if (x < 1.5) {
        return (1.0 - x) * (7.0 / 4.0 - x);
    }
    return x < 2.5 ? -1.0 / 8.0 * (x - 2.5) * (x - 2.5) : 0.0;
}

/* The same sharpened by seven. */
static double mks2021(double x)
{
    x = fabs(x);
    if (x < 0.5) {
        return 577.0 / 576.0 - 239.0 / 144.0 * x * x;
    }
    if (x < 1.5) {
        return 35.0 / 36.0 * (x - 1.0) * (x - 239.0 / 140.0);
    }
    if (x < 2.5) {
        return 1.0 / 6.0 * (x - 2.0) * (65.0 / 24.0 - x);
    }
    if (x < 3.5) {
        return 1.0 / 36.0 * (x - 3.0) * (x - 15.0 / 4.0);
    }
    return x < 4.5 ? -1.0 / 288.0 * (x - 4.5) * (x - 4.5) : 0.0;
}

const struct resize_filter filter_box = {0.5, box}, filter_bilinear = {1.0, triangle},
                           filter_hamming = {1.0, hamming}, filter_bicubic = {2.0, cubic},
                           filter_lanczos = {3.0, lanczos}, filter_mks2013 = {2.5, mks2013},
                           filter_mks2021 = {4.5, mks2021};

size_t filter_max_taps(const struct resize_filter *f, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out;
    return (size_t)ceil(f->radius * (scale > 1.0 ? scale : 1.0)) * 2 + 1;
}

size_t filter_taps(const struct resize_filter *f, size_t i, size_t n_in, size_t n_out, double *w,
                   size_t *first)
{
    double scale = (double)n_in / (double)n_out, stretch = scale > 1.0 ? scale : 1.0;
    double support = f->radius * stretch, inverse = 1.0 / stretch;
    double centre = ((double)i + 0.5) * scale;
    double low = centre - support + 0.5;
    size_t from = low > 0.0 ? (size_t)low : 0, end = (size_t)(centre + support + 0.5);
    size_t n = (end < n_in ? end : n_in) - from;
    double total = 0.0;
    for (size_t j = 0; j < n; j++) {
        w[j] = f->at(((double)(from + j) - centre + 0.5) * inverse);
        total += w[j];
    }
    double share = total != 0.0 ? 1.0 / total : 1.0;
    for (size_t j = 0; j < n; j++) {
        w[j] *= share;
    }
    *first = from;
    return n;
}
