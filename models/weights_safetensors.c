/* safetensors files (8 bytes little-endian header length, a JSON header, the data) under timm's or
 * Hugging Face's names: kernels OIHW, float32, float16 or bfloat16. Every tensor must lie directly
 * behind the one before it, as the format demands. Written: timm's names, float32. timm and HF
 * use 1e-8 inside the square root of weight standardisation; the header's __metadata__ may say
 * otherwise under bitbench.ws_eps, so that a converted file gives the same network. */
#include "models/weights.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/half.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "models/model.h"

#define TIMM_WS_EPS 1e-8 /* timm resnetv2.py, _create_resnetv2_bit */
#define EPS_KEY     "bitbench.ws_eps"

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER = 16 << 20, /* four times that of the deepest network that arch.h allows */
    CHUNK_BYTES = 1 << 20,
};

static const struct dtype {
    const char *name;
    size_t bytes;
} dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}};

struct tensor_at {
    const char *name;
    const struct dtype *type;
    size_t n_dims, dims[4];
    uint64_t begin, end; /* from the start of the data */
};

struct st_file {
    const char *path;
    int fd;
    uint64_t data; /* offset of the data in the file */
    uint64_t data_bytes;
    struct json *header;
    struct tensor_at *tensors; /* in order of their place */
    size_t n;
    double ws_eps;
};

static int fault(const struct st_file *f, const char *name, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: tensor '%.200s': %s", f->path, name, what);
}

static int read_count(const struct json *v, uint64_t *out)
{
    int64_t i;
    if (!json_i64(v, &i) || i < 0) {
        return -1;
    }
    *out = (uint64_t)i;
    return 0;
}

/* One member of the header into t. */
static int parse_tensor(const struct st_file *f, struct tensor_at *t, const char *name,
                        const struct json *v, struct err *e)
{
    *t = (struct tensor_at){.name = name};
    const char *type = json_text(json_get(v, "dtype"));
    for (size_t i = 0; type && i < ARRAY_LEN(dtypes); i++) {
        t->type = !strcmp(dtypes[i].name, type) ? &dtypes[i] : t->type;
    }
    if (!t->type) {
        return err_set(e, ERR_FORMAT, "%s: tensor '%.200s': dtype %.20s, expected F32, F16 or BF16",
                       f->path, name, type ? type : "missing");
    }
    const struct json *shape = json_get(v, "shape"), *place = json_get(v, "data_offsets");
    t->n_dims = json_len(shape);
    if (!json_is_array(shape) || t->n_dims > 4) {
        return fault(f, name, "expected a shape of at most 4 dimensions", e);
    }
    uint64_t bytes = t->type->bytes;
    for (size_t i = 0; i < t->n_dims; i++) {
        uint64_t d;
        if (read_count(json_at(shape, i), &d) || !d || d > f->data_bytes / bytes) {
            return fault(f, name, "its shape does not fit in the file", e);
        }
        t->dims[i] = d;
        bytes *= d;
    }
    if (!json_is_array(place) || json_len(place) != 2 || read_count(json_at(place, 0), &t->begin) ||
        read_count(json_at(place, 1), &t->end) || t->begin > t->end || t->end > f->data_bytes) {
        return fault(f, name, "data_offsets outside the file", e);
    }
    if (t->end - t->begin != bytes) {
        return err_set(e, ERR_FORMAT,
                       "%s: tensor '%.200s': data_offsets hold %" PRIu64
                       " bytes, its shape needs %" PRIu64,
                       f->path, name, t->end - t->begin, bytes);
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct tensor_at *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static int check_cover(const struct st_file *f, struct err *e)
{
    uint64_t at = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (f->tensors[i].begin != at) {
            return err_set(e, ERR_FORMAT,
                           "%s: tensor '%.200s' begins at %" PRIu64
                           ", but the one before it ends at %" PRIu64,
                           f->path, f->tensors[i].name, f->tensors[i].begin, at);
        }
        at = f->tensors[i].end;
    }
    if (at != f->data_bytes) {
        return err_set(e, ERR_FORMAT,
                       "%s: %" PRIu64 " bytes of data, but the tensors cover %" PRIu64, f->path,
                       f->data_bytes, at);
    }
    return 0;
}

static int parse_metadata(struct st_file *f, const struct json *v, struct err *e)
{
    const char *eps = json_text(json_get(v, EPS_KEY));
    if (eps && (!str_to_double(eps, &f->ws_eps) || !(f->ws_eps > 0 && f->ws_eps < 1))) {
        return err_set(e, ERR_FORMAT, "%s: " EPS_KEY ": '%.40s' is not a number between 0 and 1",
                       f->path, eps);
    }
    return 0;
}

static int parse_header(struct st_file *f, struct err *e)
{
    const size_t most = ARCH_BLOCKS * ARCH_MAX_DEPTH * 10; /* above any network of arch.h */
    size_t n = json_len(f->header);
    if (!json_is_object(f->header) || n > most) {
        return err_set(e, ERR_FORMAT, "%s: its header is not a JSON object of at most %zu tensors",
                       f->path, most);
    }
    f->tensors = mem_take(n, sizeof *f->tensors, e);
    if (!f->tensors) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        const char *key;
        const struct json *v = json_member(f->header, i, &key);
        if (!strcmp(key, "__metadata__") ? parse_metadata(f, v, e)
                                         : parse_tensor(f, &f->tensors[f->n++], key, v, e)) {
            return -1;
        }
    }
    qsort(f->tensors, f->n, sizeof *f->tensors, by_place);
    return check_cover(f, e);
}

static int read_header(struct st_file *f, uint64_t file_bytes, struct err *e)
{
    unsigned char length[LENGTH_BYTES];
    if (file_pread(f->fd, length, sizeof length, 0, f->path, e)) {
        return -1;
    }
    uint64_t n = 0;
    for (size_t i = LENGTH_BYTES; i-- > 0;) {
        n = n << 8 | length[i];
    }
    if (n > file_bytes - LENGTH_BYTES || n > MAX_HEADER) {
        return err_set(e, ERR_FORMAT,
                       "%s: a header of %" PRIu64 " bytes at offset 8, but the file has %" PRIu64
                       " bytes (not a safetensors file, or cut short)",
                       f->path, n, file_bytes);
    }
    char *text = mem_take(n + 1, 1, e);
    if (!text) {
        return -1;
    }
    int rc = file_pread(f->fd, text, n, LENGTH_BYTES, f->path, e);
    if (!rc) {
        f->header = json_parse(text, n, f->path, e);
        rc = f->header ? 0 : -1;
    }
    free(text);
    f->data = LENGTH_BYTES + n;
    f->data_bytes = file_bytes - f->data;
    return rc ? rc : parse_header(f, e);
}

/* Whether a tensor of the file has the shape of p: kernels OIHW; the head's also without the two
 * dimensions of 1 (HF). */
static bool shape_fits(const struct tensor_at *t, const struct param *p)
{
    if (p->n_dims == 1) {
        return t->n_dims == 1 && t->dims[0] == p->dims[0];
    }
    bool flat = p->kind == PARAM_HEAD_KERNEL && t->n_dims == 2;
    return (flat || (t->n_dims == 4 && t->dims[2] == p->dims[0] && t->dims[3] == p->dims[1])) &&
           t->dims[0] == p->dims[3] && t->dims[1] == p->dims[2];
}

static int check_shape(const struct st_file *f, const struct tensor_at *t, const struct param *p,
                       struct err *e)
{
    if (shape_fits(t, p)) {
        return 0;
    }
    char have[WEIGHTS_DIMS], want[WEIGHTS_DIMS];
    size_t oihw[4] = {p->dims[3], p->dims[2], p->dims[0], p->dims[1]};
    weights_dims(have, t->n_dims, t->dims);
    weights_dims(want, p->n_dims, p->n_dims == 4 ? oihw : p->dims);
    return err_set(e, ERR_FORMAT, "%s: tensor '%.200s' is %s, expected %s", f->path, t->name, have,
                   want);
}

static float value(const unsigned char *bytes, size_t i, const struct dtype *type)
{
    if (type->bytes == sizeof(float)) {
        float v;
        memcpy(&v, bytes + i * sizeof v, sizeof v);
        return v;
    }
    uint16_t half;
    memcpy(&half, bytes + i * sizeof half, sizeof half);
    return type->name[0] == 'B' ? half_bf16_to_f32(half) : half_f16_to_f32(half);
}

/* Rows (output channels) of a tensor stored [o, i, h*w] into out [h*w, i, o]; a vector is one
 * column of rows. */
static int read_tensor(const struct st_file *f, const struct tensor_at *t, const struct param *p,
                       float *out, unsigned char *chunk, struct err *e)
{
    size_t rows = t->dims[0], cin = p->n_dims == 4 ? p->dims[2] : 1;
    size_t per_row = p->n / rows, taps = per_row / cin, row_bytes = per_row * t->type->bytes;
    size_t at_once = CHUNK_BYTES / row_bytes;
    for (size_t first = 0; first < rows; first += at_once) {
        size_t n = rows - first < at_once ? rows - first : at_once;
        if (file_pread(f->fd, chunk, n * row_bytes, f->data + t->begin + first * row_bytes, f->path,
                       e)) {
            return -1;
        }
        for (size_t k = 0; k < per_row; k++) {
            float *to = out + (k % taps * cin + k / taps) * rows + first;
            for (size_t r = 0; r < n; r++) {
                to[r] = value(chunk, r * per_row + k, t->type);
            }
        }
    }
    return 0;
}

static int fill(struct model *m, const struct st_file *f, const size_t *index, bool with_params,
                struct err *e)
{
    for (size_t i = 0; i < m->table.n; i++) {
        if (check_shape(f, &f->tensors[index[i]], &m->table.params[i], e)) {
            return -1;
        }
    }
    if (!with_params) {
        return 0;
    }
    m->params = mem_take_raw(m->table.n_floats, sizeof *m->params, e);
    unsigned char *chunk = m->params ? mem_take_raw(CHUNK_BYTES, 1, e) : NULL;
    if (!chunk) {
        return err_wrap(e, "%s", f->path);
    }
    int rc = 0;
    for (size_t i = 0; i < m->table.n && !rc; i++) {
        const struct param *p = &m->table.params[i];
        rc = read_tensor(f, &f->tensors[index[i]], p, m->params + p->offset, chunk, e);
    }
    free(chunk);
    return rc ? rc : weights_check_finite(m, f->path, e);
}

static int bind_tensors(struct model *m, const struct st_file *f, struct weights_list *l,
                        size_t **index, struct err *e)
{
    if (weights_list_init(l, f->n, e)) {
        return -1;
    }
    for (size_t i = 0; i < f->n; i++) {
        char name[PARAM_NAME];
        bool known = weights_npz_name(f->tensors[i].name, name);
        if (weights_add(l, known ? name : NULL, f->tensors[i].name, i, f->path, e)) {
            return -1;
        }
    }
    if (weights_sort(l, f->path, e)) {
        return -1;
    }
    const struct weights_entry *root = weights_get(l, WEIGHTS_ROOT);
    const struct weights_entry *bias = weights_get(l, WEIGHTS_HEAD_BIAS);
    if (!root) {
        return err_set(e, ERR_FORMAT, "%s: tensor stem.conv.weight is missing: not a BiT network",
                       f->path);
    }
    if (bias && f->tensors[bias->index].n_dims != 1) {
        char dims[WEIGHTS_DIMS];
        weights_dims(dims, f->tensors[bias->index].n_dims, f->tensors[bias->index].dims);
        return err_set(e, ERR_FORMAT, "%s: tensor '%.200s' is %s, expected one dimension", f->path,
                       bias->stored, dims);
    }
    size_t channels = f->tensors[root->index].n_dims ? f->tensors[root->index].dims[0] : 0;
    size_t n_classes = bias ? f->tensors[bias->index].dims[0] : 0;
    return weights_bind(m, l, channels, n_classes, index, f->path, e);
}

static int st_read(struct model *m, const char *path, bool with_params, struct err *e)
{
    uint64_t file_bytes;
    struct st_file f = {.path = path, .ws_eps = TIMM_WS_EPS};
    f.fd = file_open(path, &file_bytes, e);
    if (f.fd < 0) {
        return -1;
    }
    struct weights_list l = {0};
    size_t *index = NULL;
    int rc = read_header(&f, file_bytes, e);
    rc = rc ? rc : bind_tensors(m, &f, &l, &index, e);
    rc = rc ? rc : fill(m, &f, index, with_params, e);
    m->ws_eps = f.ws_eps;
    free(index);
    weights_list_release(&l);
    free(f.tensors);
    json_close(f.header);
    close(f.fd);
    return rc;
}

/* --- writing --- */
static void build_header(const struct model *m, struct str *s)
{
    str_add(s, "{\"__metadata__\":{\"format\":\"pt\",\"" EPS_KEY "\":\"");
    str_add_double(s, m->ws_eps);
    str_add(s, "\"}");
    uint64_t at = 0;
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        char name[PARAM_NAME];
        weights_timm_name(p->name, name);
        str_addf(s, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[", name);
        if (p->n_dims == 4) {
            str_addf(s, "%zu,%zu,%zu,%zu", p->dims[3], p->dims[2], p->dims[0], p->dims[1]);
        } else {
            str_addf(s, "%zu", p->dims[0]);
        }
        str_addf(s, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at, at + p->n * sizeof(float));
        at += p->n * sizeof(float);
    }
    str_add_char(s, '}');
    while (s->len % LENGTH_BYTES) {
        str_add_char(s, ' '); /* data aligned to 8 bytes */
    }
}

/* p, HWIO in the block, as OIHW (a vector as it is), some rows at a time. */
static int write_tensor(struct file_out *out, const struct param *p, const float *in, float *chunk,
                        struct err *e)
{
    size_t rows = p->dims[p->n_dims - 1], cin = p->n_dims == 4 ? p->dims[2] : 1;
    size_t per_row = p->n / rows, taps = per_row / cin;
    size_t at_once = CHUNK_BYTES / sizeof *chunk / per_row;
    for (size_t first = 0; first < rows; first += at_once) {
        size_t n = rows - first < at_once ? rows - first : at_once;
        for (size_t k = 0; k < per_row; k++) {
            const float *from = in + (k % taps * cin + k / taps) * rows + first;
            for (size_t r = 0; r < n; r++) {
                chunk[r * per_row + k] = from[r];
            }
        }
        if (file_out_write(out, chunk, n * per_row * sizeof *chunk, e)) {
            return -1;
        }
    }
    return 0;
}

static int write_all(struct file_out *out, const struct model *m, const struct str *header,
                     float *chunk, struct err *e)
{
    unsigned char length[LENGTH_BYTES];
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        length[i] = (unsigned char)((uint64_t)header->len >> (8 * i) & 0xff);
    }
    if (file_out_write(out, length, sizeof length, e) ||
        file_out_write(out, header->data, header->len, e)) {
        return -1;
    }
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        if (write_tensor(out, p, m->params + p->offset, chunk, e)) {
            return -1;
        }
    }
    return 0;
}

static int st_write(const struct model *m, const char *path, struct err *e)
{
    struct file_out out;
    struct str header = {0};
    float *chunk = mem_take_raw(CHUNK_BYTES, 1, e);
    build_header(m, &header);
    int rc = !chunk || str_check(&header, e) || file_out_open(&out, path, e) ? -1 : 0;
    if (!rc && write_all(&out, m, &header, chunk, e)) {
        file_out_abort(&out);
        rc = -1;
    } else if (!rc) {
        rc = file_out_commit(&out, e);
    }
    str_release(&header);
    free(chunk);
    return rc;
}

const struct weight_format weights_safetensors = {
    .extension = ".safetensors",
    .sources = "models/weights.c models/weights_names.c models/weights_safetensors.c",
    .read = st_read,
    .write = st_write,
};
