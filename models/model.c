/* Finding, opening, initialising and saving a model. */
#include "models/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"
#include "models/weights.h"

static int copy_text(char *out, size_t cap, const char *text, struct err *e)
{
    if (strlen(text) >= cap) {
        return err_set(e, ERR_USAGE, "model name '%.80s...' is longer than %zu characters", text,
                       cap - 1);
    }
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- random initialisation --- */
static void fill_random(float *out, const struct param *p, uint64_t seed)
{
    double std = sqrt(2.0 / (double)(p->dims[0] * p->dims[1] * p->dims[2]));
    uint64_t key = rng_at(seed, rng_fnv1a64(p->name), 0);
    for (size_t i = 0; i < p->n; i++) {
        /* One word a value: the radius takes its high bits, the angle its low 32. */
        uint64_t word = rng_splitmix(key, i);
        out[i] = (float)(std * rng_normal(word, word << 32));
    }
}

static int init_shape(struct model *m, const struct arch *a, size_t n_classes, struct err *e)
{
    m->kind = MODEL_BIT;
    m->arch = *a;
    m->n_classes = n_classes;
    m->ws_eps = 1e-10; /* bit_pytorch/models.py, StdConv2d */
    m->sources = "models/model.c";
    arch_name(a, m->arch_text);
    return param_table_init(&m->table, a, n_classes, e);
}

int model_init_random(struct model *m, const struct arch *a, size_t n_classes, uint64_t seed,
                      struct err *e)
{
    if (init_shape(m, a, n_classes, e)) {
        return -1;
    }
    m->params = mem_take(m->table.n_floats, sizeof *m->params, e);
    if (!m->params) {
        return err_wrap(e, "parameters of %s", m->arch_text);
    }
    struct sha256 hash;
    sha256_init(&hash);
    for (size_t i = 0; i < m->table.n; i++) {
        const struct param *p = &m->table.params[i];
        float *out = m->params + p->offset;
        if (p->kind == PARAM_KERNEL) {
            fill_random(out, p, seed);
        } else if (p->kind == PARAM_GAMMA) {
            for (size_t j = 0; j < p->n; j++) {
                out[j] = 1;
            }
        }
        sha256_add(&hash, out, p->n * sizeof *out);
    }
    sha256_final(&hash, m->sha256);
    return 0;
}

/* "random:ARCH[:SEED]". */
static int open_random(struct model *m, const char *spec, bool with_params, struct err *e)
{
    const char *colon = strrchr(spec, ':');
    size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
    char text[ARCH_NAME];
    uint64_t seed = 0;
    if (len >= sizeof text || (colon && !str_to_u64(colon + 1, &seed))) {
        return err_set(e, ERR_USAGE,
                       "model '%s': expected random:ARCH or random:ARCH:SEED, as in random:R50x1:7",
                       m->name);
    }
    memcpy(text, spec, len);
    text[len] = '\0';
    struct arch a;
    if (arch_parse(&a, text, e) ||
        (with_params ? model_init_random(m, &a, 0, seed, e) : init_shape(m, &a, 0, e))) {
        return -1;
    }
    int n = snprintf(m->subject, sizeof m->subject, "random:%s", m->arch_text);
    if (seed) {
        snprintf(m->subject + n, sizeof m->subject - (size_t)n, ":%llu", (unsigned long long)seed);
    }
    return 0;
}

static int open_pixels(struct model *m)
{
    m->kind = MODEL_PIXELS;
    memcpy(m->subject, "pixels", sizeof "pixels");
    memcpy(m->arch_text, "pixels", sizeof "pixels");
    sha256_hex("pixels", strlen("pixels"), m->sha256);
    m->sources = "";
    return 0;
}

/* --- files --- */
static int read_file(struct model *m, const char *path, bool with_params, struct err *e)
{
    if (copy_text(m->path, sizeof m->path, path, e)) {
        return -1;
    }
    if (file_is_dir(path) && file_join(m->path, sizeof m->path, path, "model.safetensors", e)) {
        return -1;
    }
    if (!file_exists(m->path)) {
        return err_set(e, ERR_ABSENT, "%s: no such file", m->path);
    }
    const struct weight_format *format = weights_format(m->path, e);
    if (!format) {
        return -1;
    }
    m->kind = MODEL_BIT;
    m->sources = format->sources;
    if (format->read(m, m->path, with_params, e)) {
        return -1;
    }
    arch_name(&m->arch, m->arch_text);
    return with_params ? sha256_file(m->path, m->sha256, e) : 0;
}

static int open_path(struct model *m, const char *path, bool with_params, struct err *e)
{
    if (read_file(m, path, with_params, e)) {
        return -1;
    }
    char clean[sizeof m->path];
    memcpy(clean, path, strlen(path) + 1); /* it fits in m->path */
    for (size_t n = strlen(clean); n > 1 && clean[n - 1] == '/'; n--) {
        clean[n - 1] = '\0';
    }
    snprintf(m->subject, sizeof m->subject, "%.400s%s%.12s", base_name(clean),
             *m->sha256 ? "@" : "", m->sha256);
    return 0;
}

/* --- the zoo --- */
static bool is_there(const char *dir, const char *stem, const char *extension, char path[4096])
{
    int len = snprintf(path, 4096, "%s/%s%s", dir, stem, extension);
    return len > 0 && len < 4096 && file_exists(path) && !file_is_dir(path);
}

static bool find_in(const struct zoo_row *r, const char *dir, char path[4096])
{
    return is_there(dir, r->npz, "", path) || is_there(dir, r->name, ".npz", path) ||
           is_there(dir, r->name, ".safetensors", path) || is_there(dir, r->alias, ".npz", path) ||
           is_there(dir, r->alias, ".safetensors", path);
}

static int absent(const struct zoo_row *r, const struct model_dirs *where, struct err *e)
{
    char dirs[512] = "";
    size_t at = 0;
    for (size_t i = 0; where && i < where->n && at < sizeof dirs; i++) {
        at += (size_t)snprintf(dirs + at, sizeof dirs - at, "%s%s, %s/models", i ? ", " : " in ",
                               where->dirs[i], where->dirs[i]);
    }
    return err_set(e, ERR_ABSENT,
                   "the weights of %s are not here: sought %s and %s.npz or .safetensors%s; "
                   "published at %s",
                   r->name, r->npz, r->name,
                   *dirs ? dirs : ", but no data folder is known (--data DIR)", r->url);
}

static int open_zoo(struct model *m, const struct zoo_row *r, const struct model_dirs *where,
                    bool with_params, struct err *e)
{
    char path[4096], sub[4096];
    bool found = false;
    for (size_t i = 0; where && i < where->n && !found; i++) {
        found = find_in(r, where->dirs[i], path);
        if (!found && !file_join(sub, sizeof sub, where->dirs[i], "models", NULL)) {
            found = find_in(r, sub, path);
        }
    }
    if (!found) {
        return absent(r, where, e);
    }
    if (read_file(m, path, with_params, e)) {
        return -1;
    }
    if (strcmp(m->arch_text, r->arch) || m->n_classes != r->n_classes) {
        return err_set(e, ERR_FORMAT,
                       "%s: holds %s with %zu classes, but %s is %s with %zu classes", path,
                       m->arch_text, m->n_classes, r->name, r->arch, r->n_classes);
    }
    snprintf(m->subject, sizeof m->subject, "%s", r->name);
    snprintf(m->preprocess, sizeof m->preprocess, "%s", r->preprocess);
    return 0;
}

static int unknown(const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < zoo_n; i++) {
        near_add(&near, zoo[i].name);
        near_add(&near, zoo[i].alias);
        near_add(&near, zoo[i].npz);
    }
    near_add(&near, "pixels");
    near_add(&near, "random:R50x1");
    return err_set(e, ERR_USAGE,
                   "unknown model '%.200s'%s (a zoo name, a path with a slash or ending in .npz or "
                   ".safetensors, random:ARCH[:SEED], or pixels)",
                   name, near_text(&near));
}

static int open_any(struct model *m, const char *name, const struct model_dirs *where,
                    bool with_params, struct err *e)
{
    if (copy_text(m->name, sizeof m->name, name, e)) {
        return -1;
    }
    if (!strcmp(name, "pixels")) {
        return open_pixels(m);
    }
    if (str_starts(name, "random:")) {
        return open_random(m, name + strlen("random:"), with_params, e);
    }
    const struct zoo_row *row = zoo_find(name);
    bool like_path = strchr(name, '/') || weights_format(name, NULL);
    if (like_path && (!row || file_exists(name))) {
        return open_path(m, name, with_params, e);
    }
    return row ? open_zoo(m, row, where, with_params, e) : unknown(name, e);
}

int model_open(struct model **m, const char *name, const struct model_dirs *where, bool with_params,
               struct err *e)
{
    *m = mem_take(1, sizeof **m, e);
    if (!*m) {
        return -1;
    }
    if (open_any(*m, name, where, with_params, e)) {
        model_close(*m);
        *m = NULL;
        return -1;
    }
    return 0;
}

void model_release(struct model *m)
{
    free(m->params);
    param_table_release(&m->table);
    *m = (struct model){0};
}

void model_close(struct model *m)
{
    if (m) {
        model_release(m);
        free(m);
    }
}

size_t model_feature_dim(const struct model *m, size_t h, size_t w)
{
    return m->kind == MODEL_PIXELS ? h * w * 3 : arch_features(&m->arch);
}

int model_save(const struct model *m, const char *path, struct err *e)
{
    assert(m->kind == MODEL_BIT && m->params && !m->spent);
    const struct weight_format *format = weights_format(path, e);
    return format ? format->write(m, path, e) : -1;
}
