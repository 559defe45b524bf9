/* Pixels against other people's libraries: decoding, resizing and whole preprocessings over a
 * folder of the form of tests/parity/pixels (see its README): the program's argument, or that one.
 * Methods without a counterpart here and GIF and BMP files are left out and not counted.
 *
 * A case passes when the SHA-256 of the whole output is the library's. Where the library reaches
 * -1..1 in other steps than we do, the output in the library's steps must have its hash and ours
 * must lie within 1e-6 of it: four roundings to fp32 of values up to 1 are below 2.4e-7. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/npy.h"
#include "harness/base/zip.h"

enum { FIELDS = 8,
       PATH = 1024 };
static const double FOLDED = 1e-6;

static struct {
    const char *dir;
    size_t n, failed;
    double worst; /* of the section at hand */
    struct transform_scratch scratch;
} suite;

__attribute__((format(printf, 4, 5))) static void report(bool ok, double error, double bound,
                                                         const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%s %zu - ", ok ? "ok" : "not ok", ++suite.n);
    vprintf(fmt, args);
    printf(": |error| %g, bound %g\n", error, bound);
    va_end(args);
    suite.failed += !ok;
    suite.worst = error > suite.worst ? error : suite.worst;
}

/* The path of a file of the folder; false when there is none. */
static bool in_folder(char path[PATH], const char *name)
{
    return file_join(path, PATH, suite.dir, name, NULL) == 0 && file_exists(path);
}

/* A file of the folder, or NULL when there is none. Damage ends the program. */
static char *slurp(const char *name, size_t *n)
{
    char path[PATH];
    unsigned char *data;
    struct err e = {0};
    if (!in_folder(path, name)) {
        return NULL;
    }
    if (file_read(path, 0, &data, n, &e)) {
        printf("Bail out! %s\n", e.text);
        exit(1);
    }
    return (char *)data;
}

/* Calls fn for every row behind the header with its tab-separated fields, "" where missing. */
static void each_row(const char *tsv, void (*fn)(char *const field[FIELDS]))
{
    size_t n;
    char *text = slurp(tsv, &n), *line = text ? strchr(text, '\n') : NULL;
    while (line && line[1]) {
        char *start = line + 1, none[] = "", *field[FIELDS];
        line = strchr(start, '\n');
        if (line) {
            *line = '\0';
        }
        for (size_t i = 0; i < FIELDS; i++) {
            field[i] = start ? strsep(&start, "\t") : none;
        }
        fn(field);
    }
    free(text);
}

/* Largest difference from what is stored of an output: the whole, or eight of its rows. 0 when
 * nothing is stored, infinite when the stored array is of another size. */
static double deviation(const char *npz, const char *key, const float *got, size_t h, size_t n_row)
{
    char path[PATH], name[PATH];
    struct err e = {0};
    struct zip z;
    if (!in_folder(path, npz)) {
        return 0.0;
    }
    if (zip_open(&z, path, &e)) {
        printf("# %s\n", e.text);
        return HUGE_VAL;
    }
    size_t rows[8] = {0, 1, 2, h / 4, h / 3, h / 2, h - 2, h - 1};
    snprintf(name, sizeof name, "%s.npy", key);
    const struct zip_member *m = zip_find(&z, name);
    bool whole = m != NULL;
    if (!whole) {
        snprintf(name, sizeof name, "%s#rows.npy", key);
        m = zip_find(&z, name);
    }
    double worst = m ? HUGE_VAL : 0.0;
    unsigned char *bytes = NULL;
    struct npy a;
    size_t n_rows = whole ? h : 8;
    float *want = malloc((n_rows * n_row + 1) * sizeof *want);
    if (m && want && zip_read_alloc(&z, m, 0, &bytes, &e) == 0 &&
        npy_parse(&a, bytes, m->bytes, name, &e) == 0 && a.n == n_rows * n_row &&
        npy_to_f32(&a, want, name, &e) == 0) {
        worst = 0.0;
        for (size_t i = 0; i < a.n; i++) {
            size_t y = whole ? i / n_row : rows[i / n_row];
            worst = fmax(worst, fabs((double)got[y * n_row + i % n_row] - (double)want[i]));
        }
    }
    free(want);
    free(bytes);
    zip_close(&z);
    return worst;
}

/* --- decoding --- */

static const struct {
    const char *theirs, *ours, *group;
} decoders[] = {
    {"pil", "pil", "pil"},
    {"tf_image", "tf", "tf"},
    {"tf_jpeg", "tf", "tf"},
    {"tf_jpeg_fast", "tf", "tf"},
    {"tf_png", "tf", "tf"},
};

static const char *our_decoder(const char *theirs, const char **group)
{
    for (size_t i = 0; i < ARRAY_LEN(decoders); i++) {
        if (strcmp(decoders[i].theirs, theirs) == 0) {
            *group = decoders[i].group;
            return decoders[i].ours;
        }
    }
    return NULL;
}

/* An encoded file to RGB, as 8-bit values and as floats, which the caller frees. */
static int decode_rgb(const char *bytes, size_t n, const char *decode, struct image *im,
                      uint8_t **rgb, struct err *e)
{
    struct sample s = {.bytes = (const uint8_t *)bytes, .n = n, .encoding = SAMPLE_FILE};
    if (decode_sample(&s, decode, &suite.scratch, im, e)) {
        return -1;
    }
    size_t n_values = im->h * im->w * 3;
    *rgb = malloc(n_values);
    for (size_t i = 0; *rgb && i < n_values; i++) {
        (*rgb)[i] = im->data[im->c == 3 ? i : i / 3];
    }
    return *rgb ? 0 : -1;
}

static double decoded_deviation(const char *group, const char *file, const char *decoder,
                                const uint8_t *rgb, const struct image *im)
{
    char npz[64], key[256];
    snprintf(npz, sizeof npz, "decode/arrays.%s.npz", group);
    snprintf(key, sizeof key, "%s/%s", file, decoder);
    float *v = malloc(im->h * im->w * 3 * sizeof *v);
    for (size_t i = 0; v && i < im->h * im->w * 3; i++) {
        v[i] = rgb[i];
    }
    double d = v ? deviation(npz, key, v, im->h, im->w * 3) : HUGE_VAL;
    free(v);
    return d;
}

/* file, decoder, status, h, w, sha256 */
static void decode_case(char *const field[FIELDS])
{
    const char *file = field[0], *group = NULL, *decode = our_decoder(field[1], &group);
    char name[256], hex[HASH_SHA256_HEX] = "";
    size_t n = 0;
    snprintf(name, sizeof name, "decode/files/%s", file);
    char *bytes = decode ? slurp(name, &n) : NULL;
    if (!bytes || strncmp(bytes, "GIF", 3) == 0 || strncmp(bytes, "BM", 2) == 0) {
        free(bytes);
        return;
    }
    struct err e = {0};
    struct image im;
    uint8_t *rgb = NULL;
    int rc = decode_rgb(bytes, n, decode, &im, &rgb, &e);
    if (strcmp(field[2], "error") == 0) {
        report(rc == -1 && e.text[0], 0.0, 0.0, "decode %s as %s: must be refused, is: %s", file,
               field[1], rc ? e.text : "accepted");
    } else if (rc) {
        report(false, HUGE_VAL, 0.0, "decode %s as %s: %s", file, field[1], e.text);
    } else {
        sha256_hex(rgb, im.h * im.w * 3, hex);
        bool same = strcmp(hex, field[5]) == 0 && strtoull(field[3], NULL, 10) == im.h;
        double error = decoded_deviation(group, file, field[1], rgb, &im);
        report(same && error == 0.0, error, 0.0, "decode %s as %s, %zu x %zu", file, field[1], im.h,
               im.w);
    }
    free(rgb);
    free(bytes);
}

/* --- resizing --- */

static const struct {
    const char *theirs, *ours;
} methods[] = {
    {"tf1_bilinear", "tf1bilinear"},
    {"tf1_resize_images", "tf1bilinear"},
    {"tf2_bilinear", "tf2bilinear"},
    {"tf2_bicubic", "tf2bicubic"},
    {"tf2_area", "tf2area"},
    {"pil_bilinear", "pil13bilinear"},
    {"pil_bicubic", "pil13bicubic"},
    {"tvpil_bilinear", "pil13bilinear"},
    {"tvpil_bicubic", "pil13bicubic"},
    {"pil11_bilinear", "pilbilinear"},
    {"pil11_bicubic", "pilbicubic"},
};

static const struct resize_kernel *our_kernel(const char *theirs)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].theirs, theirs) == 0) {
            return resize_find(methods[i].ours, NULL);
        }
    }
    return NULL;
}

/* Hash of the output in the library's type: 8-bit values or floats. */
static void hash_as(const char *dtype, const float *v, size_t n, char hex[HASH_SHA256_HEX])
{
    if (strcmp(dtype, "uint8") != 0) {
        sha256_hex(v, n * sizeof *v, hex);
        return;
    }
    uint8_t *u = malloc(n);
    for (size_t i = 0; u && i < n; i++) {
        u[i] = (uint8_t)v[i];
    }
    sha256_hex(u, n, hex);
    free(u);
}

/* method, SRC/HxW, dtype, h, w, c, sha256 */
static void resize_case(char *const field[FIELDS])
{
    const struct resize_kernel *k = our_kernel(field[0]);
    char path[PATH], name[256], hex[HASH_SHA256_HEX];
    snprintf(name, sizeof name, "resize/src/%.*s.npy", (int)strcspn(field[1], "/"), field[1]);
    if (!k || !in_folder(path, name)) {
        return;
    }
    struct err e = {0};
    struct npy src;
    size_t h = strtoull(field[3], NULL, 10), w = strtoull(field[4], NULL, 10);
    float *out = NULL;
    if (npy_read(&src, path, &e) == 0 && src.n_dims == 3) {
        struct image in = {src.data, src.dims[0], src.dims[1], src.dims[2]};
        out = malloc(h * w * in.c * sizeof *out);
        if (out && k->run(&in, out, h, w, &suite.scratch.work, &e) == 0) {
            hash_as(field[2], out, h * w * in.c, hex);
            snprintf(name, sizeof name, "resize/%s.npz", field[0]);
            double error = deviation(name, field[1], out, h, w * in.c);
            report(strcmp(hex, field[6]) == 0 && error == 0.0, error, 0.0, "resize %s %s by %s",
                   field[0], field[1], k->name);
        }
    }
    if (!out || e.text[0]) {
        report(false, HUGE_VAL, 0.0, "resize %s %s: %s", field[0], field[1], e.text);
    }
    free(out);
    npy_release(&src);
}

/* --- whole preprocessings --- */

/* How the library gets from 0..255 to its range. */
enum steps {
    AS_OURS,
    HALVES, /* (x / 255 - 0.5) / 0.5: torchvision's ToTensor and Normalize */
    DOUBLE, /* x / 255 * 2 - 1: big_vision, VTAB */
};

static const struct {
    const char *name, *preset, *kernel, *range; /* kernel, range: NULL = the preset's */
    size_t size;                                /* 0 = the preset's */
    enum steps steps;
} pipelines[] = {
    {"bit_tf_128", "bit-paper", NULL, NULL, 128, AS_OURS},
    {"bit_tf_384", "bit-paper", NULL, NULL, 384, AS_OURS},
    {"bit_pytorch_128", "bit-code-pytorch", "pil13bilinear", NULL, 128, HALVES},
    {"bit_pytorch_384", "bit-code-pytorch", "pil13bilinear", NULL, 384, HALVES},
    {"timm_bit_in21k_ft_in1k", "timm:448-448-bilinear", "pil13bilinear", NULL, 0, HALVES},
    {"timm_bit_in21k", "timm", "pil13bilinear", NULL, 0, HALVES},
    {"timm_bit_distilled", "timm:256-224-bicubic", "pil13bicubic", NULL, 0, HALVES},
    {"clip_224", "timm:224-224-bicubic", "pil13bicubic", "clip", 0, AS_OURS},
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

static float in_their_steps(enum steps steps, float x)
{
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
                theirs[i] = in_their_steps(steps, theirs[i]);
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
        error = fmax(error, deviation(npz, field[1], ours, p.crop, p.crop * 3));
        sha256_hex(theirs, n * sizeof *theirs, hex);
        report(strcmp(hex, field[6]) == 0 && error <= bound, error, bound, "pipeline %s %s",
               field[0], field[1]);
    }
    free(ours);
    free(theirs);
}

/* Every PREFIX*.tsv of a folder, in order of the names. */
static void section(const char *folder, const char *prefix, void (*fn)(char *const field[FIELDS]))
{
    char path[PATH], name[PATH];
    struct file_list l;
    struct err e = {0};
    size_t before = suite.n;
    suite.worst = 0.0;
    if (!in_folder(path, folder) || file_list_read(&l, path, &e)) {
        printf("# no folder %s: %s\n", folder, e.text);
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        size_t len = strlen(l.names[i]);
        if (strncmp(l.names[i], prefix, strlen(prefix)) == 0 && len > 4 &&
            strcmp(l.names[i] + len - 4, ".tsv") == 0 &&
            file_join(name, sizeof name, folder, l.names[i], NULL) == 0) {
            each_row(name, fn);
        }
    }
    file_list_release(&l);
    printf("# %s: %zu cases, worst |error| %g\n", folder, suite.n - before, suite.worst);
}

int main(int argc, char **argv)
{
    suite.dir = argc > 1 ? argv[1] : "tests/parity/pixels";
    section("decode", "sha256.", decode_case);
    section("resize", "sha256.", resize_case);
    section("pipelines", "stats.", pipeline_case);
    printf("1..%zu\n", suite.n);
    transform_scratch_release(&suite.scratch);
    return suite.failed || suite.n == 0;
}
