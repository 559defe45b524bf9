/* Resize kernels: an 8-bit image [h, w, c] to another size. Each kernel is exactly one library's
 * method, because the method alone moves scores by up to a point.
 *
 * To add a kernel: one file resize_x.c with a const struct resize_kernel, its declaration here
 * and its line in resize_kernels[] (resize.c). What several kernels share stands in files that
 * their `sources` name: resize_lerp (two taps in fp32), resize_weighted (any taps in fp32),
 * resize_fixed (any taps in integers), resize_filter (weights in double). */
#ifndef BITBENCH_DATASETS_RESIZE_H
#define BITBENCH_DATASETS_RESIZE_H

#include <stddef.h>
#include "harness/base/arena.h"
#include "harness/base/tensor.h"

struct err;
struct resize_kernel;

/* `in` pixels become `out`, of which first..first+n-1 are wanted: a crop after resizing costs only
 * what it keeps, and its pixels are those of the whole. */
struct resize_axis {
    size_t in, out, first, n;
};
struct resize_dims {
    struct resize_axis y, x;
    size_t c;
};
/* The whole of in at oh x ow. */
struct resize_dims resize_whole(const struct image *in, size_t oh, size_t ow);

/* Lays a kernel's plan (taps, weights, row buffers) out in a, the plan's own struct first. Called
 * twice: in a dry run, where arena_take gives NULL, and for good, where it also fills the plan. */
typedef void resize_prepare_fn(struct arena *a, const struct resize_kernel *k,
                               const struct resize_dims *d);
/* plan: what prepare laid out, its buffers the run's own. */
typedef void resize_run_fn(const void *plan, const struct image *in, float *out);

struct resize_kernel {
    const char *name;
    const char *sources; /* files, space separated, for numeric_id */
    const char *help;
    resize_prepare_fn *prepare;
    resize_run_fn *run;
    const void *how; /* the file's own: which filter, which rule */
};

/* One worker's plan, kept until the sizes or the kernel change. {0} to begin. */
struct resize_work {
    struct arena mem;
    const struct resize_kernel *made_by; /* NULL: nothing prepared */
    struct resize_dims dims;
};
void resize_work_release(struct resize_work *w);

/* in [h, w, c] -> out [d->y.n, d->x.n, c], values in units of 0..255 (integer kernels give whole
 * numbers, bicubic in floats may overshoot). d is for images of in's size; all sizes at least 1.
 * -1 with e set: memory. */
int resize_run(const struct resize_kernel *k, const struct image *in, const struct resize_dims *d,
               float *out, struct resize_work *w, struct err *e);

extern const struct resize_kernel resize_tf1_bilinear;
extern const struct resize_kernel resize_tf2_bilinear, resize_tf2_bicubic, resize_tf2_area;
extern const struct resize_kernel resize_tf2_bilinear_aa, resize_tf2_bicubic_aa;
extern const struct resize_kernel resize_tf2_lanczos3, resize_tf2_lanczos3_aa;
extern const struct resize_kernel resize_pil_nearest, resize_pil_box, resize_pil_bilinear;
extern const struct resize_kernel resize_pil_hamming, resize_pil_bicubic, resize_pil_lanczos;
extern const struct resize_kernel resize_pil13_box, resize_pil13_bilinear, resize_pil13_hamming;
extern const struct resize_kernel resize_pil13_bicubic, resize_pil13_lanczos;
extern const struct resize_kernel resize_pil13_mks2013, resize_pil13_mks2021;
extern const struct resize_kernel resize_tvu8_nearest, resize_tvu8_bilinear, resize_tvu8_bicubic;
extern const struct resize_kernel resize_tvu8_bilinear_aa, resize_tvu8_bicubic_aa;
extern const struct resize_kernel resize_tvf32_bilinear, resize_tvf32_bicubic;
extern const struct resize_kernel resize_tvf32_bilinear_aa, resize_tvf32_bicubic_aa;
extern const struct resize_kernel resize_cv_nearest, resize_cv_linear, resize_cv_linear_exact;
extern const struct resize_kernel resize_cv_cubic, resize_cv_area;

extern const struct resize_kernel *const resize_kernels[];
extern const size_t resize_kernels_n;
/* By name; NULL with e set (ERR_USAGE) and near matches. */
const struct resize_kernel *resize_find(const char *name, struct err *e);

#endif
