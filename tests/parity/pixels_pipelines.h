/* Whole preprocessings, from encoded files to the network's input. */
#ifndef BITBENCH_TESTS_PIXELS_PIPELINES_H
#define BITBENCH_TESTS_PIXELS_PIPELINES_H

#include "tests/parity/pixels_suite.h"

static const double FOLDED = 1e-6;

/* How the library gets from 0..255 to its range. */
enum steps {
    AS_OURS,
    HALVES,        /* (x / 255 - 0.5) / 0.5: torchvision's ToTensor and Normalize */
    DOUBLE,        /* x / 255 * 2 - 1: big_vision, VTAB */
    FOLDED_HALVES, /* (x - 0.5 * 255) / (0.5 * 255): transformers on tensors */
    FOLDED_CLIP,   /* the same with CLIP's mean and deviation */
};

static const struct {
    const char *name, *preset, *kernel, *range; /* kernel, range: NULL = the preset's */
    size_t size;                                /* 0 = the preset's */
    enum steps steps;
} pipelines[] = {
    {"bit_tf_128", "bit", NULL, NULL, 128, AS_OURS},
    {"bit_tf_384", "bit-paper", NULL, NULL, 384, AS_OURS},
    {"bit_pytorch_128", "bit-code-pytorch", "pil13bilinear", NULL, 128, HALVES},
    {"bit_pytorch_384", "decode:pil|resize:384-square-pil13bilinear", NULL, NULL, 0, HALVES},
    {"timm_bit_in21k_ft_in1k", "timm:448-448-bilinear", "pil13bilinear", NULL, 0, HALVES},
    {"timm_bit_in21k", "resize:256-pil13bilinear|crop:224", NULL, NULL, 0, HALVES},
    {"timm_bit_distilled", "timm:256-224-bicubic", "pil13bicubic", NULL, 0, HALVES},
    {"clip_224", "timm:224-224-bicubic", "pil13bicubic", "clip", 0, AS_OURS},
    {"hf_bit_default", "hf", NULL, NULL, 0, FOLDED_CLIP},
    {"hf_bit_448", "hf:448-448-bilinear", NULL, "-1..1", 0, FOLDED_HALVES},
    {"hf_bit_pil_default", "resize:224-shortfloor-pil13bicubic|range:clip", NULL, NULL, 0, AS_OURS},
    {"big_vision_256_224", "big-vision", NULL, NULL, 0, DOUBLE},
    {"vtab_tf1_01", "vtab", NULL, NULL, 0, AS_OURS},
    {"vtab_tf1_pm1", "vtab", NULL, "-1..1", 0, DOUBLE},
    {"vtab_tf2_01", "vtab", "tf2bilinear", NULL, 0, AS_OURS},
};

static int pipeline_preprocess(size_t i, struct preprocess *p, struct err *e)
{
    if (preprocess_preset(p, pipelines[i].preset, e)) {
        return -1;
    }
    if (pipelines[i].kernel) {
        snprintf(p->kernel, sizeof p->kernel, "%s", pipelines[i].kernel);
    }
    if (pipelines[i].range) {
        snprintf(p->range, sizeof p->range, "%s", pipelines[i].range);
    }
    if (pipelines[i].size) {
        p->resize = p->crop = pipelines[i].size;
    }
    return preprocess_resolve(p, 0, 0, e) || preprocess_check(p, e) ? -1 : 0;
}

static float in_their_steps(enum steps steps, float x, size_t channel)
{
    static const double mean[3] = {0.48145466, 0.4578275, 0.40821073};
    static const double sd[3] = {0.26862954, 0.26130258, 0.27577711};
    if (steps == FOLDED_HALVES) {
        return (x - 127.5f) / 127.5f;
    }
    if (steps == FOLDED_CLIP) {
        return (x - (float)mean[channel] * 255.0f) / ((float)sd[channel] * 255.0f);
    }
    x = x / 255.0f;
    return steps == HALVES ? (x - 0.5f) / 0.5f : x * 2.0f + -1.0f;
}

/* Runs p on an encoded file: ours, and the same in the library's steps; both crop x crop x 3. */
static int pipeline_run(struct preprocess *p, enum steps steps, const char *name, float *ours,
                        float *theirs, struct err *e)
{
    size_t n = 0, n_values = p->crop * p->crop * 3;
    char *bytes = slurp(name, &n);
    struct sample s = {.bytes = (uint8_t *)bytes, .n = n, .encoding = SAMPLE_FILE};
    struct image im;
    int rc = -1;
    if (bytes && decode_sample(&s, p->decode, &suite.scratch, &im, e) == 0 &&
        preprocess_run(p, &im, &suite.scratch, ours, NULL, e) == 0) {
        memcpy(theirs, ours, n_values * sizeof *ours);
        rc = 0;
        if (steps != AS_OURS) {
            snprintf(p->range, sizeof p->range, "none");
            rc = preprocess_run(p, &im, &suite.scratch, theirs, NULL, e);
            for (size_t i = 0; i < n_values; i++) {
                theirs[i] = in_their_steps(steps, theirs[i], i % 3);
            }
        }
    }
    free(bytes);
    return rc;
}

/* pipeline, FILE/HxW, sum, sum of squares, min, max, sha256 */
static void pipeline_case(char *const field[FIELDS])
{
    size_t i = 0;
    while (i < ARRAY_LEN(pipelines) && strcmp(pipelines[i].name, field[0]) != 0) {
        i++;
    }
    char file[256], path[PATH], npz[256], hex[HASH_SHA256_HEX];
    snprintf(file, sizeof file, "decode/files/%.*s", (int)strcspn(field[1], "/"), field[1]);
    if (i == ARRAY_LEN(pipelines) || !in_folder(path, file)) {
        report(false, HUGE_VAL, 0.0, "pipeline %s %s: not known, or no such file", field[0], file);
        return;
    }
    struct preprocess p;
    struct err e = {0};
    int rc = pipeline_preprocess(i, &p, &e);
    size_t n = rc ? 1 : p.crop * p.crop * 3;
    float *ours = malloc(n * sizeof *ours), *theirs = malloc(n * sizeof *theirs);
    if (rc || !ours || !theirs || pipeline_run(&p, pipelines[i].steps, file, ours, theirs, &e)) {
        report(false, HUGE_VAL, 0.0, "pipeline %s %s: %s", field[0], file, e.text);
    } else {
        double bound = pipelines[i].steps == AS_OURS ? 0.0 : FOLDED, error = 0.0;
        for (size_t j = 0; j < n; j++) {
            error = fmax(error, fabs((double)ours[j] - (double)theirs[j]));
        }
        snprintf(npz, sizeof npz, "pipelines/%s.npz", field[0]);
        error = fmax(error, deviation_beside_hash(npz, field[1], ours, p.crop, p.crop * 3));
        sha256_hex(theirs, n * sizeof *theirs, hex);
        report(strcmp(hex, field[6]) == 0 && error <= bound, error, bound, "pipeline %s %s",
               field[0], field[1]);
    }
    free(ours);
    free(theirs);
}

#endif
