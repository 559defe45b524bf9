/* Time: a monotonic clock for durations, UTC text for provenance. */
#ifndef BITBENCH_BASE_CLOCK_H
#define BITBENCH_BASE_CLOCK_H

#include <stddef.h>

enum { CLOCK_TEXT = 32 };

double clock_now_s(void);              /* seconds since some fixed moment; never goes back */
void clock_utc(char text[CLOCK_TEXT]); /* now, as 2026-01-31T12:34:56Z */
size_t clock_peak_rss_bytes(void);     /* the most memory this process has held at once */

#endif
