/* The table of resize kernels, and the memory that a worker keeps between two images. */
#include "datasets/resize.h"

#include <assert.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/near.h"

const struct resize_kernel *const resize_kernels[] = {
    &resize_tf2_bilinear,
    &resize_tf2_bicubic,
    &resize_tf2_area,
    &resize_tf2_bilinear_aa,
    &resize_tf2_bicubic_aa,
    &resize_tf2_lanczos3,
    &resize_tf2_lanczos3_aa,
    &resize_tf1_bilinear,
    &resize_pil_bilinear,
    &resize_pil_bicubic,
    &resize_pil_nearest,
    &resize_pil_box,
    &resize_pil_hamming,
    &resize_pil_lanczos,
    &resize_pil13_bilinear,
    &resize_pil13_bicubic,
    &resize_pil13_box,
    &resize_pil13_hamming,
    &resize_pil13_lanczos,
    &resize_pil13_mks2013,
    &resize_pil13_mks2021,
    &resize_tvu8_bilinear_aa,
    &resize_tvu8_bicubic_aa,
    &resize_tvu8_bilinear,
    &resize_tvu8_bicubic,
    &resize_tvu8_nearest,
    &resize_tvf32_bilinear_aa,
    &resize_tvf32_bicubic_aa,
    &resize_tvf32_bilinear,
    &resize_tvf32_bicubic,
    &resize_cv_linear,
    &resize_cv_area,
    &resize_cv_linear_exact,
    &resize_cv_cubic,
    &resize_cv_nearest,
};
const size_t resize_kernels_n = ARRAY_LEN(resize_kernels);

const struct resize_kernel *resize_find(const char *name, struct err *e)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < resize_kernels_n; i++) {
        if (strcmp(resize_kernels[i]->name, name) == 0) {
            return resize_kernels[i];
        }
        near_add(&near, resize_kernels[i]->name);
    }
    err_set(e, ERR_USAGE, "unknown resize kernel '%s'%s", name, near_text(&near));
    return NULL;
}

struct resize_dims resize_whole(const struct image *in, size_t oh, size_t ow)
{
    return (struct resize_dims){.y = {.in = in->h, .out = oh, .n = oh},
                                .x = {.in = in->w, .out = ow, .n = ow},
                                .c = in->c};
}

static int prepare(struct resize_work *w, const struct resize_kernel *k,
                   const struct resize_dims *d, struct err *e)
{
    w->made_by = NULL;
    struct arena dry;
    arena_plan(&dry);
    k->prepare(&dry, k, d);
    if (w->mem.cap < dry.peak) {
        arena_close(&w->mem);
        if (arena_open(&w->mem, dry.peak, e)) {
            return err_wrap(e, "resizing %zu x %zu to %zu x %zu", d->y.in, d->x.in, d->y.out,
                            d->x.out);
        }
    }
    arena_reset(&w->mem, 0);
    k->prepare(&w->mem, k, d);
    w->made_by = k;
    w->dims = *d;
    return 0;
}

int resize_run(const struct resize_kernel *k, const struct image *in, const struct resize_dims *d,
               float *out, struct resize_work *w, struct err *e)
{
    assert(d->y.in == in->h && d->x.in == in->w && d->c == in->c);
    if (w->made_by != k || memcmp(&w->dims, d, sizeof *d) != 0) {
        if (prepare(w, k, d, e)) {
            return -1;
        }
    }
    k->run(w->mem.base, in, out);
    return 0;
}

void resize_work_release(struct resize_work *w)
{
    arena_close(&w->mem);
    *w = (struct resize_work){0};
}
