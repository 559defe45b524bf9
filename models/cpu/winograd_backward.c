/* Backward-weights of 3x3 convolutions with stride 1 by Winograd F(4x4,3x3): tiles of the
 * normalised input and of dy become 36 points each, each point is a product of its own, summed over
 * the tiles of a chunk of images, and 36 points become a 3x3 kernel. Chunks lie within groups of
 * TRAIN_GROUP images; as many as the shared memory holds are transformed at a time, then each piece
 * of the weights takes them one after the other. */
#include "models/cpu/backward.h"

#include "models/cpu/crew.h"
#include "models/engine.h"

enum {
    CHUNK_TILES = 256,      /* of a chunk, about: more would round more */
    ROUND_FLOATS = 2 << 20, /* points that are transformed at a time, about */
    TRANSFORM_TILES = 32,   /* a piece of the transforms */
    PIECE_ROWS = 64,        /* input channels of a piece of the weights, at most */
    WANTED_ITEMS = 4,       /* for each thread */
};

struct job {
    const struct conv_weights *w;
    size_t tiles;            /* of an image */
    size_t images;           /* of a chunk, at most */
    size_t chunks, round;    /* in all; at a time */
    size_t chunk_floats;     /* of its points, of x and dy */
    size_t plane_x, plane_y; /* floats from point to point */
    size_t first;            /* chunk of this round */
    size_t transforms, rows; /* pieces of a chunk's transform; input channels of a piece */
};

static size_t cut(size_t all, size_t most)
{
    return (all + most - 1) / most;
}

static struct job job_of(const struct conv_weights *w)
{
    const struct conv_shape *z = &w->conv.shape;
    struct job j = {.w = w, .tiles = cut(w->conv.oh, WINO_TILE) * cut(w->conv.ow, WINO_TILE)};
    j.images = at_most(CHUNK_TILES > j.tiles ? CHUNK_TILES / j.tiles : 1, TRAIN_GROUP);
    while (TRAIN_GROUP % j.images) {
        j.images--; /* chunks of a group are equal */
    }
    j.chunks = cut(z->n, j.images);
    j.plane_x = conv_plane(j.images * j.tiles, z->cin + CONV_PAD);
    j.plane_y = conv_plane(j.images * j.tiles, z->cout);
    j.chunk_floats = WINO_POINTS * (j.plane_x + j.plane_y);
    j.round = at_most(ROUND_FLOATS / j.chunk_floats, j.chunks);
    j.round = j.round ? j.round : 1;
    j.transforms = cut(j.images * j.tiles, TRANSFORM_TILES);
    return j;
}

size_t conv_winograd_weights_scratch(const struct conv_weights *w)
{
    return WINO_POINTS * (at_most(w->conv.shape.cin, PIECE_ROWS) * w->conv.simd->panel);
}

size_t conv_winograd_weights_spectrum(const struct conv_weights *w)
{
    struct job j = job_of(w);
    return j.round * j.chunk_floats;
}

static float *points_of(const struct job *j, size_t chunk)
{
    return j->w->spectrum + (chunk - j->first) * j->chunk_floats;
}

static size_t images_of(const struct job *j, size_t chunk)
{
    return at_most(j->w->conv.shape.n - chunk * j->images, j->images);
}

/* Tiles first..first+n-1 of one image, at `at` of the chunk. */
static void transform(const struct job *j, size_t image, size_t first, size_t n, size_t at,
                      float *points)
{
    const struct conv *c = &j->w->conv;
    const struct conv_shape *z = &c->shape;
    size_t panel = c->simd->panel, ldx = z->cin + CONV_PAD, all = j->images * j->tiles;
    struct simd_tiles t = {.h = z->h, .w = z->w, .first = first, .n = n};
    struct simd_tiles_in in = {.t = t,
                               .x = c->x + image * z->h * z->w * z->cin,
                               .v = points + at * ldx,
                               .affine = conv_affine_at(c, image, 0)};
    in.t.c = in.t.ldx = z->cin;
    in.t.plane = j->plane_x;
    in.t.ldv = ldx;
    c->simd->tiles_in(&in);
    points += WINO_POINTS * j->plane_x;
    t.c = t.ldv = panel;
    t.ldx = z->cout;
    t.plane = j->plane_y;
    for (size_t k = 0; k < z->cout; k += panel) {
        struct simd_tiles_back back = {.t = t,
                                       .dy = j->w->dy + image * z->h * z->w * z->cout + k,
                                       .v = points + k * all + at * panel};
        c->simd->tiles_back(&back);
    }
}

static void transform_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    size_t chunk = j->first + item / j->transforms, piece = item % j->transforms;
    size_t n = images_of(j, chunk) * j->tiles;
    size_t at = n * piece / j->transforms, end = n * (piece + 1) / j->transforms;
    (void)worker;
    while (at < end) {
        size_t first = at % j->tiles, most = at_most(j->tiles - first, end - at);
        transform(j, chunk * j->images + at / j->tiles, first, most, at, points_of(j, chunk));
        at += most;
    }
}

/* Input channels `in` on, one panel of output channels: all points, then the kernel. */
static void add_chunk(const struct job *j, size_t chunk, size_t in, size_t rows, size_t panel,
                      float *m)
{
    const struct conv *c = &j->w->conv;
    const struct conv_shape *z = &c->shape;
    size_t width = c->simd->panel, tiles = images_of(j, chunk) * j->tiles;
    const float *x = points_of(j, chunk) + in;
    const float *dy = points_of(j, chunk) + WINO_POINTS * j->plane_x +
                      panel * j->images * j->tiles * width;
    for (size_t p = 0; p < WINO_POINTS; p++) {
        struct simd_outer o = {.rows = rows,
                               .lda = z->cin + CONV_PAD,
                               .ldb = width,
                               .ldc = width,
                               .c = m + p * rows * width};
        for (size_t t = 0; t < tiles; t += o.n) {
            o.n = at_most(tiles - t, CHUNK_TILES);
            o.a = x + p * j->plane_x + t * o.lda;
            o.b = dy + p * j->plane_y + t * width;
            o.start = t == 0;
            c->simd->outer(&o);
        }
    }
    struct simd_kernel_back back = {.rows = rows,
                                    .tap = z->cin * z->cout,
                                    .ldw = z->cout,
                                    .m = m,
                                    .dw = j->w->dw + in * z->cout + panel * width};
    c->simd->kernel_back(&back);
}

static void piece_item(void *ctx, size_t item, size_t worker)
{
    const struct job *j = ctx;
    const struct conv *c = &j->w->conv;
    size_t pieces = cut(c->shape.cin, j->rows), piece = item % pieces, panel = item / pieces;
    size_t first = c->shape.cin * piece / pieces, end = c->shape.cin * (piece + 1) / pieces;
    float *m = c->scratch + worker * c->scratch_floats;
    for (size_t i = j->first; i < at_most(j->first + j->round, j->chunks); i++) {
        add_chunk(j, i, first, end - first, panel, m);
    }
}

void conv_winograd_weights_run(const struct conv_weights *w, const struct crew *crew)
{
    struct job j = job_of(w);
    size_t panels = w->conv.shape.cout / w->conv.simd->panel, wanted = WANTED_ITEMS * crew->size;
    j.rows = at_most(w->conv.shape.cin, PIECE_ROWS);
    while (j.rows > w->conv.simd->rows && cut(w->conv.shape.cin, j.rows) * panels < wanted) {
        j.rows = cut(j.rows, 2);
    }
    for (; j.first < j.chunks; j.first += j.round) {
        size_t n = at_most(j.chunks - j.first, j.round);
        crew_run(crew, n * j.transforms, transform_item, &j);
        crew_run(crew, cut(w->conv.shape.cin, j.rows) * panels, piece_item, &j);
    }
}
