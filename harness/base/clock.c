/* Time and peak memory from the kernel. */
#include "harness/base/clock.h"

#include <sys/resource.h>
#include <time.h>

double clock_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void clock_utc(char text[CLOCK_TEXT])
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

size_t clock_peak_rss_bytes(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (size_t)u.ru_maxrss * 1024; /* Linux counts in KiB */
}
