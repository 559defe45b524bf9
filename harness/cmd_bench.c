/* bench: speed of the parts, as TSV. Programs to run, never tests: compare ratios within one run on
 * a quiet machine. */
#include "harness/bench.h"
#include "harness/command.h"
#include "harness/base/blas.h"
#include "harness/base/build_info.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/pool.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_MAX_RUNS = 100,
       MAX_SIZE = 4096,
       MAX_BATCH = 4096 };

static const struct opt opts[] = {
    {"model", 'm', OPT_LIST, offsetof(struct bench_args, models), "MODEL[,MODEL...]",
     "forward, train, kernels: the network (random:R50x1);\ntrain gives a network without a head "
     "one",
     0, 0},
    {"dataset", 'd', OPT_TEXT, offsetof(struct bench_args, dataset), "DATASET",
     "decode: the images (fashion-mnist)", 0, 0},
    {"size", 0, OPT_LIST, offsetof(struct bench_args, sizes), "PX[,PX...]",
     "all but probe: side of the network's input (224; decode: the preset's,\n64 without a "
     "preset)",
     0, 0},
    {"batch", 0, OPT_LIST, offsetof(struct bench_args, batches), "N[,N...]",
     "forward, train, kernels: images a call (8)", 0, 0},
    {"preprocess", 0, OPT_TEXT, offsetof(struct bench_args, pp.preset), "PRESET",
     "decode: preset or step list (bit-paper)", 0, 0},
    PREPROCESS_STEP_OPTS(bench_args, pp, "decode: "),
    {"images", 0, OPT_INT, offsetof(struct bench_args, images), "N", "decode: images a run (10000)",
     1, 100000000},
    {"runs", 0, OPT_INT, offsetof(struct bench_args, runs), "N",
     "counted runs after one warm-up (5)", 1, BENCH_MAX_RUNS},
    {"each", 0, OPT_FLAG, offsetof(struct bench_args, each), NULL,
     "print the seconds of each run, too, and train's first losses", 0, 0},
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* v where it is known. */
static const char *number(char text[32], int digits, double v)
{
    if (v > 0) {
        snprintf(text, 32, "%.*f", digits, v);
        return text;
    }
    return "-";
}

static void print_line(const struct bench_line *line, const double *sorted, size_t n,
                       size_t threads)
{
    char rate[32], share[32], bytes[32];
    double median = sorted[n / 2], flops = line->flop / median;
    printf("%s\t%s\t%zu\t%zu\t%.9f\t%.9f\t%.9f\t%.4g\t%s/s\t%s\t%s\t%s\n", line->what,
           line->shape, threads, n, median, sorted[0], sorted[n - 1], line->units / median,
           line->unit, number(rate, 1, 1e-9 * flops),
           number(share, 3, line->peak > 0 ? flops / line->peak : 0),
           number(bytes, 1, 1e-9 * line->bytes / median));
}

int bench_measure(const struct ctx *c, struct bench_args *a, const struct bench_line *line,
                  int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e)
{
    double s[BENCH_MAX_RUNS], sorted[BENCH_MAX_RUNS];
    size_t n = (size_t)(a->runs ? a->runs : 5);
    for (size_t i = 0; i <= n; i++) {
        double start = clock_now_s();
        if (fn(ctx, e)) {
            return -1;
        }
        if (i) {
            s[i - 1] = clock_now_s() - start;
        }
    }
    memcpy(sorted, s, n * sizeof *s);
    qsort(sorted, n, sizeof *sorted, by_value);
    fputs(a->header, stdout);
    a->header[0] = '\0';
    print_line(line, sorted, n, pool_size(c->pool));
    if (a->each) {
        printf("# seconds:");
        for (size_t i = 0; i < n; i++) {
            printf(" %.9f", s[i]);
        }
        printf("\n");
    }
    fflush(stdout);
    return 0;
}

/* --- the parts --- */
static const struct kind {
    const char *name;
    const char *reads[9]; /* options, beside --runs and --each */
    int (*run)(struct ctx *c, struct bench_args *a, struct err *e);
} kinds[] = {{"decode",
              {"dataset", "size", "images", "preprocess", "resize", "kernel", "decode", "range",
               "mode"},
              bench_decode},
             {"forward", {"model", "size", "batch"}, bench_forward},
             {"train", {"model", "size", "batch"}, bench_train},
             {"kernels", {"model", "size", "batch"}, bench_kernels},
             {"probe", {0}, bench_probe}};

static bool reads(const struct kind *k, const char *option)
{
    for (size_t i = 0; i < ARRAY_LEN(k->reads) && k->reads[i]; i++) {
        if (!strcmp(k->reads[i], option)) {
            return true;
        }
    }
    return !strcmp(option, "runs") || !strcmp(option, "each");
}

/* Whether the command line has it: no value of these options is 0. */
static bool given(const struct opt *o, const struct bench_args *a)
{
    const void *field = (const char *)a + o->offset;
    return o->kind == OPT_LIST   ? ((const struct texts *)field)->n > 0
           : o->kind == OPT_TEXT ? *(const char *const *)field != NULL
           : o->kind == OPT_INT  ? *(const int64_t *)field != 0
                                 : *(const bool *)field;
}

static int refuse_unread(const struct kind *k, const struct bench_args *a, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
        if (given(&opts[i], a) && !reads(k, opts[i].name)) {
            return err_set(e, ERR_USAGE, "bench %s: --%s does not apply", k->name, opts[i].name);
        }
    }
    return 0;
}

/* The part named; NULL with e set where there is none. */
static const struct kind *find_kind(const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!strcmp(name, kinds[i].name)) {
            return &kinds[i];
        }
        near_add(&near, kinds[i].name);
    }
    err_set(e, ERR_USAGE, "bench has no '%s'%s", name, near_text(&near));
    return NULL;
}

/* --- the points --- */
static int number_of(const char *text, const char *option, int64_t most, struct err *e)
{
    int64_t v;
    if (!str_to_i64(text, &v)) {
        return err_set(e, ERR_USAGE, "option '--%s': '%.60s' is not a whole number", option, text);
    }
    if (v < 1 || v > most) {
        return err_set(e, ERR_USAGE, "option '--%s': %lld is not in 1..%lld", option, (long long)v,
                       (long long)most);
    }
    return 0;
}

static int check_numbers(const struct texts *t, const char *option, int64_t most, struct err *e)
{
    for (size_t i = 0; i < t->n; i++) {
        if (number_of(t->items[i], option, most, e)) {
            return -1;
        }
    }
    return 0;
}

/* The i-th text of a checked list, 0 where there is none. */
static int64_t pick(const struct texts *t, size_t i)
{
    int64_t v = 0;
    return i < t->n && str_to_i64(t->items[i], &v) ? v : 0;
}

static size_t points(const struct kind *k, const char *option, const struct texts *t)
{
    return reads(k, option) && t->n ? t->n : 1;
}

/* All points of the axes that the part has, batches fastest. */
static int run_kind(struct ctx *c, const struct kind *k, struct bench_args *a, struct err *e)
{
    size_t models = points(k, "model", &a->models);
    size_t sizes = points(k, "size", &a->sizes);
    size_t batches = points(k, "batch", &a->batches);
    for (size_t i = 0; i < models * sizes * batches; i++) {
        size_t model = i / (sizes * batches);
        a->model = model < a->models.n ? a->models.items[model] : NULL;
        a->pp.crop = pick(&a->sizes, i / batches % sizes);
        a->batch = (size_t)pick(&a->batches, i % batches);
        if (k->run(c, a, e)) {
            return err_wrap(e, "bench %s", k->name);
        }
    }
    return 0;
}

static void make_header(const struct ctx *c, char header[BENCH_HEADER])
{
    char copy[32] = "not measured (memory limit)";
    double bytes = bench_copy(c->pool), peak = bench_peak(c->pool);
    if (bytes > 0) {
        snprintf(copy, sizeof copy, "%.1f GB/s", 1e-9 * bytes);
    }
    snprintf(header, BENCH_HEADER,
             "# %.200s; %.200s; isa %s; %zu threads; multiply-add peak %.0f GFLOP/s; copy %s; "
             "OpenBLAS %.40s; bitbench %.40s %.80s\n"
             "# operations: those of the direct convolution; without the ones for places of a "
             "kernel that see only padding\n"
             "what\tshape\tthreads\truns\tmedian_s\tbest_s\tworst_s\trate\tunit\tgflop_s\t"
             "of_peak\tgb_s\n",
             cpu_name(), build_compiler, cpu_isa(), pool_size(c->pool), 1e-9 * peak, copy,
             blas_core(), build_version, build_commit);
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    struct bench_args *a = args;
    const struct kind *one = n_words ? find_kind(words[0], e) : NULL;
    if ((n_words && (!one || refuse_unread(one, a, e))) || context_refuse_json(c, "bench", e) ||
        check_numbers(&a->sizes, "size", MAX_SIZE, e) ||
        check_numbers(&a->batches, "batch", MAX_BATCH, e) || context_compute(c, e)) {
        return -1;
    }
    make_header(c, a->header);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bool left_out = one ? one != &kinds[i]
                            : kinds[i].run == bench_kernels && c->engine == &engine_reference;
        if (!left_out && run_kind(c, &kinds[i], a, e)) {
            return -1;
        }
    }
    return EXIT_DONE;
}

const struct command command_bench = {
    .name = "bench",
    .args = "[decode | forward | train | kernels | probe] [OPTION...]",
    .help = "speed of the parts, as TSV",
    .details = "With no part named all are measured, each with the options that it reads; a part "
               "that is named\nrefuses the others. Engine reference has no kernels to measure.",
    .example = "bench decode -d fashion-mnist --size 64\n"
               "bench forward -m random:R50x1 --size 32,64 --batch 8,64",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct bench_args),
    .max_words = 1,
    .computes = true,
    .run = run,
};
