/* Resize kernels: an 8-bit image [h, w, c] to another size. Each kernel is exactly one library's
 * method, because the method alone moves scores by up to a point.
 *
 * To add a kernel: one file resize_x.c with a const struct resize_kernel, its declaration here
 * and its line in resize_kernels[] (resize.c). Code in one kernel's file is used by no other. */
#ifndef BITBENCH_DATASETS_RESIZE_H
#define BITBENCH_DATASETS_RESIZE_H

#include <stddef.h>
#include "harness/base/arena.h"
#include "harness/base/tensor.h"

struct err;

struct resize_dims {
    size_t h, w, c, oh, ow; /* from h x w x c to oh x ow x c */
};

/* Lays a kernel's plan (taps, weights, row buffers) out in a, the plan's own struct first. Called
 * twice: in a dry run, where arena_take gives NULL, and for good, where it also fills the plan. */
typedef void resize_prepare_fn(struct arena *a, const struct resize_dims *d);

/* One worker's plan, kept until the sizes or the kernel change. {0} to begin. */
struct resize_work {
    struct arena mem;
    resize_prepare_fn *made_by; /* NULL: nothing prepared */
    struct resize_dims dims;
};
void resize_work_release(struct resize_work *w);

/* The plan that fn makes for these sizes, kept in w; NULL with e set. For kernels only. */
void *resize_prepare(struct resize_work *w, resize_prepare_fn *fn, const struct image *in,
                     size_t oh, size_t ow, struct err *e);

struct resize_kernel {
    const char *name;
    const char *sources; /* files, space separated, for numeric_id */
    const char *help;
    /* in [h, w, c] -> out [oh, ow, c], values in units of 0..255 (integer kernels give whole
     * numbers, bicubic may overshoot). All sizes at least 1. -1 with e set: memory. */
    int (*run)(const struct image *in, float *out, size_t oh, size_t ow, struct resize_work *w,
               struct err *e);
};
extern const struct resize_kernel resize_tf1_bilinear;
extern const struct resize_kernel resize_tf2_bilinear, resize_tf2_bicubic, resize_tf2_area;
extern const struct resize_kernel resize_pil_bilinear, resize_pil_bicubic;
extern const struct resize_kernel resize_pil13_bilinear, resize_pil13_bicubic;

extern const struct resize_kernel *const resize_kernels[];
extern const size_t resize_kernels_n;
/* By name; NULL with e set (ERR_USAGE) and near matches. */
const struct resize_kernel *resize_find(const char *name, struct err *e);

#endif
