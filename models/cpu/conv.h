/* Convolutions of the cpu engine. A layer's work is cut into blocks of output pixels (or tiles of
 * them): parts of one image, or several whole small images. How an image is cut depends on the
 * layer's shape alone, and a block's sums for GroupNorm are kept apart from the others' and added
 * in order, so that neither batch, threads nor neighbours show in the bits. */
#ifndef BITBENCH_MODELS_CPU_CONV_H
#define BITBENCH_MODELS_CPU_CONV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "models/cpu/simd.h"
#include "models/kernels/kernels.h"

struct crew;

/* `units` of each of n images in blocks of about `target`. */
struct blocks {
    size_t units, n;
    size_t parts;  /* blocks of an image, or 1 */
    size_t images; /* images of a block, or 1 */
    size_t count;
};
struct blocks blocks_cut(size_t units, size_t n, size_t target);
struct block {
    size_t image, n_images; /* which */
    size_t part;
    size_t first, n; /* units of each image */
};
struct block blocks_at(const struct blocks *b, size_t index);

/* GroupNorm of a layer's output, made from sums that the layer's blocks leave behind. */
struct stats {
    size_t c, pixels;          /* of an image */
    size_t parts;              /* blocks of an image */
    double *sums;              /* [n, parts, 2, c]: sums, sums of squares */
    atomic_size_t *left;       /* [n]: pieces of work still to be done */
    const float *gamma, *beta; /* [c] */
    float *affine;             /* [n, 3, c]: centre, scale, shift */
    double *moments;           /* [n, NORM_STATS]: means, 1 / sqrt(variance + eps); may be NULL */
    atomic_size_t *bad;        /* lowered to the first image with a value that is not finite */
    size_t first;              /* number of image 0 in what bad counts */
};
/* Floats and doubles that struct stats points at, for n images. */
size_t stats_sums(size_t n, size_t parts, size_t c);
size_t stats_affine(size_t n, size_t c);
/* Before a layer: each image is made in `pieces` pieces of work. */
void stats_begin(struct stats *s, size_t n, size_t pieces);
double *stats_at(const struct stats *s, size_t image, size_t part);
/* A piece of an image is done. The last one makes affine. */
void stats_done(struct stats *s, size_t image);
/* Lowers *bad to image. */
void stats_bad(atomic_size_t *bad, size_t image);
struct simd_affine stats_affine_at(const float *affine, size_t image, size_t c);

/* One layer at one size. */
struct conv {
    const struct simd *simd;
    struct conv_shape shape;
    size_t oh, ow;
    bool winograd;
    bool strided;         /* Winograd for stride 2, on direct weights */
    const float *weights; /* packed: pack.h */
    const float *x;       /* [n,h,w,cin] */
    const float *affine;  /* [n, 3, cin], put on x with ReLU; NULL: x as it is */
    const float *add;     /* [n,oh,ow,cout], may be y; or NULL */
    float *y;
    struct stats *stats; /* NULL: none wanted */
    float *scratch;      /* conv_scratch floats for each thread */
    size_t scratch_floats;
    float *spectrum; /* winograd and strided: conv_spectrum floats */
};

/* Where one tap of a convolution is applied: channels first.. of tap (ky, kx). */
struct conv_slice {
    size_t ky, kx, first, n;
};
/* The inputs of one tap at the output pixels of a block, with norm and ReLU, 0 beyond the image:
 * a [rows of the block, s->n], lda floats apart. Reads simd, shape, oh, ow, x and affine. */
void conv_pack(const struct conv *c, const struct conv_slice *s, const struct block *b, float *a,
               size_t lda);

/* Whether Winograd saves work at this size (it needs a 3x3 kernel with stride 1). */
bool conv_prefers_winograd(const struct conv_shape *s);
/* Whether strided Winograd is faster for any number of images (it needs 3x3 with stride 2). */
bool conv_prefers_strided(const struct conv_shape *s);
/* A cache line of floats: rows that are so much longer fall on different cache sets. */
enum { CONV_PAD = 16 };
/* Floats from a point of Winograd's to the next, each rows x ld: an odd number of lines, lest all
 * points fall on one cache set. */
size_t conv_plane(size_t rows, size_t ld);
/* The norm of an image of x from channel `first` on; nothing where x has none. */
struct simd_affine conv_affine_at(const struct conv *c, size_t image, size_t first);
/* Sets oh and ow. */
void conv_size(struct conv *c);
/* Blocks of an image, hence how many sums a layer makes; floats a thread needs; floats that all
 * threads share. They read simd, shape, oh, ow, winograd and strided, and hold for fewer images,
 * too. */
size_t conv_parts(const struct conv *c);
size_t conv_scratch(const struct conv *c);
size_t conv_spectrum(const struct conv *c);
void conv_run(const struct conv *c, const struct crew *crew);

/* The parts of conv_run. */
void conv_gemm_run(const struct conv *c, const struct crew *crew);
void conv_root_run(const struct conv *c, const struct crew *crew);
void conv_winograd_run(const struct conv *c, const struct crew *crew);
void conv_strided_run(const struct conv *c, const struct crew *crew);
size_t conv_gemm_scratch(const struct conv *c);
size_t conv_root_scratch(const struct conv *c);
size_t conv_winograd_scratch(const struct conv *c);
size_t conv_strided_scratch(const struct conv *c);
size_t conv_winograd_spectrum(const struct conv *c);
size_t conv_strided_spectrum(const struct conv *c);
size_t conv_gemm_parts(const struct conv *c);
size_t conv_winograd_parts(const struct conv *c);
size_t conv_strided_parts(const struct conv *c);

#endif
