/* The options of the rule, and output of a comparison. */
#include "harness/compare_args.h"
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "results/compare.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

int rule_from_args(const struct rule_args *a, struct paired_rule *rule, struct err *e)
{
    double points;
    *rule = (struct paired_rule){.alpha = a->alpha > 0 ? a->alpha : 0.05,
                                 .max_drop = (double)NAN,
                                 .exact = a->exact};
    if (a->alpha < 0 || a->alpha >= 1) {
        return err_set(e, ERR_USAGE, "--alpha: %g is not between 0 and 1", a->alpha);
    }
    if (a->max_drop) {
        if (!str_to_double(a->max_drop, &points) || points < 0 || points > 100) {
            return err_set(e, ERR_USAGE, "--max-drop: '%s' is not a number of points in 0..100",
                           a->max_drop);
        }
        rule->max_drop = points / 100;
    }
    if (output_check(a->junit, a->force, e)) {
        return -1;
    }
    if (a->exact && a->max_drop) {
        return err_set(e, ERR_USAGE, "--exact and --max-drop: give one");
    }
    if (a->inconclusive) {
        rule->inconclusive_passes = strcmp(a->inconclusive, "pass") == 0;
        if (!rule->inconclusive_passes && strcmp(a->inconclusive, "fail") != 0) {
            return err_set(e, ERR_USAGE, "--inconclusive: '%s' is neither pass nor fail",
                           a->inconclusive);
        }
        if (!a->max_drop) {
            return err_set(e, ERR_USAGE, "--inconclusive has a meaning with --max-drop only");
        }
    }
    return 0;
}

int compare_pool(const struct ctx *c, struct pool **pool, struct err *e)
{
    return pool_open(pool, c->g.threads ? (size_t)c->g.threads : pool_cpus(), e);
}

int compare_junit(const struct rule_args *a, const struct comparison *found, struct err *e)
{
    struct str out = {0};
    int rc = a->junit && (comparison_junit(found, &out, e) ||
                          file_write(a->junit, str_text(&out), out.len, e))
                 ? -1
                 : 0;
    str_release(&out);
    return rc;
}

int compare_output(const struct ctx *c, const struct rule_args *a, const struct comparison *found,
                   struct err *e)
{
    struct str out = {0};
    enum table_format format;
    if (table_format_parse(&format, a->format ? a->format : "text", e)) {
        return -1;
    }
    if (format != TABLE_TEXT && format != TABLE_MD) {
        return err_set(e, ERR_USAGE, "--format: text or md");
    }
    int rc = c->g.json ? comparison_json(found, &out, e)
                       : comparison_render(found, format, &out, e);
    if (rc == 0 && compare_junit(a, found, e) == 0) {
        fputs(str_text(&out), stdout);
    } else {
        rc = -1;
    }
    str_release(&out);
    return rc ? -1 : comparison_fails(found) ? EXIT_FOUND
                                             : EXIT_DONE;
}
