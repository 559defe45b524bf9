/* Resizing: every output of every method of the libraries. Exact where integers or the same order
 * of operations decide; else within the bounds of the folder's README. */
#ifndef BITBENCH_TESTS_PIXELS_RESIZE_H
#define BITBENCH_TESTS_PIXELS_RESIZE_H

#include "tests/parity/pixels_suite.h"

/* Four times the rounding that was measured between a twin with sums in double and the library. */
static const double FP32_SUMS = 1e-3;
static const double ONE_LEVEL = 1.0;

/* bound 0: exact. share: of the values that may differ at all, where the bound is a level. */
static const struct {
    const char *theirs, *ours;
    double bound, share;
} methods[] = {
    {"tf1_bilinear", "tf1bilinear", 0, 0},
    {"tf1_resize_images", "tf1bilinear", 0, 0},
    {"tf2_bilinear", "tf2bilinear", 0, 0},
    {"tf2_bicubic", "tf2bicubic", 0, 0},
    {"tf2_area", "tf2area", 0, 0},
    {"tf2_bilinear_aa", "tf2bilinearaa", FP32_SUMS, 1},
    {"tf2_bicubic_aa", "tf2bicubicaa", FP32_SUMS, 1},
    {"tf2_lanczos3", "tf2lanczos3", FP32_SUMS, 1},
    {"tf2_lanczos3_aa", "tf2lanczos3aa", FP32_SUMS, 1},
    {"pil_nearest", "pilnearest", 0, 0},
    {"pil_box", "pil13box", 0, 0},
    {"pil_bilinear", "pil13bilinear", 0, 0},
    {"pil_hamming", "pil13hamming", ONE_LEVEL, 1e-3},
    {"pil_bicubic", "pil13bicubic", 0, 0},
    {"pil_lanczos", "pil13lanczos", 0, 0},
    {"pil_mks2013", "pil13mks2013", 0, 0},
    {"pil_mks2021", "pil13mks2021", 0, 0},
    {"tvpil_bilinear", "pil13bilinear", 0, 0},
    {"tvpil_bicubic", "pil13bicubic", 0, 0},
    {"pil11_nearest", "pilnearest", 0, 0},
    {"pil11_box", "pilbox", 0, 0},
    {"pil11_bilinear", "pilbilinear", 0, 0},
    {"pil11_hamming", "pilhamming", ONE_LEVEL, 1e-3},
    {"pil11_bicubic", "pilbicubic", 0, 0},
    {"pil11_lanczos", "pillanczos", 0, 0},
    {"tv_u8_nearest", "tvu8nearest", 0, 0},
    {"tv_u8_bilinear", "tvu8bilinear", 0, 0},
    {"tv_u8_bicubic", "tvu8bicubic", 0, 0},
    {"tv_u8_bilinear_aa", "tvu8bilinearaa", 0, 0},
    {"tv_u8_bicubic_aa", "tvu8bicubicaa", 0, 0},
    {"tv_f32_bilinear", "tvf32bilinear", FP32_SUMS, 1},
    {"tv_f32_bicubic", "tvf32bicubic", FP32_SUMS, 1},
    {"tv_f32_bilinear_aa", "tvf32bilinearaa", FP32_SUMS, 1},
    {"tv_f32_bicubic_aa", "tvf32bicubicaa", FP32_SUMS, 1},
    {"cv_nearest", "cvnearest", 0, 0},
    {"cv_linear", "cvlinear", 0, 0},
    {"cv_linear_noipp", "cvlinear", 0, 0},
    {"cv_linear_exact", "cvlinearexact", 0, 0},
    {"cv_area", "cvarea", 0, 0},
    {"cv_area_noipp", "cvarea", 0, 0},
    {"cv_cubic", "cvcubic", ONE_LEVEL, 0.25},
    {"cv_cubic_noipp", "cvcubic", ONE_LEVEL, 0.01},
};

/* Of what is stored of an output (all of it or eight rows), the share that differs from ours. */
static double share_differing(const char *npz, const char *key, const float *got, size_t h,
                              size_t n_row)
{
    char rows_key[PATH];
    size_t n = 0, differ = 0, rows[8] = {0, 1, 2, h / 4, h / 3, h / 2, h - 2, h - 1};
    float *want = stored(npz, key, &n, NULL);
    bool whole = want != NULL;
    if (!whole) {
        snprintf(rows_key, sizeof rows_key, "%s#rows", key);
        want = stored(npz, rows_key, &n, NULL);
    }
    for (size_t i = 0; want && i < n; i++) {
        size_t y = whole ? i / n_row : rows[i / n_row];
        differ += fabs((double)got[y * n_row + i % n_row] - (double)want[i]) > 0.0;
    }
    free(want);
    return n ? (double)differ / (double)n : 0.0;
}

/* method, SRC/HxW, dtype, h, w, c, sha256 */
static void resize_case(char *const field[FIELDS])
{
    char source[64], npz[256], hex[HASH_SHA256_HEX];
    struct err e = {0};
    struct npy px = {0};
    struct image in;
    size_t i = 0, h = number(field[3]), w = number(field[4]);
    while (i < ARRAY_LEN(methods) && strcmp(methods[i].theirs, field[0]) != 0) {
        i++;
    }
    snprintf(source, sizeof source, "%.*s", (int)strcspn(field[1], "/"), field[1]);
    if (strcmp(field[2], "error") == 0) {
        leave_out("resize by torchvision to 1 x 1", "torch fails, so there is nothing to compare");
        return;
    }
    const struct resize_kernel *k =
        i < ARRAY_LEN(methods) ? resize_find(methods[i].ours, &e) : NULL;
    if (!k || !source_image(source, &px, &in)) {
        report(false, HUGE_VAL, 0.0, "resize %s %s: no such %s", field[0], field[1],
               k ? "source" : "method is known");
        npy_release(&px);
        return;
    }
    float *out = malloc(h * w * in.c * sizeof *out);
    struct resize_dims d = resize_whole(&in, h, w);
    if (!out || resize_run(k, &in, &d, out, &suite.scratch.work, &e)) {
        report(false, HUGE_VAL, 0.0, "resize %s %s: %s", field[0], field[1], e.text);
    } else {
        hash_as(field[2], out, h * w * in.c, hex);
        snprintf(npz, sizeof npz, "resize/%s.npz", field[0]);
        double bound = methods[i].bound;
        double error = bound == 0.0 ? deviation_beside_hash(npz, field[1], out, h, w * in.c)
                                    : deviation(npz, field[1], out, h, w * in.c);
        double share = share_differing(npz, field[1], out, h, w * in.c);
        bool ok = bound == 0.0 ? strcmp(hex, field[6]) == 0 && error == 0.0
                               : error <= bound && share <= methods[i].share;
        report(ok, error, bound, "resize %s %s by %s, %g of the values differ", field[0], field[1],
               k->name, share);
    }
    free(out);
    npy_release(&px);
}

#endif
