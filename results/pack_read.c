/* Reading packs. As with cells, block, length and hash are checked before libhdf5 sees a byte, and
 * every array is held against the others before a record is made of it. */
#include "results/pack_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/h5.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"

static const char magic[] = "bitbench-pack ";
#define PACK_MOST ((size_t)4 << 30)

/* ---- the block ---- */

void pack_block_print(const struct pack_block *b, unsigned char out[CELL_BLOCK])
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s%d %s %llu %s\nbytes %llu\n", magic, PACK_FORMAT,
                     b->full ? "full" : "pred", (unsigned long long)b->n_cells, b->sha256,
                     (unsigned long long)b->n_bytes);
    memset(out, ' ', CELL_BLOCK);
    memcpy(out, text, (size_t)n);
    out[CELL_BLOCK - 1] = '\n';
}

int pack_block_parse(struct pack_block *b, const unsigned char *bytes, size_t n_file,
                     struct err *e)
{
    char text[CELL_BLOCK + 1] = {0}, outcomes[8], sha256[HASH_SHA256_HEX];
    unsigned char again[CELL_BLOCK];
    unsigned long long n_cells, n_bytes;
    int format;
    memcpy(text, bytes, n_file < CELL_BLOCK ? n_file : CELL_BLOCK);
    if (!str_starts(text, magic) || sscanf(text + strlen(magic), "%9d", &format) != 1) {
        return err_set(e, ERR_FORMAT, "not a pack: it does not begin with \"bitbench-pack\"");
    }
    if (format != PACK_FORMAT) {
        return err_set(e, ERR_FORMAT, "pack format %d: this program reads %d", format, PACK_FORMAT);
    }
    if (n_file < CELL_BLOCK) {
        return err_set(e, ERR_FORMAT, "cut short: %zu bytes, the text block alone has %d", n_file,
                       CELL_BLOCK);
    }
    *b = (struct pack_block){0};
    bool ok = sscanf(text + strlen(magic), "%*d %7s %19llu %64[0-9a-f] bytes %19llu", outcomes,
                     &n_cells, sha256, &n_bytes) == 4;
    if (ok) {
        b->full = strcmp(outcomes, "full") == 0;
        b->n_cells = n_cells;
        b->n_bytes = n_bytes;
        memcpy(b->sha256, sha256, sizeof b->sha256);
        pack_block_print(b, again);
    }
    if (!ok || memcmp(again, bytes, CELL_BLOCK) != 0) {
        return err_set(e, ERR_FORMAT, "the text block (first %d bytes) is damaged", CELL_BLOCK);
    }
    if (b->n_bytes != n_file) {
        return err_set(e, ERR_FORMAT, "%zu bytes long, its text block says %llu", n_file, n_bytes);
    }
    return 0;
}

/* ---- cells ---- */

static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (*text == '\\' && text[1]) {
            text++;
            *to++ = *text == 't' ? '\t' : *text == 'n' ? '\n'
                                                       : *text;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

typedef int line_fn(struct record *r, struct pairs *p, const char *key, const char *value,
                    struct err *e);

static int add_pair(struct record *r, struct pairs *p, const char *key, const char *value,
                    struct err *e)
{
    (void)r;
    return pairs_set(p, key, value, e);
}

static int add_metric(struct record *r, struct pairs *p, const char *key, const char *value,
                      struct err *e)
{
    (void)p;
    int64_t whole = 0;
    char *end;
    double real = strtod(value, &end); /* nan and inf too */
    bool is_whole = str_to_i64(value, &whole);
    bool exact = whole <= INT64_C(1) << 53 && whole >= -(INT64_C(1) << 53);
    if (!*key || strlen(key) >= sizeof r->metrics->name || *end || end == value ||
        (is_whole && !exact)) {
        return err_set(e, ERR_FORMAT, "metric %.64s: %.64s", key, value);
    }
    return record_metric(r, key, is_whole ? (double)whole : real, is_whole, e);
}

/* Lines KEY <TAB> VALUE; text is written over. */
static int read_lines(char *text, line_fn *add, struct record *r, struct pairs *p, struct err *e)
{
    while (*text) {
        char *end = strchr(text, '\n'), *tab = strchr(text, '\t');
        if (!end || !tab || tab > end) {
            return err_set(e, ERR_FORMAT, "a line without tab or end");
        }
        *end = *tab = '\0';
        unescape(text);
        unescape(tab + 1);
        if (add(r, p, text, tab + 1, e)) {
            return -1;
        }
        text = end + 1;
    }
    return 0;
}

int pack_copy_text(char *out, size_t cap, const char *text, struct err *e)
{
    if (strlen(text) >= cap) {
        return err_set(e, ERR_FORMAT, "%zu bytes, the limit is %zu", strlen(text), cap - 1);
    }
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int read_made(struct made *m, const char *text, struct err *e)
{
    char again[CELL_MADE];
    *m = (struct made){0};
    /* fields may be empty, so each is read up to the next space */
    const char *const heads[] = {"numeric=", "isa=", "blas=", "model=", "data="};
    char *const fields[] = {m->numeric_id, m->isa, m->blas_core, m->model, m->data};
    const size_t caps[] = {sizeof m->numeric_id, sizeof m->isa, sizeof m->blas_core,
                           sizeof m->model, sizeof m->data};
    const char *at = text;
    for (size_t i = 0; i < 5 && str_starts(at, heads[i]); i++) {
        at += strlen(heads[i]);
        size_t n = strcspn(at, " ");
        if (n >= caps[i]) {
            break;
        }
        memcpy(fields[i], at, n);
        at += n + (at[n] == ' ');
    }
    cell_made_text(m, again);
    return strcmp(again, text) == 0 ? 0 : err_set(e, ERR_FORMAT, "'%.80s'", text);
}

static int read_cell(struct pack_reader *in, size_t i, enum pack_column column, char *text,
                     struct err *e)
{
    struct record *r = &in->p->records[i];
    switch (column) {
    case PACK_RUN_ID:
        return pack_copy_text(r->run_id, sizeof r->run_id, text, e);
    case PACK_STATUS:
        return cell_status_parse(text, &r->status) ? 0 : err_set(e, ERR_FORMAT, "'%.40s'", text);
    case PACK_MESSAGE:
        return pack_copy_text(r->message, sizeof r->message, text, e);
    case PACK_SIGNATURE:
        return signature_parse(r, text, e);
    case PACK_MADE:
        return read_made(&in->p->made[i], text, e);
    case PACK_SPEC:
        r->spec = mem_strdup(text, e);
        return r->spec ? 0 : -1;
    case PACK_MARGIN_UNIT:
        return pack_copy_text(r->outcomes.margin_unit, sizeof r->outcomes.margin_unit, text, e);
    case PACK_KNOBS:
        return read_lines(text, add_pair, r, &r->knobs, e);
    case PACK_PROVENANCE:
        return read_lines(text, add_pair, r, &r->provenance, e);
    case PACK_LABELS:
        return read_lines(text, add_pair, r, &r->labels, e);
    case PACK_METRICS:
        return read_lines(text, add_metric, r, NULL, e);
    case PACK_COLUMNS:
        break;
    }
    return -1;
}

static int get_columns(struct pack_reader *in, struct err *e)
{
    for (size_t k = 0; k < PACK_COLUMNS; k++) {
        char *block;
        size_t stride;
        int rc = pack_texts(in, pack_columns[k], in->p->n, &block, &stride, e);
        for (size_t i = 0; i < in->p->n && rc == 0; i++) {
            rc = read_cell(in, i, (enum pack_column)k, block + i * stride, e);
            if (rc) {
                err_wrap(e, "%s: %s: cell %zu", in->name, pack_columns[k], i);
            }
        }
        free(block);
        if (rc) {
            return -1;
        }
    }
    return 0;
}

/* ---- the whole ---- */

static int get_plan(struct pack_reader *in, struct err *e)
{
    struct plan_list *plan = &in->p->plan;
    char *ids = NULL, *specs = NULL;
    size_t n, id_stride, spec_stride;
    if (!h5_has(in->h, "/plan/run_id")) {
        return 0;
    }
    int rc = pack_length(in, "/plan/run_id", &n, e) ||
                     pack_texts(in, "/plan/run_id", n, &ids, &id_stride, e) ||
                     pack_texts(in, "/plan/spec", n, &specs, &spec_stride, e)
                 ? -1
                 : 0;
    plan->entries = rc ? NULL : mem_take(n, sizeof *plan->entries, e);
    rc = plan->entries ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct plan_entry *entry = &plan->entries[i];
        const char *id = ids + i * id_stride;
        if (!cell_is_run_id(id)) {
            rc = pack_wrong(in, "/plan/run_id", "no run id", e);
            break;
        }
        memcpy(entry->run_id, id, RUN_ID);
        entry->spec = mem_strdup(specs + i * spec_stride, e);
        plan->n += entry->spec != NULL;
        rc = entry->spec ? 0 : -1;
    }
    free(ids);
    free(specs);
    return rc;
}

/* Counts and ranks that go together, as in a cell; what a pack leaves out does not count. */
static int check_records(const struct pack_reader *in, struct err *e)
{
    for (size_t i = 0; i < in->p->n; i++) {
        if (cell_check_as(&in->p->records[i], CELL_PRED, e)) {
            return err_wrap(e, "%s: cell %zu", in->name, i);
        }
    }
    return 0;
}

static int get_pack(struct pack_reader *in, const struct pack_block *b, bool with_outcomes,
                    struct err *e)
{
    struct pack *p = in->p;
    int64_t format;
    size_t n_cells;
    if (h5_read_attr_i64(in->h, "/", "format", &format, e)) {
        return -1;
    }
    if (format != PACK_FORMAT) {
        return err_set(e, ERR_FORMAT, "%s: pack format %lld: this program reads %d", in->name,
                       (long long)format, PACK_FORMAT);
    }
    if (pack_length(in, pack_columns[PACK_RUN_ID], &n_cells, e)) {
        return -1;
    }
    if (n_cells != b->n_cells) {
        return pack_wrong(in, "the text block", "another number of cells than the rest", e);
    }
    p->full = b->full;
    p->records = mem_take(n_cells, sizeof *p->records, e);
    p->made = mem_take(n_cells, sizeof *p->made, e);
    if (!p->records || !p->made) {
        return -1;
    }
    p->n = n_cells;
    if (get_columns(in, e) || (with_outcomes && pack_get_sets(in, e)) || pack_get_lists(in, e) ||
        get_plan(in, e) || check_records(in, e)) {
        return -1;
    }
    return h5_has(in->h, "/run_yaml") ? h5_read_text(in->h, "/run_yaml", &p->run_yaml, e) : 0;
}

int pack_decode(struct pack *p, const unsigned char *bytes, size_t n, const char *name,
                bool with_outcomes, struct err *e)
{
    struct pack_block block;
    struct pack_reader in = {.name = name, .p = p};
    char sha[HASH_SHA256_HEX];
    *p = (struct pack){0};
    if (pack_block_parse(&block, bytes, n, e)) {
        return err_wrap(e, "%s", name);
    }
    sha256_hex(bytes + CELL_BLOCK, n - CELL_BLOCK, sha);
    if (strcmp(sha, block.sha256) != 0) {
        return err_set(e, ERR_FORMAT,
                       "%s: damaged: SHA-256 of the bytes behind the text block is %.16s..., the "
                       "block says %.16s...",
                       name, sha, block.sha256);
    }
    if (h5_open(&in.h, bytes, n, name, e)) {
        return -1;
    }
    int rc = get_pack(&in, &block, with_outcomes, e);
    if (h5_close(in.h, rc ? NULL : e)) {
        rc = -1;
    }
    if (rc) {
        pack_release(p);
    }
    return rc;
}

int pack_read(struct pack *p, const char *path, bool with_outcomes, struct err *e)
{
    unsigned char *bytes;
    size_t n;
    *p = (struct pack){0};
    if (file_read(path, PACK_MOST, &bytes, &n, e)) {
        return -1;
    }
    int rc = pack_decode(p, bytes, n, path, with_outcomes, e);
    free(bytes);
    return rc;
}

bool pack_is(const char *path)
{
    char start[sizeof magic - 1];
    uint64_t size;
    struct err ignored = {0};
    int fd = file_open(path, &size, &ignored);
    if (fd < 0) {
        return false;
    }
    bool is = size >= sizeof start &&
              file_pread(fd, start, sizeof start, 0, path, &ignored) == 0 &&
              memcmp(start, magic, sizeof start) == 0;
    close(fd);
    return is;
}

bool pack_split_path(const char *path, char *file, size_t cap, char run_id[RUN_ID])
{
    const char *colon = strrchr(path, ':');
    if (!colon || !cell_is_run_id(colon + 1) || (size_t)(colon - path) >= cap ||
        file_exists(path)) {
        return false;
    }
    memcpy(file, path, (size_t)(colon - path));
    file[colon - path] = '\0';
    memcpy(run_id, colon + 1, RUN_ID);
    return pack_is(file);
}
