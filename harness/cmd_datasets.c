/* datasets: what is known, what is here, ids in canonical order, a check of every image. */
#include "harness/command.h"
#include "harness/datasets_get.h"
#include "harness/datasets_verify.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "datasets/codec/png_write.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "results/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct datasets_args {
    const char *output, *decode;
    int64_t most;
    bool force;
    struct datasets_get_args get;
};
static const struct opt opts[] = {
    {"output", 'o', OPT_TEXT, offsetof(struct datasets_args, output), "F.png",
     "pixels: also write the decoded image", 0, 0},
    FORCE_OPT(datasets_args, force),
    {"decode", 0, OPT_TEXT, offsetof(struct datasets_args, decode), "NAME",
     "pixels, verify: decoder of images: pil (default), tf, cv...", 0, 0},
    {"most", 0, OPT_INT, offsetof(struct datasets_args, most), "N",
     "verify: list at most N images of a kind (20)", 1, 1000000},
    {"to", 0, OPT_TEXT, offsetof(struct datasets_args, get.to), "DIR",
     "fetch, prepare: into this folder (the data folder)", 0, 0},
    {"dry-run", 0, OPT_FLAG, offsetof(struct datasets_args, get.dry_run), NULL,
     "fetch, prepare: only say what would be done", 0, 0},
    {"mirror", 0, OPT_TEXT, offsetof(struct datasets_args, get.mirror), "URL",
     "fetch: from URL/FILE instead of the official address", 0, 0},
    {"stall", 0, OPT_INT, offsetof(struct datasets_args, get.stall_s), "S",
     "fetch: seconds below 1 KiB/s before a new try (60)", 1, 3600},
    {"tries", 0, OPT_INT, offsetof(struct datasets_args, get.tries), "N",
     "fetch: tries without a new byte before giving up (5)", 1, 1000},
};

/* The official number of images of a split, where the data set has it. */
static int set_count(struct table *t, size_t row, size_t col, const struct dataset_desc *d,
                     const char *split, struct err *e)
{
    for (size_t i = 0; i < d->n_splits; i++) {
        if (!strcmp(d->splits[i].name, split)) {
            return table_setf(t, row, col, e, "%zu", split_desc_count(&d->splits[i], d->official));
        }
    }
    return 0;
}

/* What of an opened set is here, where it is not all. */
static void note_counts(const struct dataset *d, struct str *out)
{
    bool first = true;
    for (size_t s = 0; s < d->desc->n_source_splits; s++) {
        if (d->n[s] < d->desc->official[s]) {
            str_addf(out, "%s%zu of %zu images in %s", first ? "" : ", ", d->n[s],
                     d->desc->official[s], d->desc->salts[s]);
            first = false;
        }
    }
}

/* How a set that was opened is here: from its own archive, or from what TFDS prepared of it. */
static const char *here_word(const struct dataset *d)
{
    bool prepared = d->source != d->desc->source;
    return d->partial ? prepared ? "partly (tfds)" : "partly" : prepared ? "yes (tfds)"
                                                                         : "yes";
}

/* One row: whether the set is here, where, and what is missing or wrong and how to get it. */
static int list_row(const struct ctx *c, struct table *t, const struct dataset_desc *desc,
                    struct err *e)
{
    struct dataset_dirs dirs = context_dataset_dirs(c);
    struct dataset *d = NULL;
    struct err why = {0};
    struct str remark = {0};
    const char *here = "-", *place = "";
    size_t i = t->n_rows;
    dirs.partial = true;
    if (desc->n_classes && !dataset_open(&d, desc->name, &dirs, &why)) {
        here = here_word(d);
        place = dataset_where(d);
        note_counts(d, &remark);
    } else if (desc->n_classes) {
        char prefix[96];
        size_t n = (size_t)snprintf(prefix, sizeof prefix, "data set %s: ", desc->name);
        here = why.code == ERR_ABSENT ? "no" : "unusable";
        str_add(&remark, why.text + (str_starts(why.text, prefix) ? n : 0));
        if (!strstr(why.text, desc->how_to_get)) {
            str_addf(&remark, "; %s", desc->how_to_get);
        }
    } else {
        str_add(&remark, desc->how_to_get);
    }
    int rc = str_check(&remark, e) || table_row(t, e) || table_set(t, i, 0, desc->name, e) ||
                     (desc->n_classes && (table_setf(t, i, 1, e, "%zu", desc->n_classes) ||
                                          set_count(t, i, 2, desc, "trainval", e) ||
                                          set_count(t, i, 3, desc, "test", e))) ||
                     table_set(t, i, 4, here, e) || table_set(t, i, 5, desc->title, e) ||
                     table_set(t, i, 6, place, e) || table_set(t, i, 7, str_text(&remark), e)
                 ? -1
                 : 0;
    str_release(&remark);
    dataset_close(d);
    return rc;
}

enum { LIST_SHORT = 6 }; /* columns that fit a line */

/* As text a table that fits the screen, and below it a line for each remark. */
static int print_list(const struct ctx *c, const struct table *t, struct err *e)
{
    struct table narrow = {0};
    int rc = table_init(&narrow, LIST_SHORT, e);
    for (size_t k = 0; k < LIST_SHORT && !rc; k++) {
        rc = table_head(&narrow, k, t->heads[k], t->right[k], e);
    }
    for (size_t i = 0; i < t->n_rows && !rc; i++) {
        rc = table_row(&narrow, e);
        for (size_t k = 0; k < LIST_SHORT && !rc; k++) {
            rc = table_set(&narrow, i, k, table_get(t, i, k), e);
        }
    }
    rc = rc ? rc : context_print(c, &narrow, e);
    table_release(&narrow);
    for (size_t i = 0; i < t->n_rows && !rc; i++) {
        const char *place = table_get(t, i, 6), *remark = table_get(t, i, 7);
        if (*place || *remark) {
            printf("%s%s: %s%s%s\n", i ? "" : "\n", table_get(t, i, 0), place,
                   *place && *remark ? ": " : "", remark);
        }
    }
    return rc;
}

static int list(struct ctx *c, void *args, char **words, struct err *e)
{
    (void)args;
    (void)words;
    static const char *const names[] = {"name", ">classes", ">trainval", ">test",
                                        "here", "title", "where", "remark"};
    struct table t;
    if (table_heads(&t, names, ARRAY_LEN(names), e)) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < datasets_n && !rc; i++) {
        rc = list_row(c, &t, datasets[i], e);
    }
    if (!rc) {
        rc = c->g.json ? context_print(c, &t, e) : print_list(c, &t, e);
    }
    table_release(&t);
    return rc;
}

static int open_named(const struct ctx *c, const char *name, struct dataset **d, struct err *e)
{
    struct dataset_dirs where = context_dataset_dirs(c);
    return dataset_open(d, name, &where, e);
}

/* Description, splits and where it lies. */
static int show(struct ctx *c, void *args, char **words, struct err *e)
{
    (void)args;
    const char *name = words[0];
    static const char *const names[] = {"split", ">images", ">official"};
    const struct dataset_desc *desc = dataset_find(name, e);
    struct dataset *d = NULL;
    struct err why = {0};
    struct table t;
    if (!desc) {
        return -1;
    }
    bool here = open_named(c, name, &d, &why) == 0;
    if (!c->g.json) {
        printf("%s\n%s\nLicence: %s\n%s\n", desc->title, desc->citation, desc->licence,
               here ? "" : desc->how_to_get);
    }
    if (!here) {
        err_set(e, why.code, "%s", why.text);
        return -1;
    }
    if (table_heads(&t, names, ARRAY_LEN(names), e)) {
        dataset_close(d);
        return -1;
    }
    int status = 0;
    for (size_t i = 0; i < d->n_splits && status == 0; i++) {
        struct split s = {0};
        if (split_open(&s, d, d->splits[i].name, &why)) {
            continue; /* nothing in it here */
        }
        size_t row = t.n_rows;
        status = table_row(&t, e) || table_set(&t, row, 0, d->splits[i].name, e) ||
                         table_setf(&t, row, 1, e, "%zu", s.n) ||
                         (s.official_n && table_setf(&t, row, 2, e, "%zu", s.official_n))
                     ? -1
                     : 0;
        split_close(&s);
    }
    if (status == 0 && !c->g.json) {
        printf("At %s%s, %zu classes", dataset_where(d),
               d->source != desc->source ? " (prepared by TFDS)" : "", d->n_classes);
        if (desc->h) {
            printf(", %zux%zu px", desc->w, desc->h);
        }
        printf("\nFingerprint %s\n\n", d->fingerprint);
    }
    if (status == 0) {
        status = context_print(c, &t, e);
    }
    table_release(&t);
    dataset_close(d);
    return status;
}

static int ids(struct ctx *c, void *args, char **words, struct err *e)
{
    (void)args;
    const char *name = words[0], *split = words[1];
    if (context_refuse_json(c, "datasets ids", e)) {
        return -1;
    }
    struct dataset *d = NULL;
    struct split s = {0};
    int status = open_named(c, name, &d, e);
    if (status == 0) {
        status = split_open(&s, d, split, e);
    }
    for (size_t i = 0; status == 0 && i < s.n; i++) {
        char id[DATASET_ID];
        split_id(&s, i, id);
        printf("%zu\t%s\t%d\n", i, id, s.label[i]);
    }
    split_close(&s);
    dataset_close(d);
    return status;
}

/* The decoder that was asked for, or NULL with e set. */
static const char *decoder(const struct datasets_args *a, struct err *e)
{
    const char *name = a->decode ? a->decode : "pil";
    return decode_check(name, e) ? NULL : name;
}

static int pixels(struct ctx *c, void *args, char **words, struct err *e)
{
    const struct datasets_args *a = args;
    struct dataset *d = NULL;
    struct split s = {0};
    struct sample_buf buf = {0};
    struct transform_scratch scratch = {0};
    struct sample sample;
    struct image image;
    uint64_t i;
    char hex[HASH_SHA256_HEX], id[DATASET_ID];
    const char *decode = decoder(a, e);
    int status = -1;
    if (!decode || output_check(a->output, a->force, e) ||
        context_refuse_json(c, "datasets pixels", e)) {
        return -1;
    }
    if (open_named(c, words[0], &d, e) || split_open(&s, d, words[1], e)) {
        goto out;
    }
    if (!str_to_u64(words[2], &i) || i >= s.n) {
        err_set(e, ERR_USAGE, "'%s' is no position in 0..%zu of %s", words[2], s.n - 1, words[1]);
        goto out;
    }
    if (split_read(&s, (size_t)i, &buf, &sample, e) ||
        decode_sample(&sample, decode, &scratch, &image, e)) {
        goto out;
    }
    sha256_hex(image.data, image.h * image.w * image.c, hex);
    split_id(&s, (size_t)i, id);
    printf("%s\t%d\t%zux%zux%zu\t%s\n", id, s.label[i], image.h, image.w, image.c, hex);
    status = a->output ? png_write(a->output, &image, e) : 0;
out:
    transform_scratch_release(&scratch);
    free(buf.data);
    split_close(&s);
    dataset_close(d);
    return status;
}

static int verify(struct ctx *c, void *args, char **words, struct err *e)
{
    const struct datasets_args *a = args;
    const char *decode = decoder(a, e);
    size_t most = a->most ? (size_t)a->most : 20;
    return decode ? datasets_verify(c, words[0], decode, most, e) : -1;
}

static int fetch(struct ctx *c, void *args, char **words, struct err *e)
{
    return datasets_fetch(c, words[0], &((const struct datasets_args *)args)->get, e);
}

static int prepare(struct ctx *c, void *args, char **words, struct err *e)
{
    return datasets_prepare(c, words[0], &((const struct datasets_args *)args)->get, e);
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    static const struct subcommand rows[] = {
        {"list", 0, list},
        {"show", 1, show},
        {"verify", 1, verify},
        {"ids", 2, ids},
        {"pixels", 3, pixels},
        {"fetch", 1, fetch},
        {"prepare", 1, prepare},
    };
    return subcommand_run("datasets", rows, ARRAY_LEN(rows), c, args, words, n_words, e);
}

const struct command command_datasets = {
    .name = "datasets",
    .args = "[list | show NAME | fetch NAME | prepare NAME | verify NAME | ids NAME SPLIT | "
            "pixels NAME SPLIT I]",
    .help = "data sets: what is known and here, getting them, ids, checks",
    .details = "fetch gets the official files, resumes, and verifies size and SHA-256; where an\n"
               "account is needed it says what to do (exit 1).\n"
               "prepare unpacks once what cannot be read in place quickly; run again, it goes on.\n"
               "ids prints position, id and label, tab separated, in canonical order.\n"
               "pixels prints id, label, shape and SHA-256 of the decoded image.\n"
               "verify reads every image: counts, classes and ids of each split against known\n"
               "values (PASS or FAIL), labels, sizes, broken, odd, equal and nearly equal images.\n"
               "Exit 0 for a whole copy, 1 for one that is not, 2 where none can be opened.",
    .example = "datasets\ndatasets ids fashion-mnist 'train[:10]'",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct datasets_args),
    .max_words = 4,
    .run = run,
};
