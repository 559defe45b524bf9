/* A model: weights, architecture, and what its publisher fixed. Looked up by path, by zoo name,
 * as random:ARCH[:SEED], or as pixels (features = the network's input itself: the floor).
 *
 * To add a published model: one row in models/zoo/zoo.c. To add a weight format: one file
 * weights_x.c with a const struct weight_format, one line in the table of weights.c. */
#ifndef BITBENCH_MODELS_MODEL_H
#define BITBENCH_MODELS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/hash.h"
#include "models/arch.h"

struct err;

enum model_kind { MODEL_BIT,
                  MODEL_PIXELS };

struct model {
    enum model_kind kind;
    char name[512];            /* as the user said it */
    char subject[512];         /* for results: zoo name, random:..., pixels, or for a path
                                  BASENAME@first 12 hex of sha256: no folder names */
    struct arch arch;          /* MODEL_BIT */
    char arch_text[ARCH_NAME]; /* "R50x1", or "pixels" */
    size_t n_classes;          /* of the checkpoint's own head; 0 = none */
    float *params;             /* the block described by table; owned; kernels as stored, not
                                  yet standardised */
    bool spent;                /* an engine has taken the kernels over: params holds vectors
                                  and head only */
    struct param_table table;
    double ws_eps;       /* inside the square root: 1e-10 BiT's code, 1e-8 timm and HF */
    char preprocess[64]; /* the publisher's: preset:RESIZE-CROP-KERNEL, e.g.
                            "timm:448-448-bilinear"; "" = unknown */
    char path[4096];     /* of the weights; "" for random and pixels */
    /* Of the weights file's bytes; of the parameter values in table order for random; of the
     * text "pixels" for pixels. "" where weights would have had to be read and were not. */
    char sha256[HASH_SHA256_HEX];
    const char *sources; /* the source files that made the weights, space separated, for
                            numeric_id; "" for pixels */
};

/* Opens a model. name: a path (with a slash or a known extension; a folder means the
 * model.safetensors in it), random:ARCH[:SEED], pixels, or a zoo name, alias or file name. For the
 * zoo, where (may be NULL) names the data folders: DIR and DIR/models are searched for the
 * publisher's file, then NAME.npz, NAME.safetensors and the same with the alias. ERR_ABSENT for
 * a known model whose weights are not there (saying where they were sought and the official URL)
 * or a path where nothing is, ERR_USAGE for an unknown name (near matches), ERR_FORMAT for a
 * damaged file. with_params false: everything but params, reading little (for lists and checks;
 * the values themselves are then not checked). Closed by model_close; *m is NULL on failure. */
struct model_dirs {
    const char *const *dirs;
    size_t n;
};
int model_open(struct model **m, const char *name, const struct model_dirs *where, bool with_params,
               struct err *e);
void model_close(struct model *m); /* NULL is fine */

/* Length of a feature row for inputs of h x w pixels. */
size_t model_feature_dim(const struct model *m, size_t h, size_t w);

/* Fills an empty model ({0}): Kaiming initialisation (normal, std sqrt(2 / fan_in), fan_in =
 * kh*kw*cin), gamma 1, beta 0, head 0, from counter-based randomness: a value is a pure function
 * of (fan_in, seed, tensor name, index). Release with model_release. */
int model_init_random(struct model *m, const struct arch *a, size_t n_classes, uint64_t seed,
                      struct err *e);
/* Frees what m holds, not m itself. */
void model_release(struct model *m);

/* Writes the weights of a MODEL_BIT; format by extension (.npz as released, .safetensors with
 * timm's names), always float32, ws_eps kept. Atomic. */
int model_save(const struct model *m, const char *path, struct err *e);

/* --- the zoo: published checkpoints --- */
struct zoo_row {
    const char *name;  /* timm's, or the publisher's where timm has none */
    const char *alias; /* "bit-m-r50x1" */
    const char *arch;
    size_t n_classes;
    const char *npz; /* file name of the publisher's .npz */
    const char *url;
    const char *preprocess; /* as in struct model */
    const char *note;       /* upstream data and fine-tuning, in words */
};
extern const struct zoo_row zoo[];
extern const size_t zoo_n;
/* By name, alias or the publisher's file name with or without .npz; NULL when there is none. */
const struct zoo_row *zoo_find(const char *name);

#endif
