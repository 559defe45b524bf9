/* Time: a monotonic clock for durations, UTC text for provenance. */
#ifndef BITBENCH_BASE_CLOCK_H
#define BITBENCH_BASE_CLOCK_H

#include <stddef.h>

double clock_now_s(void);
enum { CLOCK_TEXT = 32 };
void clock_utc(char text[CLOCK_TEXT]); /* 2026-01-31T12:34:56Z */
size_t clock_peak_rss_bytes(void);

#endif
