/* The run file: YAML to the cells of a sweep. Every fault is an error NAME:LINE:COLUMN.
 *
 *   name: fashion-fewshot
 *   include: suite.yaml                  # optional: this file's keys override that file's
 *   models: [bit-mini, pixels]           # always axes; one name may stand without brackets
 *   datasets: fashion-mnist
 *   regime: {name: kshot, rule: nested}  # knobs with one value; regime.name: kshot is the same
 *   adapt: {name: ridge}
 *   sweep:                               # knobs with several: one axis each
 *     regime.k: [1, 5, 10, 25]
 *     regime.draw: {range: [0, 4]}       # or {log2: [A, B]}, {log10: [A, B]}, {log10: [A, B, N]}
 *   zip:                                 # knobs that go together: one axis
 *     - {preprocess.resize: 160, preprocess.crop: 128}
 *     - {preprocess.resize: 72, preprocess.crop: 64}
 *   exclude: [{models: pixels, preprocess.crop: 128}]
 *   select: {adapt.l2: {log2: [-10, 20]}, on: loo}  # tried inside one cell: no axis
 *
 * Cells are the product models x datasets x sweep (as written) x zip, the last one varying fastest,
 * less those that an entry of exclude matches in all its keys. A knob is set in one place of a
 * file. What a file says of a knob, and its sweep, zip or exclude as a whole, takes the place of
 * what the included file says. */
#ifndef BITBENCH_RUNFILE_H
#define BITBENCH_RUNFILE_H

#include <stddef.h>
#include "harness/options.h"
#include "protocols/spec.h"

struct err;

enum { RUNFILE_MAX_CELLS = 1000000,
       RUNFILE_MAX_INCLUDES = 4 };

struct run_plan {
    char *name;
    struct run_spec *specs; /* [n] in the order of the product; all meaningful, no two equal */
    size_t n;
    const char **axes; /* [n_axes] keys (of knobs[]) of what varies, outermost first */
    size_t n_axes;
    char *text; /* the plan as a run file of its own, which gives the same cells */
};
void run_plan_release(struct run_plan *p);

struct runfile_opts {
    const char *name;         /* runfile_parse: what errors call the text */
    const char *dir;          /* runfile_parse: where include looks first; NULL: no include */
    const char *suites;       /* folder where include looks next, for NAME and NAME.yaml; or NULL */
    const struct texts *sets; /* "KEY=VALUE", applied last; or NULL */
};

/* The plan of a file, or of a text. --set takes the place of whatever the file says of a knob: its
 * value, its axis, or its column of zip. Lists only for models and datasets (commas outside
 * parentheses). ERR_ABSENT: no such file; ERR_USAGE, ERR_FORMAT: what is wrong and where. */
int runfile_read(struct run_plan *p, const char *path, const struct runfile_opts *o, struct err *e);
int runfile_parse(struct run_plan *p, const char *bytes, size_t n, const struct runfile_opts *o,
                  struct err *e);

/* What an option says of one knob. */
struct run_flag {
    const char *origin;         /* "--shots", for errors */
    const char *key;            /* as in a run file: "regime.k", "models" */
    const struct texts *values; /* at least one; several make an axis */
};
/* The plan of a command's options: models x datasets x the other axes in the order given. */
int runfile_build(struct run_plan *p, const char *name, const struct run_flag *flags,
                  size_t n_flags, const struct runfile_opts *o, struct err *e);

#endif
