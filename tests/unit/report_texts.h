/* Rendering a report, and looking for parts of texts. */
#ifndef BITBENCH_TESTS_UNIT_REPORT_TEXTS_H
#define BITBENCH_TESTS_UNIT_REPORT_TEXTS_H

#include <string.h>

#include "results/report.h"
#include "tests/unit/made_records.h"

static inline void init(struct report *r, const struct record_list *l)
{
    struct err e = {0};
    if (report_init(r, l, &e)) {
        fail_msg("%s", e.text);
    }
}

/* The rendering, which the caller frees. */
static inline char *render(const struct report *r, enum table_format f, const char *metric)
{
    struct str out = {0};
    struct err e = {0};
    const struct report_opts o = {.metric = metric, .format = f};
    if (report_render(r, &o, &out, &e)) {
        fail_msg("%s", e.text);
    }
    str_add(&out, "");
    return out.data;
}

static inline void has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("'%s' is not in:\n%s", part, text);
    }
}

static inline void lacks(const char *text, const char *part)
{
    if (strstr(text, part)) {
        fail_msg("'%s' is in:\n%s", part, text);
    }
}

#endif
