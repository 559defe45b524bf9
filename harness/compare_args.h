/* What compare and stats share: the options of the rule, and how a comparison is handed out. */
#ifndef BITBENCH_COMPARE_ARGS_H
#define BITBENCH_COMPARE_ARGS_H

#include <stdbool.h>
#include "harness/output.h"
#include "results/paired.h"

struct comparison;
struct ctx;
struct err;
struct pool;

struct rule_args {
    const char *max_drop; /* points; NULL = none */
    double alpha;         /* 0 = 0.05 */
    bool exact;
    const char *inconclusive; /* "pass" or "fail" (NULL) */
    const char *format;       /* text or md */
    const char *junit;        /* file */
    bool force;               /* replace output files */
};
int rule_from_args(const struct rule_args *a, struct paired_rule *rule, struct err *e);
/* Threads for the bootstrap. */
int compare_pool(const struct ctx *c, struct pool **pool, struct err *e);
/* The JUnit file, where one is asked for. */
int compare_junit(const struct rule_args *a, const struct comparison *found, struct err *e);
/* Writes the JUnit file, then prints: so that nothing is said when a file cannot be written. The
 * exit status: 0, 1 when the rule fails, or -1. */
int compare_output(const struct ctx *c, const struct rule_args *a, const struct comparison *found,
                   struct err *e);

/* The options; S is the command's struct, F its field of struct rule_args. */
#define RULE_OPTS(S, F)                                                                 \
    {"max-drop", 0,                                                                     \
     OPT_TEXT, offsetof(struct S, F.max_drop),                                          \
     "PP", "pass only where a drop of more than PP percentage points\ncan be excluded", \
     0, 0},                                                                             \
        {"alpha", 0,                                                                    \
         OPT_REAL, offsetof(struct S, F.alpha),                                         \
         "A", "level of the tests (0.05)",                                              \
         0, 0},                                                                         \
        {"exact", 0,                                                                    \
         OPT_FLAG, offsetof(struct S, F.exact),                                         \
         NULL, "any change fails: for commits that must not change a number",           \
         0, 0},                                                                         \
        {"inconclusive", 0,                                                             \
         OPT_TEXT, offsetof(struct S, F.inconclusive),                                  \
         "pass|fail", "with --max-drop: what an undecided test set counts as (fail)",   \
         0, 0},                                                                         \
        {"format", 'f',                                                                 \
         OPT_TEXT, offsetof(struct S, F.format),                                        \
         "text|md", "form of the tables (text); --json for programs",                   \
         0, 0},                                                                         \
        {"junit", 0,                                                                    \
         OPT_TEXT, offsetof(struct S, F.junit),                                         \
         "FILE", "also write JUnit XML, one test case a test set",                      \
         0, 0},                                                                         \
        FORCE_OPT(S, F.force)

#endif
