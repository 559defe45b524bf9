/* One progress line, redrawn at most ten times a second on a terminal, otherwise one line each
 * ten seconds; messages go above it. */
#include "harness/progress.h"
#include "harness/base/clock.h"
#include "harness/base/note.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool quiet, verbose, show, terminal, drawn;
    char what[160];
    double start_s, last_s;
    size_t first; /* done when this piece of work was first seen */
} progress;

void progress_end(void)
{
    if (progress.drawn && progress.terminal) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress.drawn = false;
}

static void message(enum note_level level, const char *text)
{
    if ((level == NOTE_DETAIL && !progress.verbose) || (level == NOTE_INFO && progress.quiet)) {
        return;
    }
    progress_end();
    fprintf(stderr, "bitbench: %s%s\n", level == NOTE_WARNING ? "warning: " : "", text);
}

static void draw(size_t done, size_t total, double now)
{
    double seconds = now - progress.start_s,
           rate = seconds > 0 ? (double)(done - progress.first) / seconds : 0;
    fprintf(stderr, "%s%s: %zu", progress.terminal ? "\r" : "", progress.what, done);
    if (total) {
        fprintf(stderr, "/%zu", total);
    }
    if (rate > 0) {
        fprintf(stderr, "  %.*f/s", rate < 10 ? 2 : 0, rate);
        if (total > done) {
            size_t left = (size_t)((double)(total - done) / rate);
            fprintf(stderr, "  ETA %zu:%02zu:%02zu", left / 3600, left / 60 % 60, left % 60);
        }
    }
    fputs(progress.terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
    progress.drawn = true;
}

static void on_progress(const char *what, size_t done, size_t total)
{
    if (!progress.show) {
        return;
    }
    double now = clock_now_s();
    if (strcmp(progress.what, what) != 0) {
        progress_end();
        snprintf(progress.what, sizeof progress.what, "%s", what);
        progress.start_s = now;
        progress.last_s = 0;
        progress.first = done;
    }
    if (now - progress.last_s >= (progress.terminal ? 0.1 : 10.0)) {
        progress.last_s = now;
        draw(done, total, now);
    }
    if (total && done >= total) {
        progress_end();
        progress.what[0] = '\0';
    }
}

void progress_init(bool quiet, bool verbose, bool show)
{
    static const struct note_sink sink = {message, on_progress};
    progress.quiet = quiet;
    progress.verbose = verbose;
    progress.terminal = isatty(STDERR_FILENO);
    progress.show = (show || progress.terminal) && !quiet;
    note_set_sink(&sink);
}
