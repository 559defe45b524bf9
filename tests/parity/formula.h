/* Weights and images by formula: splitmix64 words keyed by a name (tests/parity/model/README.md).
 */
#ifndef BITBENCH_TESTS_PARITY_FORMULA_H
#define BITBENCH_TESTS_PARITY_FORMULA_H

#include "harness/base/rng.h"
#include "harness/base/tensor.h"
#include "models/model.h"
#include "tests/parity/golden.h"

static inline uint64_t key_of(const char *salt, const char *name)
{
    char key[2 * KEY];
    snprintf(key, sizeof key, "%s%s", salt, name);
    return rng_fnv1a64(key);
}

static inline void formula_tensor(const struct param *p, const char *salt, float *out)
{
    uint64_t key = key_of(salt, p->name);
    bool kernel = p->n_dims == 4;
    double scale = kernel ? sqrt(6.0 / (double)(p->dims[0] * p->dims[1] * p->dims[2])) : 0.125;
    for (size_t i = 0; i < p->n; i++) {
        double v = ((double)(rng_splitmix(key, i) >> 40) * 0x1p-23 - 1) * scale;
        out[i] = (float)(p->kind == PARAM_GAMMA ? v + 1 : v);
    }
}

static inline void formula_image(size_t index, size_t h, size_t w, const char *salt, uint8_t *out)
{
    char name[64];
    snprintf(name, sizeof name, "image/%zu", index);
    uint64_t key = key_of(salt, name);
    for (size_t i = 0; i < h * w * 3; i++) {
        size_t c = i % 3, x = i / 3 % w, y = i / 3 / w;
        uint64_t q = rng_splitmix(key, c), noise = rng_splitmix(key, 16 + i) >> 58;
        uint64_t t = ((1 + (q & 15)) * x + (1 + (q >> 4 & 15)) * y + (q >> 8 & 255)) & 255;
        out[i] = (uint8_t)((3 * (t < 128 ? 2 * t : 510 - 2 * t) + 4 * noise) >> 2);
    }
}

/* n images from number first on, as the network sees them. */
static inline struct tensor formula_input(size_t first, size_t n, size_t h, size_t w,
                                          const char *salt)
{
    size_t size = h * w * 3;
    struct tensor x = {.data = take(n * size, sizeof(float)), .n = n, .h = h, .w = w, .c = 3};
    uint8_t *u8 = take(size, 1);
    for (size_t i = 0; i < n; i++) {
        formula_image(first + i, h, w, salt, u8);
        for (size_t j = 0; j < size; j++) {
            x.data[i * size + j] = ((float)u8[j] - 127.5f) / 127.5f;
        }
    }
    free(u8);
    return x;
}

static inline struct model formula_model(const char *arch, size_t n_classes, double scale,
                                         const char *salt)
{
    struct model m = {.kind = MODEL_BIT, .ws_eps = 1e-10, .n_classes = n_classes};
    need(!arch_parse(&m.arch, arch, &e) && !param_table_init(&m.table, &m.arch, n_classes, &e),
         arch);
    m.params = take(m.table.n_floats, sizeof *m.params);
    for (size_t i = 0; i < m.table.n; i++) {
        const struct param *p = &m.table.params[i];
        formula_tensor(p, salt, m.params + p->offset);
        for (size_t j = 0; p->kind == PARAM_KERNEL && j < p->n; j++) {
            m.params[p->offset + j] *= (float)scale;
        }
    }
    return m;
}

#endif
