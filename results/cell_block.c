/* The 512 bytes of text in front of a cell's HDF5 image: enough to list a run directory, to find
 * stale cells and to see a cut file without reading the rest. */
#include "results/cell.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"

/* How much of a signature goes into room bytes: whole characters of UTF-8. */
static size_t cut_length(const char *signature, size_t room)
{
    size_t n = room;
    while (n && ((unsigned char)signature[n] & 0xc0) == 0x80) {
        n--;
    }
    return n;
}

void cell_made_text(const struct made *m, char out[CELL_MADE])
{
    snprintf(out, CELL_MADE, "numeric=%s isa=%s blas=%s model=%s data=%s", m->numeric_id, m->isa,
             m->blas_core, m->model, m->data);
}

void cell_block_print(const struct cell_block *b, unsigned char out[CELL_BLOCK])
{
    static const char dots[] = "...";
    char head[160], tail[192], made[CELL_MADE];
    cell_made_text(&b->made, made);
    int n_head = snprintf(head, sizeof head, "bitbench-cell %d %s %s %s ", CELL_FORMAT,
                          cell_status_text(b->status), b->run_id, b->sha256);
    int n_tail = snprintf(tail, sizeof tail, "\nmade %s\nbytes %llu\n", made,
                          (unsigned long long)b->n_bytes);
    assert(n_head > 0 && (size_t)n_head < sizeof head);
    assert(n_tail > 0 && (size_t)n_tail < sizeof tail);
    size_t room = CELL_BLOCK - 1 - (size_t)n_head - (size_t)n_tail, n = strlen(b->signature);
    bool cut = n > room;
    if (cut) {
        n = cut_length(b->signature, room - strlen(dots));
    }
    unsigned char *at = out;
    memset(out, ' ', CELL_BLOCK);
    memcpy(at, head, (size_t)n_head);
    at += n_head;
    memcpy(at, b->signature, n);
    at += n;
    if (cut) {
        memcpy(at, dots, strlen(dots));
        at += strlen(dots);
    }
    memcpy(at, tail, (size_t)n_tail);
    out[CELL_BLOCK - 1] = '\n';
}

static bool take_text(const char **at, const char *text)
{
    bool there = str_starts(*at, text);
    *at += there ? strlen(text) : 0;
    return there;
}

/* The bytes up to end, which is passed over, into out. */
static bool take_until(const char **at, char end, char *out, size_t cap)
{
    const char *stop = strchr(*at, end);
    if (!stop || (size_t)(stop - *at) >= cap) {
        return false;
    }
    memcpy(out, *at, (size_t)(stop - *at));
    out[stop - *at] = '\0';
    *at = stop + 1;
    return true;
}

static bool take_made(const char **at, struct made *m)
{
    return take_text(at, "made numeric=") &&
           take_until(at, ' ', m->numeric_id, sizeof m->numeric_id) &&
           take_text(at, "isa=") && take_until(at, ' ', m->isa, sizeof m->isa) &&
           take_text(at, "blas=") && take_until(at, ' ', m->blas_core, sizeof m->blas_core) &&
           take_text(at, "model=") && take_until(at, ' ', m->model, sizeof m->model) &&
           take_text(at, "data=") && take_until(at, '\n', m->data, sizeof m->data);
}

static bool is_hex(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

bool cell_is_run_id(const char *text)
{
    return is_hex(text, RUN_ID - 1);
}

int cell_block_parse(struct cell_block *b, const unsigned char *bytes, uint64_t n_file,
                     struct err *e)
{
    char text[CELL_BLOCK + 1] = {0}, word[32];
    *b = (struct cell_block){0};
    memcpy(text, bytes, n_file < CELL_BLOCK ? (size_t)n_file : CELL_BLOCK);
    const char *at = text;
    uint64_t format;
    if (!take_text(&at, "bitbench-cell ") || !take_until(&at, ' ', word, sizeof word) ||
        !str_to_u64(word, &format)) {
        return err_set(e, ERR_FORMAT, "not a cell: it does not begin with \"bitbench-cell\"");
    }
    if (format != CELL_FORMAT) {
        return err_set(e, ERR_FORMAT, "cell format %s: this program reads %d", word, CELL_FORMAT);
    }
    if (n_file < CELL_BLOCK) {
        return err_set(e, ERR_FORMAT, "cut short: %llu bytes, the text block alone has %d",
                       (unsigned long long)n_file, CELL_BLOCK);
    }
    bool ok = take_until(&at, ' ', word, sizeof word) && cell_status_parse(word, &b->status) &&
              take_until(&at, ' ', b->run_id, sizeof b->run_id) && cell_is_run_id(b->run_id) &&
              take_until(&at, ' ', b->sha256, sizeof b->sha256) &&
              is_hex(b->sha256, HASH_SHA256_HEX - 1) &&
              take_until(&at, '\n', b->signature, sizeof b->signature) &&
              take_made(&at, &b->made) &&
              take_text(&at, "bytes ") && take_until(&at, '\n', word, sizeof word) &&
              str_to_u64(word, &b->n_bytes);
    unsigned char again[CELL_BLOCK];
    if (ok) {
        cell_block_print(b, again);
    }
    if (!ok || memcmp(again, bytes, CELL_BLOCK) != 0) {
        return err_set(e, ERR_FORMAT, "the text block (first %d bytes) is damaged", CELL_BLOCK);
    }
    if (b->n_bytes != n_file) {
        return err_set(e, ERR_FORMAT, "%llu bytes long, its text block says %llu",
                       (unsigned long long)n_file, (unsigned long long)b->n_bytes);
    }
    return 0;
}
