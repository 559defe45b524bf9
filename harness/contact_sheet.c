/* A contact sheet: lost images as small PNGs inside one HTML page. */
#include "harness/contact_sheet.h"
#include "harness/context.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "datasets/codec/png_write.h"
#include "datasets/source.h"
#include "datasets/transform.h"
#include "protocols/spec.h"
#include "results/compare.h"
#include "results/record.h"
#include "results/store.h"
#include "results/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_IMAGES = 60,
       SIDE = 128 }; /* pixels, at most twice that */

/* One image that was lost. */
struct lost {
    const struct compare_change *change; /* the surest */
    size_t n;                            /* cells in which it was lost */
};

static int by_place(const void *a, const void *b)
{
    const struct lost *p = a, *q = b;
    size_t x = p->change->position, y = q->change->position;
    return (x > y) - (x < y);
}

static float margin_of(const struct lost *l)
{
    return isnan(l->change->margin) ? 0 : l->change->margin;
}

static int by_loss(const void *a, const void *b)
{
    const struct lost *p = a, *q = b;
    if (p->n != q->n) {
        return p->n > q->n ? -1 : 1;
    }
    if (margin_of(p) < margin_of(q) || margin_of(p) > margin_of(q)) {
        return margin_of(p) > margin_of(q) ? -1 : 1;
    }
    return by_place(a, b);
}

/* The lost images of a set, the worst first; the caller frees *list. */
static int list_lost(const struct comparison *c, size_t set, struct lost **list, size_t *n,
                     struct err *e)
{
    struct lost *l = mem_take(c->n_changes, sizeof *l, e);
    size_t n_all = 0;
    *n = 0;
    *list = l;
    if (!l) {
        return -1;
    }
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct compare_change *change = &c->changes[i];
        if (change->set == set && change->base == change->label) {
            l[n_all++] = (struct lost){change, 1};
        }
    }
    qsort(l, n_all, sizeof *l, by_place);
    for (size_t i = 0; i < n_all; i++) {
        struct lost *last = *n ? &l[*n - 1] : NULL;
        if (!last || last->change->position != l[i].change->position) {
            l[(*n)++] = l[i];
        } else {
            last->n++;
            last->change = margin_of(&l[i]) > margin_of(last) ? l[i].change : last->change;
        }
    }
    qsort(l, *n, sizeof *l, by_loss);
    return 0;
}

/* ---- pictures ---- */

static void add_base64(struct str *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0) |
                     (i + 2 < n ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) {
            str_add_char(out, k > n - i ? '=' : digits[v >> (18 - 6 * k) & 63]);
        }
    }
}

/* Means over squares of whole pixels, so that the longer side is below 2 SIDE; the caller frees. */
static int shrink(const struct image *in, struct image *out, uint8_t **pixels, struct err *e)
{
    size_t longer = in->h > in->w ? in->h : in->w, f = longer / SIDE ? longer / SIDE : 1;
    size_t h = in->h / f ? in->h / f : 1, w = in->w / f ? in->w / f : 1;
    size_t fh = in->h < f ? in->h : f, fw = in->w < f ? in->w : f;
    *pixels = mem_take_raw(h * w, in->c, e);
    if (!*pixels) {
        return -1;
    }
    for (size_t y = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++) {
            for (size_t k = 0; k < in->c; k++) {
                size_t sum = 0;
                for (size_t i = 0; i < fh * fw; i++) {
                    size_t row = y * f + i / fw, col = x * f + i % fw;
                    sum += in->data[(row * in->w + col) * in->c + k];
                }
                (*pixels)[(y * w + x) * in->c + k] = (uint8_t)((sum + fh * fw / 2) / (fh * fw));
            }
        }
    }
    *out = (struct image){*pixels, h, w, in->c};
    return 0;
}

static int add_picture(const struct split *s, size_t position, struct str *out, struct err *e)
{
    struct sample_buf buf = {0};
    struct transform_scratch scratch = {0};
    struct sample sample;
    struct image image, small;
    uint8_t *pixels = NULL;
    unsigned char *png = NULL;
    size_t n;
    int rc = split_read(s, position, &buf, &sample, e) ||
                     decode_sample(&sample, "pil", &scratch, &image, e) ||
                     shrink(&image, &small, &pixels, e) || png_encode(&small, &png, &n, e)
                 ? -1
                 : 0;
    if (rc == 0) {
        str_add(out, "<img alt=\"\" src=\"data:image/png;base64,");
        add_base64(out, png, n);
        str_add(out, "\">");
    }
    free(png);
    free(pixels);
    free(buf.data);
    transform_scratch_release(&scratch);
    return rc;
}

/* ---- the page ---- */

static void add_class(const struct dataset *d, int32_t label, struct str *out)
{
    str_addf(out, "%d ", label);
    table_escape(out, TABLE_HTML,
                 (size_t)label < d->n_classes ? dataset_class_name(d, (size_t)label) : "");
}

/* Where in the split the image of this id is: at its position, unless the cells were reordered. */
static int find_image(const struct split *s, const struct compare_change *change, size_t *position,
                      struct err *e)
{
    char id[DATASET_ID];
    *position = change->position;
    if (*position < s->n) {
        split_id(s, *position, id);
        if (strcmp(id, change->id) == 0) {
            return 0;
        }
    }
    for (*position = 0; *position < s->n; ++*position) {
        split_id(s, *position, id);
        if (strcmp(id, change->id) == 0) {
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "image %s is not in %s of %s: other data than the cells were made "
                                 "from",
                   change->id, s->text, s->d->name);
}

static int add_image(const struct split *s, const struct lost *l, struct str *out, struct err *e)
{
    const struct compare_change *change = l->change;
    size_t position;
    if (find_image(s, change, &position, e)) {
        return -1;
    }
    str_add(out, "<figure>");
    if (add_picture(s, position, out, e)) {
        return -1;
    }
    str_add(out, "<figcaption><b>");
    add_class(s->d, change->label, out);
    str_add(out, "</b><br>now ");
    add_class(s->d, change->cand, out);
    str_addf(out, "<br>lost in %zu<br><small>", l->n);
    table_escape(out, TABLE_HTML, change->id);
    str_add(out, "</small></figcaption></figure>\n");
    return 0;
}

static const struct record *record_of(const struct record_list *base, const char *protocol)
{
    for (size_t i = 0; i < base->n; i++) {
        if (strcmp(base->records[i].protocol, protocol) == 0) {
            return &base->records[i];
        }
    }
    return NULL;
}

static int open_test(const struct ctx *c, const struct record *r, struct dataset **d,
                     struct split *s, struct err *e)
{
    struct run_spec spec;
    struct dataset_dirs where = context_dataset_dirs(c);
    where.partial = true;
    return spec_parse(&spec, r->spec, e) || dataset_open(d, spec.dataset, &where, e) ||
                   split_open(s, *d, spec.test, e)
               ? -1
               : 0;
}

static int add_set(const struct ctx *c, const struct comparison *found,
                   const struct record_list *base, size_t set, struct str *out, struct err *e)
{
    struct lost *list;
    size_t n;
    const struct record *r = record_of(base, found->protocols.items[set]);
    struct dataset *d = NULL;
    struct split s = {0};
    struct str sentence = {0};
    if (list_lost(found, set, &list, &n, e)) {
        return -1;
    }
    int rc = n && r ? open_test(c, r, &d, &s, e) : 0;
    if (rc == 0) {
        comparison_sentence(found, set, &sentence);
        str_add(out, "<h2>");
        table_escape(out, TABLE_HTML, found->sets[set].name);
        str_add(out, "</h2>\n<p>");
        table_escape(out, TABLE_HTML, str_text(&sentence));
        str_addf(out, "</p>\n<p>%zu images lost; %zu shown, those lost in most cells first, the "
                      "surest mistakes before others.</p>\n<div>\n",
                 n, n < MOST_IMAGES ? n : MOST_IMAGES);
    }
    for (size_t i = 0; i < n && i < MOST_IMAGES && rc == 0; i++) {
        rc = add_image(&s, &list[i], out, e);
    }
    str_add(out, "</div>\n");
    str_release(&sentence);
    split_close(&s);
    dataset_close(d);
    free(list);
    return rc;
}

int contact_sheet_write(const struct ctx *c, const struct comparison *found,
                        const struct record_list *base, const char *path, struct err *e)
{
    struct str out = {0};
    str_add(&out, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Lost "
                  "images</title>\n<style>body{font:15px sans-serif;margin:2em}"
                  "div{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0;width:130px}"
                  "img{max-width:128px;min-width:64px;image-rendering:pixelated}"
                  "small{color:#555;overflow-wrap:anywhere}</style>\n<h1>Images that the "
                  "candidate lost</h1>\n<p>base: ");
    table_escape(&out, TABLE_HTML, found->base);
    str_add(&out, "<br>candidate: ");
    table_escape(&out, TABLE_HTML, found->cand);
    str_add(&out, "</p>\n");
    int rc = 0;
    for (size_t i = 0; i < found->n && rc == 0; i++) {
        rc = add_set(c, found, base, i, &out, e);
    }
    str_add(&out, "</html>\n");
    if (rc == 0 && str_check(&out, e) == 0) {
        rc = file_write(path, str_text(&out), out.len, e);
        note(NOTE_INFO, "%s", path);
    } else {
        rc = -1;
    }
    str_release(&out);
    return rc;
}
