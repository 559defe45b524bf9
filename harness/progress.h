/* Messages and progress on stderr: the sink behind harness/base/note.h. */
#ifndef BITBENCH_PROGRESS_H
#define BITBENCH_PROGRESS_H

#include <stdbool.h>

/* show: draw progress lines (one line, redrawn, with count, rate and ETA). */
void progress_init(bool quiet, bool verbose, bool show);
/* Clears a progress line that is on the screen. */
void progress_end(void);

#endif
