/* The table of resize kernels, and the memory that a worker keeps between two images. */
#include "datasets/resize.h"

#include <string.h>

#include "harness/base/err.h"
#include "harness/base/near.h"

const struct resize_kernel *const resize_kernels[] = {
    &resize_tf2_bilinear,
    &resize_tf2_bicubic,
    &resize_tf2_area,
    &resize_tf1_bilinear,
    &resize_pil_bilinear,
    &resize_pil_bicubic,
    &resize_pil13_bilinear,
    &resize_pil13_bicubic,
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

void *resize_prepare(struct resize_work *w, resize_prepare_fn *fn, const struct image *in,
                     size_t oh, size_t ow, struct err *e)
{
    struct resize_dims d = {.h = in->h, .w = in->w, .c = in->c, .oh = oh, .ow = ow};
    if (w->made_by == fn && memcmp(&w->dims, &d, sizeof d) == 0) {
        return w->mem.base;
    }
    w->made_by = NULL;
    struct arena dry;
    arena_plan(&dry);
    fn(&dry, &d);
    if (w->mem.cap < dry.peak) {
        arena_close(&w->mem);
        if (arena_open(&w->mem, dry.peak, e)) {
            err_wrap(e, "resizing %zu x %zu to %zu x %zu", d.h, d.w, oh, ow);
            return NULL;
        }
    }
    arena_reset(&w->mem, 0);
    fn(&w->mem, &d);
    w->made_by = fn;
    w->dims = d;
    return w->mem.base;
}

void resize_work_release(struct resize_work *w)
{
    arena_close(&w->mem);
    *w = (struct resize_work){0};
}
