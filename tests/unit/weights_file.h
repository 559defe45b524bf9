/* Weight files for tests, written here and not by the program: every tensor of a network with
 * values that all types hold exactly, in any layout, with one thing made wrong if wanted. In the
 * header because a test program is built from one source file. */
#ifndef BITBENCH_TESTS_UNIT_WEIGHTS_FILE_H
#define BITBENCH_TESTS_UNIT_WEIGHTS_FILE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "models/weights.h"

enum item_type { ITEM_F32,
                 ITEM_F16,
                 ITEM_BF16,
                 ITEM_F64,
                 ITEM_I32 };

struct item {
    char name[160];
    enum item_type type;
    size_t n_dims, dims[4], n;
    const struct param *from; /* where the values come from */
    bool oihw;                /* stored so */
    float spoil;              /* when not 0: the last value */
};

struct items {
    struct item list[64];
    size_t n;
};

/* Value j, in the layout of the table, of p: a multiple of 1/64 below 2 that float16 and bfloat16
 * hold. */
static inline float item_value(const struct param *p, size_t j)
{
    return (float)((int)((j * 2654435761u + p->offset * 97) % 201) - 100) / 64.0f;
}

static inline size_t item_bytes(enum item_type t)
{
    return t == ITEM_F32 || t == ITEM_I32 ? 4 : t == ITEM_F64 ? 8
                                                              : 2;
}

static inline void items_add(struct items *s, const struct param *p, const char *name,
                             enum item_type type, bool oihw)
{
    struct item *it = &s->list[s->n++];
    *it = (struct item){.type = type, .n_dims = p->n_dims, .n = p->n, .from = p, .oihw = oihw};
    snprintf(it->name, sizeof it->name, "%s", name);
    const size_t *d = p->dims, stored[4] = {d[3], d[2], d[0], d[1]};
    memcpy(it->dims, oihw && p->n_dims == 4 ? stored : d, sizeof it->dims);
}

/* Element j as stored. */
static inline float item_at(const struct item *it, size_t j)
{
    if (it->spoil != 0 && j + 1 == it->n) {
        return it->spoil;
    }
    if (it->oihw && it->from->n_dims == 4) {
        size_t taps = it->from->dims[0] * it->from->dims[1], cin = it->from->dims[2];
        size_t o = j / (taps * cin), i = j / taps % cin, t = j % taps;
        j = (t * cin + i) * it->from->dims[3] + o;
    }
    return item_value(it->from, j);
}

static inline void item_encode(const struct item *it, size_t j, unsigned char *out)
{
    float v = item_at(it, j);
    double wide = (double)v;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint16_t half = (uint16_t)(bits >> 16);
    if (it->type == ITEM_F16) { /* a normal number or 0, exactly */
        uint32_t exponent = (bits >> 23 & 255) - 112, rest = bits >> 13 & 1023;
        half = (uint16_t)((bits >> 16 & 0x8000) | (v == 0 ? 0 : exponent << 10 | rest));
    }
    memcpy(out,
           it->type == ITEM_F64                           ? (void *)&wide
           : it->type == ITEM_F32 || it->type == ITEM_I32 ? (void *)&v
                                                          : &half,
           item_bytes(it->type));
}

static inline void item_data(const struct item *it, struct str *out)
{
    unsigned char one[8];
    for (size_t j = 0; j < it->n; j++) {
        item_encode(it, j, one);
        str_add_n(out, (char *)one, item_bytes(it->type));
    }
}

static inline void write_bytes(const char *path, const struct str *s)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(s->data, 1, s->len, f) != s->len || fclose(f)) {
        abort();
    }
}

static inline void put_number(struct str *s, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        str_add_char(s, (char)(v >> (8 * i) & 255));
    }
}

static inline void deflate_into(const struct str *in, struct str *out)
{
    z_stream z = {.next_in = (unsigned char *)in->data, .avail_in = (unsigned)in->len};
    if (deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    unsigned char buf[65536];
    do {
        z.next_out = buf;
        z.avail_out = sizeof buf;
        deflate(&z, Z_FINISH);
        str_add_n(out, (char *)buf, sizeof buf - z.avail_out);
    } while (!z.avail_out);
    deflateEnd(&z);
}

/* An old-style zip; suffix ".npy" or "". */
static inline void write_npz(const char *path, const struct items *s, const char *suffix,
                             bool deflated)
{
    struct str out = {0}, directory = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct item *it = &s->list[i];
        enum npy_type t = it->type == ITEM_F64   ? NPY_F64
                          : it->type == ITEM_F16 ? NPY_F16
                          : it->type == ITEM_I32 ? NPY_I32
                                                 : NPY_F32;
        char head[512];
        struct str data = {0}, packed = {0}, common = {0};
        str_add_n(&data, head, npy_header(head, sizeof head, t, it->n_dims, it->dims));
        item_data(it, &data);
        if (deflated) {
            deflate_into(&data, &packed);
        }
        const struct str *body = deflated ? &packed : &data;
        put_number(&common, deflated ? 8 : 0, 2);
        put_number(&common, 0x00210000, 4); /* 1980-01-01 */
        put_number(&common, crc32_z(0, (unsigned char *)data.data, data.len), 4);
        put_number(&common, body->len, 4);
        put_number(&common, data.len, 4);
        put_number(&common, strlen(it->name) + strlen(suffix), 2);
        put_number(&directory, 0x02014b50, 4);
        put_number(&directory, 20 | 20 << 16, 4);
        put_number(&directory, 0, 2);
        str_add_n(&directory, common.data, common.len);
        put_number(&directory, 0, 8);
        put_number(&directory, 0, 4);
        put_number(&directory, out.len, 4);
        str_addf(&directory, "%s%s", it->name, suffix);
        put_number(&out, 0x04034b50, 4);
        put_number(&out, 20, 2);
        put_number(&out, 0, 2);
        str_add_n(&out, common.data, common.len);
        put_number(&out, 0, 2);
        str_addf(&out, "%s%s", it->name, suffix);
        str_add_n(&out, body->data, body->len);
        str_release(&data);
        str_release(&packed);
        str_release(&common);
    }
    size_t start = out.len;
    str_add_n(&out, directory.data, directory.len);
    put_number(&out, 0x06054b50, 4);
    put_number(&out, 0, 4);
    put_number(&out, s->n | s->n << 16, 4);
    put_number(&out, directory.len, 4);
    put_number(&out, start, 4);
    put_number(&out, 0, 2);
    write_bytes(path, &out);
    str_release(&out);
    str_release(&directory);
}

/* Data in the order of s; metadata is put into the header as it is, or nothing for NULL. */
static inline void write_safetensors(const char *path, const struct items *s, const char *metadata)
{
    static const char *const types[] = {"F32", "F16", "BF16", "F64"};
    struct str header = {0}, data = {0}, out = {0};
    str_addf(&header, "{%s%s", metadata ? metadata : "", metadata ? "," : "");
    for (size_t i = 0; i < s->n; i++) {
        const struct item *it = &s->list[i];
        size_t begin = data.len;
        item_data(it, &data);
        str_addf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "", it->name,
                 types[it->type]);
        for (size_t k = 0; k < it->n_dims; k++) {
            str_addf(&header, "%s%zu", k ? "," : "", it->dims[k]);
        }
        str_addf(&header, "],\"data_offsets\":[%zu,%zu]}", begin, data.len);
    }
    str_add_char(&header, '}');
    put_number(&out, header.len, 8);
    str_add_n(&out, header.data, header.len);
    str_add_n(&out, data.data, data.len);
    write_bytes(path, &out);
    str_release(&header);
    str_release(&data);
    str_release(&out);
}

#endif
