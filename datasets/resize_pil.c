/* Pillow's Image.resize on 8-bit images: filters stretched when shrinking (antialias), weights in
 * fixed point of 22 bits; each of the two passes rounds and clamps to 8 bits. Exact, but for the
 * Hamming window, whose cosine may move single values by 1.
 *
 * The passes do not commute. Pillow up to 12 goes along x first: pil*, and most published numbers.
 * Pillow 13 goes along y first when h shrinks and h - oh > 2 * (w - ow): pil13*. */
#include "datasets/resize_fixed.h"

/* Pillow 13's choice, found by experiment on 5,000 geometries without exception. */
static bool pil13_y_first(const struct resize_dims *d)
{
    return d->y.out < d->y.in &&
           (double)d->y.in - (double)d->y.out > 2.0 * ((double)d->x.in - (double)d->x.out);
}

enum { BITS = 22 };

static const struct fixed_how x_first[] = {
    {&filter_box, filter_taps, filter_max_taps, BITS, NULL},
    {&filter_bilinear, filter_taps, filter_max_taps, BITS, NULL},
    {&filter_hamming, filter_taps, filter_max_taps, BITS, NULL},
    {&filter_bicubic, filter_taps, filter_max_taps, BITS, NULL},
    {&filter_lanczos, filter_taps, filter_max_taps, BITS, NULL},
};

static const struct fixed_how by_size[] = {
    {&filter_box, filter_taps, filter_max_taps, BITS, pil13_y_first},
    {&filter_bilinear, filter_taps, filter_max_taps, BITS, pil13_y_first},
    {&filter_hamming, filter_taps, filter_max_taps, BITS, pil13_y_first},
    {&filter_bicubic, filter_taps, filter_max_taps, BITS, pil13_y_first},
    {&filter_lanczos, filter_taps, filter_max_taps, BITS, pil13_y_first},
    {&filter_mks2013, filter_taps, filter_max_taps, BITS, pil13_y_first},
    {&filter_mks2021, filter_taps, filter_max_taps, BITS, pil13_y_first},
};

const struct resize_kernel resize_pil_box = {
    .name = "pilbox",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow up to 12, box, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &x_first[0],
};
const struct resize_kernel resize_pil_bilinear = {
    .name = "pilbilinear",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow up to 12, bilinear, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &x_first[1],
};
const struct resize_kernel resize_pil_hamming = {
    .name = "pilhamming",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow up to 12, Hamming window, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &x_first[2],
};
const struct resize_kernel resize_pil_bicubic = {
    .name = "pilbicubic",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow up to 12, bicubic, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &x_first[3],
};
const struct resize_kernel resize_pil_lanczos = {
    .name = "pillanczos",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow up to 12, Lanczos with three lobes, antialias",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &x_first[4],
};
const struct resize_kernel resize_pil13_box = {
    .name = "pil13box",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, box, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[0],
};
const struct resize_kernel resize_pil13_bilinear = {
    .name = "pil13bilinear",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, bilinear, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[1],
};
const struct resize_kernel resize_pil13_hamming = {
    .name = "pil13hamming",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, Hamming window, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[2],
};
const struct resize_kernel resize_pil13_bicubic = {
    .name = "pil13bicubic",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, bicubic, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[3],
};
const struct resize_kernel resize_pil13_lanczos = {
    .name = "pil13lanczos",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, Lanczos with three lobes, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[4],
};
const struct resize_kernel resize_pil13_mks2013 = {
    .name = "pil13mks2013",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, magic kernel sharp 2013, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[5],
};
const struct resize_kernel resize_pil13_mks2021 = {
    .name = "pil13mks2021",
    .sources = "datasets/resize_pil.c datasets/resize_fixed.c datasets/resize_fixed_avx2.c "
               "datasets/resize_filter.c",
    .help = "Pillow 13, magic kernel sharp 2021, antialias; other order of passes",
    .prepare = fixed_prepare,
    .run = fixed_run,
    .how = &by_size[6],
};
