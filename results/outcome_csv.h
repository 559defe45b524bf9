/* Paired outcomes from csv files, for the statistics of a comparison without stored cells.
 *
 * With a header: columns base and cand (0 or 1: was the image answered rightly), and where wanted
 * id (of the image), task (the test set) and draw. Without one: two columns, base and cand. */
#ifndef BITBENCH_RESULTS_OUTCOME_CSV_H
#define BITBENCH_RESULTS_OUTCOME_CSV_H

#include <stddef.h>

struct comparison;
struct err;

/* Adds the test sets of a file to c; a file without tasks is one, called after the file. Images
 * pair by id within a task where there are ids, else by their order within each draw. ERR_FORMAT or
 * ERR_USAGE, with file and line, for a bad row, an id twice, draws of different images. */
int outcome_csv_add(struct comparison *c, const char *path, struct err *e);
/* The same from bytes; name stands for the path. */
int outcome_csv_add_bytes(struct comparison *c, const char *bytes, size_t n, const char *name,
                          struct err *e);

#endif
