/* S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
 * Statistics 6 (1979). Equal values are taken in their order. */
#include "results/holm.h"

#include <math.h>

void holm_adjust(const double *p, size_t n, double *adjusted)
{
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = (double)NAN; /* not yet taken */
    }
    double most = 0;
    for (size_t step = 0; step < n; step++) {
        size_t least = n;
        for (size_t i = 0; i < n; i++) {
            if (isnan(adjusted[i]) && (least == n || p[i] < p[least])) {
                least = i;
            }
        }
        most = fmax(most, fmin(1, (double)(n - step) * p[least]));
        adjusted[least] = most;
    }
}
