/* The network on the cpu engine: its layers, their packed weights, buffers for a group of images,
 * and the forward pass. */
#ifndef BITBENCH_MODELS_CPU_NET_H
#define BITBENCH_MODELS_CPU_NET_H

#include <stdbool.h>
#include <stddef.h>
#include "harness/base/arena.h"
#include "models/bit.h"
#include "models/cpu/conv.h"
#include "models/cpu/crew.h"

struct err;
struct model;
struct pool;

struct layer {
    size_t k, stride, cin, cout;
    size_t h, w;            /* of its input, at the planned size */
    bool winograd, strided; /* how it runs forward at that size, as in struct conv */
    const float *raw;       /* in the model's parameters; NULL without */
    float *packed;          /* owned; NULL = not yet */
};

/* A block takes `images` images at a time: fewer in the first blocks, whose tensors are large, so
 * that what one layer leaves the next finds in the cache. */
struct stage {
    size_t images;
    size_t first_layer, first_unit, n_units;
    size_t floats, c; /* of the block's input: of an image; channels */
};

struct buffers {
    struct arena arena;
    float *root;                       /* output of the root's convolution */
    float *input[ARCH_BLOCKS + 1];     /* of each block, the last one's output */
    float *affine[ARCH_BLOCKS + 1];    /* the norm that goes with it */
    float *inner[2];                   /* outputs of a unit's first and second convolution */
    float *inner_affine[2], *x_affine; /* and their norms; the norm of a unit's output */
    double *sums;
    atomic_size_t *left;
    float *spectrum, *scratch;
    size_t scratch_floats; /* of each thread */
};

struct cpu_net {
    const struct model *model;
    const struct simd *simd;
    struct crew crew;     /* as many threads as the buffers are for */
    bool no_winograd;     /* direct convolutions everywhere */
    struct layer *layers; /* network order: root, then of each unit proj (if any), a, b, c; owned */
    size_t n_layers;
    struct bit_net bit;                   /* vectors and head; empty without parameters */
    size_t held;                          /* bytes in use beside the model and all of this */
    size_t h, w;                          /* planned for; 0 = not yet */
    size_t group;                         /* images at a time */
    struct stage stages[ARCH_BLOCKS + 1]; /* the last one: the network's output */
    struct buffers buffers;
};

/* The model may be without parameters: then only cpu_net_choose and the sizes in bytes serve. The
 * network's kernels are not yet packed. */
int cpu_net_init(struct cpu_net *net, const struct model *m, struct pool *pool, bool no_winograd,
                 struct err *e);
void cpu_net_release(struct cpu_net *net); /* also of {0} */
/* Gives back packed weights and buffers; the next plan makes them anew. */
void cpu_net_forget(struct cpu_net *net);

/* Packs all kernels; what the model held of each goes back to the system, and the model is spent.
 * On failure it is spent, too, and net of no more use. */
int cpu_net_take_kernels(struct cpu_net *net, struct model *m, struct err *e);

/* Bytes of the model's parameters, but for kernels given back; of packed weights; of buffers for n
 * images and so many threads. */
size_t cpu_net_model_bytes(const struct cpu_net *net);
size_t cpu_net_largest_bytes(const struct cpu_net *net); /* of one layer's packed weights */
size_t cpu_net_weight_bytes(const struct cpu_net *net);
size_t cpu_net_buffer_bytes(const struct cpu_net *net, size_t n, size_t threads);

/* How many of n images a layer takes at a time when all threads work, once sizes are chosen. */
size_t cpu_net_layer_images(const struct cpu_net *net, size_t layer, size_t n);

/* Sets all layers' sizes for images of h x w, and Winograd where it saves work. */
void cpu_net_choose(struct cpu_net *net, size_t h, size_t w);

/* How many of n images to take at a time, memory allowing. */
size_t cpu_net_group(size_t n, size_t h, size_t w);

/* Makes ready for n images of h x w: packs what is not yet packed, opens buffers for as many images
 * as net->group then says and as many threads as net->crew. ERR_LIMIT when not even one image and
 * one thread fit mem_limit(). */
int cpu_net_plan(struct cpu_net *net, size_t n, size_t h, size_t w, struct err *e);

/* images [n,h,w,3], n at most group, of the planned size -> features [n, arch_features]. *bad is
 * lowered to the first image with a value that is not finite. Stops early, leaving features as they
 * are, when note_interrupted is set. */
void cpu_net_forward(struct cpu_net *net, const float *images, size_t n, float *features,
                     atomic_size_t *bad);
/* Doubles that the root's pool leaves for n images of so many output pixels. */
size_t cpu_net_pool_sums(size_t n, size_t pixels, size_t c);

#endif
