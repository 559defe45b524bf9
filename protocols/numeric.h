/* numeric_id: what code a number depends on. Every numeric source file (build_info) either
 * belongs to the registry row that names it (engine, weight format, source, codec, resize kernel,
 * adaptation) and counts for the cells that use that row, or counts for all. */
#ifndef BITBENCH_PROTOCOLS_NUMERIC_H
#define BITBENCH_PROTOCOLS_NUMERIC_H

#include <stddef.h>

struct err;
struct group;
struct preprocess;
struct adapt;

/* SHA-256 hex over compiler, flags and the sources behind features of this group and preprocessing.
 */
int numeric_id_features(const struct group *g, const struct preprocess *p, char hex[65],
                        struct err *e);
/* The same with an adaptation on top (NULL: none). */
int numeric_id_cell(const struct group *g, const struct preprocess *p, const struct adapt *a,
                    char hex[65], struct err *e);

#endif
