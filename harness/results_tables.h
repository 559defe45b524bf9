/* Tables of the command results. */
#ifndef BITBENCH_RESULTS_TABLES_H
#define BITBENCH_RESULTS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctx;
struct err;
struct record_list;
struct table;

struct results_args {
    bool as_leaderboard, per_class, confusion, bins, set_aside;
    const char *cell;
    int64_t top;
};
/* Print. */
int results_metrics(struct ctx *c, const struct results_args *a, const struct record_list *l,
                    struct err *e);
int results_aggregate(struct ctx *c, const struct results_args *a, const struct record_list *l,
                      struct err *e);

#endif
