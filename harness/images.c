/* Image files to tensors, one after another. */
#include "harness/images.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "datasets/dataset.h"
#include "models/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_MAX_BYTES = 1 << 30 };

int preprocess_from_args(struct preprocess *p, const struct preprocess_args *a,
                         const struct model *m, size_t h, size_t w, struct err *e)
{
    const char *preset = a->preset ? a->preset : "bit-paper";
    if (!strcmp(preset, "model")) {
        if (!m || !m->preprocess[0]) {
            return err_set(e, ERR_USAGE,
                           "the publisher's preprocessing is not known here; name a preset");
        }
        preset = m->preprocess;
    }
    if (preprocess_preset(p, preset, e) ||
        (a->mode && preprocess_mode_find(a->mode, &p->mode, e))) {
        return -1;
    }
    const struct {
        const char *from;
        char *to;
        size_t cap;
    } words[] = {{a->kernel, p->kernel, sizeof p->kernel},
                 {a->decode, p->decode, sizeof p->decode},
                 {a->range, p->range, sizeof p->range}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].from) {
            snprintf(words[i].to, words[i].cap, "%s", words[i].from);
        }
    }
    if (a->resize && !a->crop) {
        return err_set(e, ERR_USAGE, "--resize goes with --size");
    }
    if (a->crop) {
        p->crop = (size_t)a->crop;
        p->resize = (size_t)(a->resize ? a->resize : a->crop);
    }
    return preprocess_resolve(p, h, w, e) || preprocess_check(p, e) ? -1 : 0;
}

/* One file into row i; the first one decides the size of x. */
static int load_one(const char *path, size_t i, size_t n, const struct preprocess *p,
                    const struct images_augment *g, struct transform_scratch *scratch,
                    struct tensor *x, uint8_t **u8, struct err *e)
{
    unsigned char *bytes;
    size_t n_bytes, h, w;
    struct image image;
    if (file_read(path, IMAGE_MAX_BYTES, &bytes, &n_bytes, e)) {
        return -1;
    }
    const struct sample sample = {.bytes = bytes, .n = n_bytes, .encoding = SAMPLE_FILE};
    int status = decode_sample(&sample, p->decode, scratch, &image, e);
    if (status == 0) {
        preprocess_size(p, image.h, image.w, &h, &w);
        if (!x->data && !*u8) {
            *x = (struct tensor){.n = n, .h = h, .w = w, .c = 3};
            x->data = mem_take(n * h * w, 3 * sizeof(float), e);
            *u8 = mem_take(n * h * w, 3, e);
            status = x->data && *u8 ? 0 : -1;
        } else if (h != x->h || w != x->w) {
            status = err_set(e, ERR_USAGE,
                             "%zux%zu px after preprocessing, but the first image has %zux%zu", w,
                             h, x->w, x->h);
        }
    }
    if (status == 0) {
        size_t at = i * h * w * 3;
        const struct augment_draw d =
            g ? augment_draw(&g->a, p, g->seed, g->step, i, image.h, image.w)
              : (struct augment_draw){.crop = AUGMENT_WHOLE};
        status = augment_run(&d, p, &image, scratch, x->data + at, *u8 + at, e);
    }
    free(bytes);
    return status ? err_wrap(e, "%s", path) : 0;
}

int images_load(const char *const *paths, size_t n, const struct preprocess *p, struct tensor *x,
                uint8_t **u8, struct err *e)
{
    return images_load_augmented(paths, n, p, NULL, x, u8, e);
}

int images_load_augmented(const char *const *paths, size_t n, const struct preprocess *p,
                          const struct images_augment *g, struct tensor *x, uint8_t **u8,
                          struct err *e)
{
    struct transform_scratch scratch = {0};
    uint8_t *bytes = NULL;
    int status = 0;
    *x = (struct tensor){0};
    for (size_t i = 0; i < n && status == 0; i++) {
        status = load_one(paths[i], i, n, p, g, &scratch, x, &bytes, e);
    }
    if (status == 0 && g && g->a.mixup > 0) {
        augment_mixup(x->data, n, x->h * x->w * 3, augment_lambda(&g->a, g->seed, g->step));
    }
    transform_scratch_release(&scratch);
    if (status || !u8) {
        free(bytes);
        bytes = NULL;
    }
    if (status) {
        free(x->data);
        x->data = NULL;
    }
    if (u8) {
        *u8 = bytes;
    }
    return status;
}
