/* The sink for messages and progress, and the interrupt flag. */
#include "harness/base/note.h"

#include <stdarg.h>
#include <stdio.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may only touch lock-free atomics");
atomic_int note_interrupted;

static const struct note_sink *the_sink;

void note_set_sink(const struct note_sink *sink)
{
    the_sink = sink;
}

void note(enum note_level level, const char *fmt, ...)
{
    if (!the_sink || !the_sink->message) {
        return;
    }
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    the_sink->message(level, text);
}

void note_progress(const char *what, size_t done, size_t total)
{
    if (the_sink && the_sink->progress) {
        the_sink->progress(what, done, total);
    }
}
