/* pack: run directories as one file. */
#include "harness/command.h"
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "results/pack.h"
#include "results/store.h"
#include <stdlib.h>
#include <string.h>

struct pack_args {
    const char *output, *outcomes;
    bool force;
};
static const struct opt opts[] = {
    {"output", 'o', OPT_TEXT, offsetof(struct pack_args, output), "FILE",
     "where it goes (required)", 0, 0},
    {"outcomes", 0, OPT_TEXT, offsetof(struct pack_args, outcomes), "full|pred",
     "of every test image all that is stored, or label and\nprediction only: enough to compare "
     "(full)",
     0, 0},
    FORCE_OPT(pack_args, force),
};

static int by_id(const void *key, const void *head)
{
    return strcmp(key, ((const struct cell_head *)head)->run_id);
}

/* What made the cells of these records, from the lists of the directories. */
static int find_made(struct pack *p, char **dirs, size_t n_dirs, struct err *e)
{
    p->made = mem_take(p->n, sizeof *p->made, e);
    int rc = p->made ? 0 : -1;
    for (size_t d = 0; d < n_dirs && rc == 0; d++) {
        struct cell_list l;
        rc = store_list(&l, dirs[d], false, e);
        for (size_t i = 0; i < p->n && rc == 0; i++) {
            const struct cell_head *head =
                bsearch(p->records[i].run_id, l.heads, l.n, sizeof *l.heads, by_id);
            if (head) {
                p->made[i] = head->made;
            }
        }
        if (rc == 0) {
            cell_list_release(&l);
        }
    }
    return rc;
}

/* The run file of a single directory, where there is one. */
static int add_run_file(struct pack *p, const char *dir, struct err *e)
{
    char path[4096];
    unsigned char *text;
    size_t n;
    struct pack old;
    struct err ignored = {0};
    if (pack_is(dir)) {
        if (pack_read(&old, dir, false, e)) {
            return -1;
        }
        p->run_yaml = old.run_yaml;
        old.run_yaml = NULL;
        pack_release(&old);
    } else if (file_join(path, sizeof path, dir, "run.yaml", &ignored) == 0 &&
               file_read(path, 1 << 20, &text, &n, &ignored) == 0) {
        p->run_yaml = (char *)text;
    }
    return 0;
}

static int check_args(const struct pack_args *a, bool *full, struct err *e)
{
    *full = !a->outcomes || strcmp(a->outcomes, "full") == 0;
    if (!a->output) {
        return err_set(e, ERR_USAGE, "pack: -o FILE is required");
    }
    if (!*full && strcmp(a->outcomes, "pred") != 0) {
        return err_set(e, ERR_USAGE, "--outcomes: '%s' is neither full nor pred", a->outcomes);
    }
    return output_check(a->output, a->force, e);
}

static int run(struct ctx *c, void *args, char **words, size_t n_words, struct err *e)
{
    (void)c;
    const struct pack_args *a = args;
    struct record_list l = {0};
    struct pack p = {0};
    unsigned char *bytes = NULL;
    size_t n_damaged, n;
    char size[16];
    if (check_args(a, &p.full, e) ||
        store_load(&l, (const char *const *)words, n_words, true, &n_damaged, e)) {
        return -1;
    }
    int rc = 0;
    if (n_damaged) {
        rc = err_set(e, ERR_FORMAT,
                     "%zu damaged cells, nothing packed (see `bitbench results check`)", n_damaged);
    }
    p.records = l.records;
    p.n = l.n;
    if (rc == 0 && find_made(&p, words, n_words, e) == 0 &&
        store_plan_join(&p.plan, (const char *const *)words, n_words, e) == 0 &&
        (n_words > 1 || add_run_file(&p, words[0], e) == 0) &&
        pack_encode(&p, &bytes, &n, e) == 0) {
        rc = file_write(a->output, bytes, n, e);
        note(NOTE_INFO, "%s: %zu cells, %s", a->output, l.n, str_bytes(size, n));
    } else {
        rc = -1;
    }
    free(bytes);
    p.records = NULL; /* they are the list's */
    p.n = 0;
    pack_release(&p);
    record_list_release(&l);
    return rc;
}

const struct command command_pack = {
    .name = "pack",
    .args = "DIR... -o F.h5 [--outcomes full|pred] [--force]",
    .help = "run directories as one file, for a baseline kept in git",
    .details =
        "Whatever reads a run directory (report, plot, compare, status, history) reads a pack.\n"
        "Ids and labels are stored once a test set, so that with --outcomes pred a cell of\n"
        "10,000 test images takes about 6 to 15 KB. A pack is HDF5 behind 512 bytes of text.",
    .example = "pack runs/main -o baseline.h5 --outcomes pred\ncompare baseline.h5 runs/now",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .opts_bytes = sizeof(struct pack_args),
    .min_words = 1,
    .max_words = 10000,
    .run = run,
};
