/* How code below harness/ speaks to the user without printing: messages and progress go to a
 * sink that main sets; with none set (tests, library use) they vanish. Main thread only. */
#ifndef BITBENCH_BASE_NOTE_H
#define BITBENCH_BASE_NOTE_H

#include <stdatomic.h>
#include <stddef.h>

enum note_level {
    NOTE_DETAIL,
    NOTE_INFO,
    NOTE_WARNING,
};

struct note_sink {
    void (*message)(enum note_level level, const char *text);
    /* done of total items of a named piece of work; total 0 = unknown. done == total ends it. */
    void (*progress)(const char *what, size_t done, size_t total);
};
void note_set_sink(const struct note_sink *sink); /* NULL = none; must outlive its use */

void note(enum note_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note_progress(const char *what, size_t done, size_t total);

/* Set to 1 by the signal handler; long loops look at it between items and leave with
 * ERR_INTERRUPTED. Lock-free, so any thread and the handler may touch it. */
extern atomic_int note_interrupted;

#endif
