/* Decoding: every file of decode/files as every library decodes it, and, where their archives are
 * at hand (PARITY_DATA=FOLDER), real files. A library's row has a decoder of ours, or a reason. */
#ifndef BITBENCH_TESTS_PIXELS_DECODE_H
#define BITBENCH_TESTS_PIXELS_DECODE_H

#include "datasets/codec/tar.h"
#include "tests/parity/pixels_suite.h"

static const char CMYK_RAW[] = "four components as libjpeg stores them are no RGB image",
                  FILLED[] = "damaged files are refused here, not filled up",
                  RECOVERED[] = "damaged files are refused here, not recovered",
                  NO_FLOAT[] = "the float DCT depends on the machine",
                  REFUSED_THERE[] = "torchvision refuses what the others read";

/* ours NULL: left out. four, damaged, refused: the reason why such rows are, NULL = they are not.
 */
static const struct {
    const char *theirs, *ours, *group, *all, *four, *damaged, *refused;
} decoders[] = {
    {"pil", "pil", "pil", .all = NULL},
    {"pil_exif", "pil-exif", "pil", .all = NULL},
    {"pil_truncated", "pil", "pil", .damaged = FILLED},
    {"cv", "cv", "pil", .all = NULL},
    {"cv_noexif", "cv-noexif", "pil", .all = NULL},
    {"torchvision", "pil", "pil", .refused = REFUSED_THERE},
    {"tf_image", "tf", "tf", .all = NULL},
    {"tf_jpeg", "tf", "tf", .all = NULL},
    {"tf_jpeg_fast", "tf", "tf", .all = NULL},
    {"tf_jpeg_accurate", "tf-accurate", "tf", .all = NULL},
    {"tf_jpeg_nofancy", "tf-nofancy", "tf", .all = NULL},
    {"tf_jpeg_accurate_nofancy", "tf-accurate-nofancy", "tf", .all = NULL},
    {"tf_jpeg_recover", "tf", "tf", .damaged = RECOVERED},
    {"tf_png", "tf", "tf", .all = NULL},
    {"c_islow_fancy", "pil", "c", .four = CMYK_RAW, .damaged = FILLED},
    {"c_ifast_fancy", "tf", "c", .four = CMYK_RAW, .damaged = FILLED},
    {"c_islow_plain_merged", "pil-nofancy", "c", .four = CMYK_RAW, .damaged = FILLED},
    {"c_ifast_plain_merged", "tf-nofancy", "c", .four = CMYK_RAW, .damaged = FILLED},
    {"c_float_fancy", NULL, "c", .all = NO_FLOAT},
    {"pil_draft_64", "pil-draft64", "draft", .all = NULL},
    {"pil_draft_224", "pil-draft224", "draft", .all = NULL},
};

/* An encoded file to RGB, which the caller frees. */
static int decode_rgb(const void *bytes, size_t n, const char *decode, struct image *im,
                      uint8_t **rgb, struct err *e)
{
    struct sample s = {.bytes = bytes, .n = n, .encoding = SAMPLE_FILE};
    *rgb = NULL;
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
    double d = v ? deviation_beside_hash(npz, key, v, im->h, im->w * 3) : HUGE_VAL;
    free(v);
    return d;
}

/* Why a row is left out, or NULL. refused_here: our decoder refuses the file. */
static const char *reason(size_t i, const char *file, bool ok, bool refused_here)
{
    bool four = strstr(file, "cmyk") || strstr(file, "ycck");
    return decoders[i].all                             ? decoders[i].all
           : four && decoders[i].four                  ? decoders[i].four
           : ok && refused_here && decoders[i].damaged ? decoders[i].damaged
           : !ok && !refused_here                      ? decoders[i].refused
                                                       : NULL;
}

static size_t decoder_index(const char *theirs)
{
    size_t i = 0;
    while (i < ARRAY_LEN(decoders) && strcmp(decoders[i].theirs, theirs) != 0) {
        i++;
    }
    return i;
}

/* The keys of a row that is left out are looked at all the same, so that none stays unnamed. */
static void decode_left_out(size_t i, const char *file, const char *why)
{
    char key[256], npz[64];
    size_t n;
    snprintf(npz, sizeof npz, "decode/arrays.%s.npz", decoders[i].group);
    snprintf(key, sizeof key, "%s/%s", file, decoders[i].theirs);
    free(stored(npz, key, &n, NULL));
    snprintf(key, sizeof key, "decode as %s", decoders[i].theirs);
    leave_out(key, why);
}

/* One row: what the library made (ok, h, sha256) of bytes. */
static void check_decoded(size_t i, const char *file, const void *bytes, size_t n,
                          const char *status, const char *h, const char *sha256)
{
    struct err e = {0};
    struct image im = {0};
    uint8_t *rgb = NULL;
    char hex[HASH_SHA256_HEX] = "";
    bool ok = strcmp(status, "ok") == 0;
    const char *ours = decoders[i].ours ? decoders[i].ours : "pil";
    bool gif = n > 3 && memcmp(bytes, "GIF", 3) == 0;
    if (gif && strcmp(decoders[i].theirs, "torchvision") == 0) {
        ours = "cv"; /* the same as OpenCV's in all five files */
    }
    int rc = decode_rgb(bytes, n, ours, &im, &rgb, &e);
    const char *why = reason(i, file, ok, rc != 0);
    if (why) {
        decode_left_out(i, file, why);
    } else if (!ok) {
        report(rc == -1 && e.text[0], 0.0, 0.0, "decode %s as %s: must be refused, is: %s", file,
               decoders[i].theirs, rc ? e.text : "accepted");
    } else if (rc) {
        report(false, HUGE_VAL, 0.0, "decode %s as %s: %s", file, decoders[i].theirs, e.text);
    } else {
        sha256_hex(rgb, im.h * im.w * 3, hex);
        bool same = strcmp(hex, sha256) == 0 && number(h) == im.h;
        double error = decoded_deviation(decoders[i].group, file, decoders[i].theirs, rgb, &im);
        report(same && error == 0.0, error, 0.0, "decode %s as %s, %zu x %zu", file,
               decoders[i].theirs, im.h, im.w);
    }
    free(rgb);
}

/* file, decoder, status, h, w, sha256 */
static void decode_case(char *const field[FIELDS])
{
    char name[256];
    size_t n = 0, i = decoder_index(field[1]);
    snprintf(name, sizeof name, "decode/files/%s", field[0]);
    char *bytes = slurp(name, &n);
    if (i == ARRAY_LEN(decoders) || !bytes) {
        report(false, HUGE_VAL, 0.0, "decode %s as %s: no such %s", field[0], field[1],
               bytes ? "decoder is known" : "file");
    } else {
        check_decoded(i, field[0], bytes, n, field[2], field[3], field[5]);
    }
    free(bytes);
}

/* file, bytes, sha256 (columns found by the head), ...: every file is what it was. */
static void manifest_case(char *const field[FIELDS])
{
    char name[256], hex[HASH_SHA256_HEX];
    size_t n = 0;
    snprintf(name, sizeof name, "decode/files/%s", field[0]);
    char *bytes = slurp(name, &n);
    bool same = false;
    if (bytes) {
        sha256_hex(bytes, n, hex);
        for (size_t i = 1; i < FIELDS; i++) {
            same = same || strcmp(field[i], hex) == 0;
        }
    }
    report(same, 0.0, 0.0, "file %s has its SHA-256", field[0]);
    free(bytes);
}

/* ---- real files, in archives beside the folder ---- */

static struct {
    char tar[256], member[512]; /* at hand */
    char *bytes;
    size_t n;
} real;

/* Reads a member of an archive under PARITY_DATA into `real`, unless it is there. */
static bool real_file(const char *tar, const char *member)
{
    const char *folder = getenv("PARITY_DATA"), *name;
    char path[PATH];
    struct tar *t;
    struct err e = {0};
    uint64_t n;
    if (strcmp(real.tar, tar) == 0 && strcmp(real.member, member) == 0) {
        return real.bytes != NULL;
    }
    free(real.bytes);
    real.bytes = NULL;
    snprintf(real.tar, sizeof real.tar, "%s", tar);
    snprintf(real.member, sizeof real.member, "%s", member);
    if (!folder || file_join(path, sizeof path, folder, tar, NULL) || tar_open(&t, path, &e)) {
        return false;
    }
    while (tar_next(t, &name, &n, &e) == 1) {
        if (strcmp(name, member) == 0) {
            real.bytes = malloc(n + 1);
            real.n = n;
            if (real.bytes && tar_read(t, real.bytes, n, &e)) {
                free(real.bytes);
                real.bytes = NULL;
            }
            break;
        }
    }
    tar_close(t);
    return real.bytes != NULL;
}

/* tar, member, sha256 of the file, decoder, status, h, w, sha256 of the pixels */
static void real_case(char *const field[FIELDS])
{
    size_t i = decoder_index(field[3]);
    if (i == ARRAY_LEN(decoders)) {
        report(false, HUGE_VAL, 0.0, "decode %s: decoder %s is not known", field[1], field[3]);
    } else if (!real_file(field[0], field[1])) {
        leave_out("decode/real", "their archives are not at hand: PARITY_DATA=FOLDER");
    } else {
        check_decoded(i, field[1], real.bytes, real.n, field[4], field[5], field[7]);
    }
}

#endif
