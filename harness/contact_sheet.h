/* The images that a candidate got wrong and the base right, on one page. */
#ifndef BITBENCH_CONTACT_SHEET_H
#define BITBENCH_CONTACT_SHEET_H

struct comparison;
struct ctx;
struct err;
struct record_list;

/* Writes an HTML page without outside parts: of each test set the images that were lost in most
 * cells, surest first, 60 at most. found lists its changes; the data sets must be here
 * (ERR_ABSENT). */
int contact_sheet_write(const struct ctx *c, const struct comparison *found,
                        const struct record_list *base, const char *path, struct err *e);

#endif
