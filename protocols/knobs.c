/* The table of knobs: the only place that knows their names, types, ranges and defaults. Its order
 * is that of the canonical text and never changes; a new knob may stand anywhere. */
#include "protocols/spec.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"

#define FIELD(member)                            \
    .offset = offsetof(struct run_spec, member), \
    .bytes = sizeof(((struct run_spec *)NULL)->member)

static int canon_grid(const char *value, struct str *out, struct err *e);
static int canon_preset(const char *value, struct str *out, struct err *e);
static int canon_kernel(const char *value, struct str *out, struct err *e);
static int canon_decode(const char *value, struct str *out, struct err *e);
static int canon_mode(const char *value, struct str *out, struct err *e);
static int canon_range(const char *value, struct str *out, struct err *e);

/* clang-format off */
const struct knob knobs[] = {
    {.key = "model", FIELD(model), .role = KNOB_SUBJECT, .fallback = "",
     .help = "the network: a name, a path, random:ARCH[:SEED] or pixels"},
    {.key = "dataset", FIELD(dataset), .role = KNOB_PROTOCOL, .fallback = "",
     .help = "the data set: a name, folder:PATH or list:FILE.csv"},

    {.key = "regime.name", FIELD(regime.name), .role = KNOB_PROTOCOL, .fallback = "none",
     .choices = "none|full|kshot|first-n|vtab-800|vtab-1000",
     .help = "training images: none, all, k per class, the first n, VTAB's 800 or 1000"},
    {.key = "regime.split", FIELD(regime.split), .role = KNOB_PROTOCOL, .fallback = "trainval",
     .needs = "regime.name=full|kshot|first-n",
     .help = "the split that training images come from"},
    {.key = "regime.rule", FIELD(regime.rule), .role = KNOB_PROTOCOL, .fallback = "nested",
     .choices = "nested|big-vision|bit-jax|first-k", .needs = "regime.name=kshot",
     .help = "how the images of a class are drawn: ours, where more shots contain fewer; as "
             "big_vision; as BiT's JAX code; the first k"},
    {.key = "regime.k", FIELD(regime.k), .type = KNOB_INT, .role = KNOB_PROTOCOL, .fallback = "0",
     .high = 1e6, .needs = "regime.name=kshot", .help = "training images per class"},
    {.key = "regime.n", FIELD(regime.n), .type = KNOB_INT, .role = KNOB_PROTOCOL, .fallback = "0",
     .high = 1e9, .needs = "regime.name=first-n", .help = "training images in all"},
    {.key = "regime.draw", FIELD(regime.draw), .type = KNOB_INT, .role = KNOB_REPLICATE,
     .fallback = "0", .high = 4294967295.0, /* 32 bits: NumPy's legacy seed, rule bit-jax */
     .needs = "regime.name=kshot regime.rule=nested|big-vision|bit-jax",
     .help = "which of the random draws of training images"},

    {.key = "adapt.name", FIELD(adapt.name), .role = KNOB_PROTOCOL, .fallback = "none",
     .choices = "none|ridge|logistic",
     .help = "none: the checkpoint's own head; on frozen features: ridge or logistic regression"},
    {.key = "adapt.l2", FIELD(adapt.l2), .type = KNOB_REAL, .role = KNOB_PROTOCOL,
     .fallback = "1024", /* 2^10: big_vision, configs/common_fewshot.py */
     .low = 1e-12, .high = 1e15, .needs = "adapt.name=ridge", .selectable = true,
     .help = "weight of the squared weights"},
    {.key = "adapt.c", FIELD(adapt.c), .type = KNOB_REAL, .role = KNOB_PROTOCOL, .fallback = "1",
     .low = 1e-12, .high = 1e12, .needs = "adapt.name=logistic", .selectable = true,
     .help = "inverse regularisation: weight of the summed loss"},
    {.key = "adapt.bias", FIELD(adapt.bias), .type = KNOB_REAL, .role = KNOB_PROTOCOL,
     .fallback = "100", /* big_vision, evaluators/fewshot_lsr.py */
     .high = 1e6, .needs = "adapt.name=ridge",
     .help = "the constant feature appended to every row"},
    {.key = "adapt.standardize", FIELD(adapt.standardize), .type = KNOB_BOOL,
     .role = KNOB_PROTOCOL, .fallback = "true", .needs = "adapt.name=ridge",
     .help = "features to mean 0 and deviation 1 of the training images"},
    {.key = "adapt.head_map", FIELD(adapt.head_map), .role = KNOB_PROTOCOL, .fallback = "",
     .needs = "adapt.name=none", .help = "csv file head_index,class: which output is which class"},

    {.key = "preprocess.preset", FIELD(preprocess.preset), .role = KNOB_PROTOCOL,
     .fallback = "bit-paper", .canon = canon_preset,
     .help = "fixes every step from image to network input; model: the checkpoint's own"},
    {.key = "preprocess.kernel", FIELD(preprocess.kernel), .role = KNOB_PROTOCOL, .fallback = "",
     .canon = canon_kernel, .help = "resize kernel instead of the preset's"},
    {.key = "preprocess.decode", FIELD(preprocess.decode), .role = KNOB_PROTOCOL, .fallback = "",
     .canon = canon_decode,
     .help = "image decoding instead of the preset's: pil, tf, cv, with options"},
    {.key = "preprocess.mode", FIELD(preprocess.mode), .role = KNOB_PROTOCOL, .fallback = "",
     .canon = canon_mode, .help = "how images get their size, instead of the preset's way"},
    {.key = "preprocess.range", FIELD(preprocess.range), .role = KNOB_PROTOCOL, .fallback = "",
     .canon = canon_range, .help = "scaling of pixel values instead of the preset's"},
    {.key = "preprocess.resize", FIELD(preprocess.resize), .type = KNOB_INT, .role = KNOB_PROTOCOL,
     .fallback = "0", .high = 4096, .help = "pixels before the crop; 0: the preset's"},
    {.key = "preprocess.crop", FIELD(preprocess.crop), .type = KNOB_INT, .role = KNOB_PROTOCOL,
     .fallback = "0", .high = 4096, .help = "pixels of the network's input; 0: the preset's"},

    {.key = "select.grid", FIELD(select.grid), .role = KNOB_PROTOCOL, .fallback = "",
     .canon = canon_grid, .help = "values of a knob to choose among inside the cell: KNOB=GRID"},
    {.key = "select.on", FIELD(select.on), .role = KNOB_PROTOCOL, .fallback = "loo",
     .choices = "loo|val",
     .help = "what decides: leave-one-out error, or a validation part of the training images"},

    {.key = "test", FIELD(test), .role = KNOB_PROTOCOL, .fallback = "test",
     .help = "the split that is scored"},
    {.key = "outcomes", FIELD(outcomes), .role = KNOB_PROTOCOL, .fallback = "full",
     .choices = "full|pred|none", .help = "what is stored of every test image"},
    {.key = "seed", FIELD(seed), .type = KNOB_INT, .role = KNOB_REPLICATE, .fallback = "0",
     .high = 9007199254740992.0, /* 2^53: exact as a double too */
     .help = "seed of training"},
};
/* clang-format on */
const size_t knobs_n = sizeof knobs / sizeof knobs[0];

const struct knob *knob_find(const char *key, struct err *e)
{
    for (size_t i = 0; i < knobs_n; i++) {
        if (strcmp(knobs[i].key, key) == 0) {
            return &knobs[i];
        }
    }
    struct near near;
    near_init(&near, key);
    for (size_t i = 0; i < knobs_n; i++) {
        near_add(&near, knobs[i].key);
    }
    err_set(e, ERR_USAGE, "unknown knob '%.80s'%s", key, near_text(&near));
    return NULL;
}

/* ---- names that datasets/ knows; all but presets are their own canonical form ---- */

static int canon_preset(const char *value, struct str *out, struct err *e)
{
    struct preprocess p;
    if (strcmp(value, "model") == 0) {
        str_add(out, value);
        return 0;
    }
    if (preprocess_preset(&p, value, e)) {
        return -1;
    }
    str_add(out, p.preset);
    return 0;
}

static int canon_kernel(const char *value, struct str *out, struct err *e)
{
    str_add(out, value);
    return !*value || resize_find(value, e) ? 0 : -1;
}

static int canon_decode(const char *value, struct str *out, struct err *e)
{
    str_add(out, value);
    return *value ? decode_check(value, e) : 0;
}

static int canon_mode(const char *value, struct str *out, struct err *e)
{
    enum preprocess_mode mode;
    str_add(out, value);
    return *value ? preprocess_mode_find(value, &mode, e) : 0;
}

static int canon_range(const char *value, struct str *out, struct err *e)
{
    str_add(out, value);
    return *value ? preprocess_range_find(value, e) : 0;
}

/* ---- lists to select from ---- */

/* "adapt.l2=log2:-10:20": a selectable knob and a grid whose values it can take. */
static int canon_grid(const char *value, struct str *out, struct err *e)
{
    if (!*value) {
        return 0;
    }
    const char *equals = strchr(value, '=');
    if (!equals) {
        return err_set(e, ERR_USAGE, "'%.80s' is not of the form KNOB=GRID", value);
    }
    char *key = mem_strndup(value, (size_t)(equals - value), e);
    if (!key) {
        return -1;
    }
    const struct knob *k = knob_find(key, e);
    free(key);
    if (!k) {
        return -1;
    }
    if (!k->selectable) {
        return err_set(e, ERR_USAGE, "%s cannot be selected inside a cell", k->key);
    }
    double *v;
    size_t n;
    if (grid_parse(equals + 1, &v, &n, e)) {
        return err_wrap(e, "%s", k->key);
    }
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!(v[i] >= k->low && v[i] <= k->high)) {
            rc = err_set(e, ERR_USAGE, "%s: %g not in %g..%g", k->key, v[i], k->low, k->high);
        }
    }
    free(v);
    if (rc == 0) {
        str_addf(out, "%s=", k->key);
        rc = grid_text(equals + 1, out, e);
    }
    return rc;
}
