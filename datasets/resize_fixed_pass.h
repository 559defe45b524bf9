/* One pass of the integer resizing, for the files that hold its loops. */
#ifndef BITBENCH_DATASETS_RESIZE_FIXED_PASS_H
#define BITBENCH_DATASETS_RESIZE_FIXED_PASS_H

#include <stddef.h>
#include <stdint.h>

struct fixed_axis {
    uint32_t *first, *n; /* [n_out] source pixels from first, relative to `from` */
    int32_t *w;          /* [n_out, max] weights times 2^bits */
    size_t n_out, max;
    size_t from, n_in; /* the source pixels that any output needs */
    int bits;
};

/* Over rows of `values` bytes, src_row bytes apart, of which c make a pixel. dst is dense. */
struct fixed_pass {
    const struct fixed_axis *axis;
    const uint8_t *src;
    size_t src_row, rows, values, c;
    uint8_t *dst;
};

/* Along x, the first rows of the pass; gives how many, 0 where the build has no such code. */
size_t fixed_x_avx2(const struct fixed_pass *p);
/* Along y, the first values of every row; gives how many. */
size_t fixed_y_avx2(const struct fixed_pass *p);

#endif
