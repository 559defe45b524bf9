/* Preprocessing: presets and their texts, sizes, crops, ranges, kernels at the edges, decoding of
 * raw samples and files, and what each refuses. Bits against other libraries: tests/parity. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/str.h"

static void assert_says(const struct err *e, enum err_code code, const char *part)
{
    if (e->code != code || !strstr(e->text, part)) {
        fail_msg("error %d '%s' should be %d with '%s'", e->code, e->text, code, part);
    }
}

static struct preprocess resolved(const char *preset, size_t h, size_t w)
{
    struct preprocess p;
    struct err e = {0};
    if (preprocess_preset(&p, preset, &e) || preprocess_resolve(&p, h, w, &e) ||
        preprocess_check(&p, &e)) {
        fail_msg("%s: %s", preset, e.text);
    }
    return p;
}

static void assert_text(const char *preset, size_t side, const char *want)
{
    struct preprocess p = resolved(preset, side, side);
    struct str s = {0};
    preprocess_text(&p, &s);
    assert_string_equal(str_text(&s), want);
    str_release(&s);
}

static void texts(void **state)
{
    (void)state;
    assert_text("bit-paper", 28, "rs:160-128-squash-tf2bilinear|range:-1..1|decode:tf");
    assert_text("bit-paper", 0, "rs:448-384-squash-tf2bilinear|range:-1..1|decode:tf");
    assert_text("bit-readme", 32, "rs:160-128-squash-tf2bilinear|range:-1..1|decode:tf");
    assert_text("bit-code-jax", 200, "rs:512-480-squash-tf2bilinear|range:-1..1|decode:tf");
    assert_text("bit-code-pytorch", 0, "rs:512-480-squash-pilbilinear|range:-1..1|decode:pil");
    assert_text("timm", 28, "rs:256-224-short-pilbilinear|range:-1..1|decode:pil");
    assert_text("timm:448-448-bilinear", 28, "rs:448-448-short-pilbilinear|range:-1..1|decode:pil");
    assert_text("timm:256-224-bicubic", 0, "rs:256-224-short-pilbicubic|range:-1..1|decode:pil");
    assert_text("timm:9-8-pil13bicubic", 0, "rs:9-8-short-pil13bicubic|range:-1..1|decode:pil");
    assert_text("big-vision", 0, "rs:256-224-small-tf2area-u8|range:-1..1|decode:tf");
    assert_text("vtab", 32, "rs:224-224-squash-tf1bilinear|range:0..1|decode:tf");
    assert_text("none", 32, "rs:none|range:-1..1|decode:pil");
    assert_text("bit", 28, "rs:160-128-squash-tf2bilinear|range:-1..1|decode:tf");
    assert_text("hf", 0, "rs:224-224-shortfloor-tvu8bicubicaa|range:clip|decode:pil");
    assert_text("hf:448-448-bilinear", 0,
                "rs:448-448-shortfloor-tvu8bilinearaa|range:clip|decode:pil");
    assert_text("resize:256|crop:224", 0, "rs:256-224-short-pilbilinear|range:-1..1|decode:pil");
    assert_text("decode:cv-noexif|resize:256-small-cvarea|u8|range:0..1", 0,
                "rs:256-256-small-cvarea-u8|range:0..1|decode:cv-noexif");
    assert_text("resize:256-tf2bilinear-square|crop:224", 0,
                "rs:256-224-square-tf2bilinear|range:-1..1|decode:pil");
    assert_text("resize:64-square", 0, "rs:64-64-squash-pilbilinear|range:-1..1|decode:pil");
    assert_text("decode:pil-draft224|crop:28", 0, "rs:none-28|range:-1..1|decode:pil-draft224");
}

static void every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < presets_n; i++) {
        struct preprocess p = resolved(presets[i].p.preset, 0, 0);
        struct str s = {0};
        preprocess_sources(&p, &s);
        assert_non_null(strstr(str_text(&s), "datasets/transform.c"));
        for (const char *at = str_text(&s); *at; at += strspn(at, " ")) {
            char path[128];
            size_t n = strcspn(at, " ");
            snprintf(path, sizeof path, "%.*s", (int)n, at);
            assert_true(file_exists(path));
            at += n;
        }
        str_release(&s);
        assert_true(strlen(presets[i].help) > 20);
    }
    struct preprocess p = resolved("bit-paper", 0, 0);
    struct str s = {0};
    preprocess_sources(&p, &s);
    assert_non_null(strstr(str_text(&s), "resize_tf2.c"));
    assert_null(strstr(str_text(&s), "resize_pil.c"));
    str_release(&s);
}

/* The area decides, strictly below 96 * 96; mixed sizes count as large. */
static void hyperrule_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t h, w, resize, crop;
    } t[] = {
        {32, 32, 160, 128},
        {95, 96, 160, 128},
        {96, 96, 448, 384},
        {96, 97, 448, 384},
        {48, 191, 160, 128},
        {48, 192, 448, 384},
        {1, 9215, 160, 128},
        {0, 0, 448, 384},
        {SIZE_MAX / 2, 4, 448, 384},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct preprocess p = resolved("bit-paper", t[i].h, t[i].w);
        assert_int_equal(p.resize, t[i].resize);
        assert_int_equal(p.crop, t[i].crop);
    }
}

static void refused_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } t[] = {
        {"bit-papr", "did you mean 'bit-paper'"},
        {"zzz", "there are bit-paper, "},
        {"", "unknown preprocessing"},
        {"timm:448", "not RESIZE-CROP-KERNEL"},
        {"timm:", "not RESIZE-CROP-KERNEL"},
        {"timm:448-448-bilinear-x", "not RESIZE-CROP-KERNEL"},
        {"timm:448-448-bilinaer", "unknown resize kernel"},
        {"timm:0-0-bilinear", "resize must be 1 to 4096"},
        {"timm:224-256-bilinear", "crop 1 to resize"},
        {"timm:9999-9-bilinear", "resize must be 1 to 4096"},
        {"timm:-8-8-bilinear", "not RESIZE-CROP-KERNEL"},
        {"none:8-8-bilinear", "takes no sizes"},
        {"resize:256|resize:224", "each at most once"},
        {"crop:224|resize:256", "in the order decode, resize, u8, crop, range"},
        {"resize:256|crop:224|", "unknown step ''"},
        {"|", "unknown step ''"},
        {"resize:256|crp:224", "did you mean 'crop'"},
        {"resize:", "does not begin with a size"},
        {"resize:0", "resize must be 1 to 4096"},
        {"resize:99999", "does not begin with a size"},
        {"resize:256-squash", "one of short, shortfloor, small and square"},
        {"resize:256-short-small", "one of short, shortfloor"},
        {"resize:256-pilbilinear-pilbox", "a kernel is named already"},
        {"resize:256-pilbilinaer", "did you mean 'pilbilinear'"},
        {"resize:256-", "unknown resize kernel ''"},
        {"resize:256x", "behind the size"},
        {"resize:256|crop:257", "crop 1 to resize"},
        {"resize:256|crop:0", "a size in pixels"},
        {"u8", "stands behind resize"},
        {"resize:256|u8:1", "takes no value"},
        {"decode:tf-fast", "unknown decoder 'tf-fast'"},
        {"decode:pil-draft0", "unknown decoder"},
        {"decode:pil-draft99999", "unknown decoder"},
        {"range:0..2", "unknown range '0..2'"},
        {"crop:9999", "crop of at most 4096"},
        {"timm:448-448-bilinear           "
         "                                                                                       "
         "               x",
         "longer than"},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct preprocess p;
        struct err e = {0};
        assert_int_equal(preprocess_preset(&p, t[i].text, &e), -1);
        assert_says(&e, ERR_USAGE, t[i].says);
    }
    enum preprocess_mode mode;
    struct err e = {0};
    assert_int_equal(preprocess_mode_find("squish", &mode, &e), -1);
    assert_says(&e, ERR_USAGE, "'squash'");
    assert_int_equal(preprocess_mode_find("small", &mode, &e), 0);
    assert_string_equal(preprocess_mode_name(mode), "small");
}

static void refused_knobs(void **state)
{
    (void)state;
    struct err e = {0};
    struct preprocess p = resolved("bit-paper", 32, 32);
    snprintf(p.kernel, sizeof p.kernel, "tf2bilinaer");
    assert_int_equal(preprocess_check(&p, &e), -1);
    assert_says(&e, ERR_USAGE, "did you mean 'tf2bilinear'");
    p = resolved("bit-paper", 32, 32);
    snprintf(p.range, sizeof p.range, "imagent");
    assert_int_equal(preprocess_check(&p, &e), -1);
    assert_says(&e, ERR_USAGE, "did you mean 'imagenet'");
    p = resolved("bit-paper", 32, 32);
    snprintf(p.decode, sizeof p.decode, "cvs");
    assert_int_equal(preprocess_check(&p, &e), -1);
    assert_says(&e, ERR_USAGE, "unknown decoder 'cvs'");
    p = resolved("bit-paper", 32, 32);
    p.crop = 161;
    assert_int_equal(preprocess_check(&p, &e), -1);
    assert_says(&e, ERR_USAGE, "crop 161");
    p = resolved("none", 32, 32);
    p.resize = 8;
    assert_int_equal(preprocess_check(&p, &e), -1);
    assert_says(&e, ERR_USAGE, "mode none");
    p = resolved("none", 32, 32);
    p.mode = PREPROCESS_SQUASH;
    assert_int_equal(preprocess_resolve(&p, 32, 32, &e), -1);
    assert_says(&e, ERR_USAGE, "fixes no size");
}

/* Runs p on an image and returns the allocated output. */
static float *run(const struct preprocess *p, const struct image *in)
{
    size_t h, w;
    struct transform_scratch s = {0};
    struct err e = {0};
    preprocess_size(p, in->h, in->w, &h, &w);
    float *out = malloc(h * w * 3 * sizeof *out);
    assert_non_null(out);
    if (preprocess_run(p, in, &s, out, NULL, &e)) {
        fail_msg("%s", e.text);
    }
    transform_scratch_release(&s);
    return out;
}

static struct preprocess plain(enum preprocess_mode mode, size_t resize, size_t crop)
{
    struct preprocess p = {.decode = "pil", .kernel = "pilbilinear", .range = "none"};
    p.mode = mode;
    p.resize = resize;
    p.crop = crop;
    return p;
}

/* Without a change of size the output shows where the crop began: torchvision rounds half of
 * the margin to even, big_vision down. */
static void crop_offsets(void **state)
{
    (void)state;
    static const size_t margins[] = {0, 1, 2, 3, 4, 5, 6, 7, 9};
    static const int half_even[] = {0, 0, 1, 2, 2, 2, 3, 4, 4};
    for (size_t i = 0; i < ARRAY_LEN(margins); i++) {
        uint8_t px[4 * 16];
        struct image wide = {px, 4, 4 + margins[i], 1}, tall = {px, 4 + margins[i], 4, 1};
        for (size_t j = 0; j < 4 * wide.w; j++) {
            px[j] = (uint8_t)(j % wide.w);
        }
        struct preprocess p = plain(PREPROCESS_SHORT, 4, 4);
        float *out = run(&p, &wide);
        assert_true(out[0] == (float)half_even[i]);
        free(out);
        p.mode = PREPROCESS_SMALL;
        out = run(&p, &wide);
        assert_true(out[0] == (float)(margins[i] / 2));
        free(out);
        for (size_t j = 0; j < 4 * tall.h; j++) {
            px[j] = (uint8_t)(j / 4);
        }
        p.mode = PREPROCESS_SHORT;
        out = run(&p, &tall);
        assert_true(out[0] == (float)half_even[i]);
        free(out);
    }
}

/* 3 x 5 with its short edge at 4: the long edge is 20 / 3, cut to 6 or rounded to 7. */
static void long_edges(void **state)
{
    (void)state;
    static const struct {
        enum preprocess_mode mode;
        size_t w, left;
    } t[] = {{PREPROCESS_SHORT, 6, 1}, {PREPROCESS_SMALL, 7, 1}};
    uint8_t px[15];
    for (size_t i = 0; i < sizeof px; i++) {
        px[i] = (uint8_t)(i * i);
    }
    struct image in = {px, 3, 5, 1};
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct preprocess p = plain(t[i].mode, 4, 4);
        float *out = run(&p, &in), whole[28];
        struct resize_work w = {0};
        struct resize_dims d = resize_whole(&in, 4, t[i].w);
        assert_int_equal(resize_run(&resize_pil_bilinear, &in, &d, whole, &w, NULL), 0);
        for (size_t j = 0; j < 16; j++) {
            assert_true(out[3 * j] == whole[j / 4 * t[i].w + t[i].left + j % 4]);
        }
        resize_work_release(&w);
        free(out);
    }
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        float at0, at255, channel2; /* channel2: of 255 */
    } t[] = {
        {"-1..1", -1.0f, 1.0f, 1.0f},
        {"0..1", 0.0f, 1.0f, 1.0f},
        {"none", 0.0f, 255.0f, 255.0f},
        {"imagenet", -2.1179039f, 2.2489083f, 2.64f},
        {"clip", -1.7922626f, 1.9303361f, 2.1458969f},
    };
    uint8_t px[2] = {0, 255};
    struct image in = {px, 1, 2, 1};
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct preprocess p = plain(PREPROCESS_NONE, 0, 0);
        snprintf(p.range, sizeof p.range, "%s", t[i].range);
        assert_int_equal(preprocess_check(&p, NULL), 0);
        float *out = run(&p, &in);
        assert_true(fabsf(out[0] - t[i].at0) < 1e-6f);
        assert_true(fabsf(out[3] - t[i].at255) < 1e-6f);
        assert_true(fabsf(out[5] - t[i].channel2) < 1e-6f);
        free(out);
    }
}

/* The mean of 10 and 11 is 10.5: 8-bit output rounds it up, big_vision cuts it to 10. */
static void eight_bits(void **state)
{
    (void)state;
    uint8_t px[6] = {10, 20, 0, 11, 21, 255}, u8[3];
    struct image in = {px, 1, 2, 3};
    struct transform_scratch s = {0};
    struct preprocess p = plain(PREPROCESS_SQUASH, 1, 1);
    snprintf(p.kernel, sizeof p.kernel, "tf2area");
    float out[3];
    assert_int_equal(preprocess_run(&p, &in, &s, out, u8, NULL), 0);
    assert_true(out[0] == 10.5f && out[2] == 127.5f);
    assert_true(u8[0] == 11 && u8[1] == 21 && u8[2] == 128);
    p.u8_between = true;
    assert_int_equal(preprocess_run(&p, &in, &s, out, u8, NULL), 0);
    assert_true(out[0] == 10.0f && out[2] == 127.0f && u8[2] == 127);
    transform_scratch_release(&s);
}

/* Every kernel: a change of no size changes nothing, one pixel becomes many of its like. */
static void kernels_at_the_edges(void **state)
{
    (void)state;
    uint8_t px[7 * 5 * 3];
    for (size_t i = 0; i < sizeof px; i++) {
        px[i] = (uint8_t)(i * 37 % 256);
    }
    for (size_t i = 0; i < resize_kernels_n; i++) {
        const struct resize_kernel *k = resize_kernels[i];
        struct resize_work w = {0};
        float out[9 * 11 * 3];
        struct image in = {px, 7, 5, 3}, one = {px + 1, 1, 1, 3};
        assert_ptr_equal(resize_find(k->name, NULL), k);
        struct resize_dims same = resize_whole(&in, 7, 5), larger = resize_whole(&one, 9, 11),
                           least = resize_whole(&in, 1, 1);
        assert_int_equal(resize_run(k, &in, &same, out, &w, NULL), 0);
        for (size_t j = 0; j < sizeof px; j++) {
            assert_true(fabsf(out[j] - px[j]) < (strstr(k->name, "lanczos") ? 1e-3f : 1e-30f));
        }
        assert_int_equal(resize_run(k, &one, &larger, out, &w, NULL), 0);
        for (size_t j = 0; j < 9 * 11 * 3; j++) {
            assert_true(fabsf(out[j] - px[1 + j % 3]) < 1e-4f); /* 0..255 */
        }
        assert_int_equal(resize_run(k, &in, &least, out, &w, NULL), 0);
        resize_work_release(&w);
    }
}

static void narrow_images(void **state)
{
    (void)state;
    uint8_t *px = calloc(1, 60000);
    struct image in = {px, 1, 60000, 1};
    struct transform_scratch s = {0};
    struct err e = {0};
    struct preprocess p = plain(PREPROCESS_SHORT, 448, 448);
    float *out = malloc(448 * 448 * 3 * sizeof *out);
    assert_int_equal(preprocess_run(&p, &in, &s, out, NULL, &e), -1);
    assert_says(&e, ERR_LIMIT, "1 x 60000: with its short edge at 448");
    p = plain(PREPROCESS_SQUASH, 448, 448);
    assert_int_equal(preprocess_run(&p, &in, &s, out, NULL, &e), 0);
    transform_scratch_release(&s);
    free(out);
    free(px);
}

static void raw_samples(void **state)
{
    (void)state;
    static const uint8_t px[12] = {1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24};
    static const uint8_t mixed[12] = {1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24};
    struct transform_scratch s = {0};
    struct err e = {0};
    struct image im;
    struct sample in = {.bytes = px, .n = 12, .encoding = SAMPLE_PLANAR, .h = 2, .w = 2};
    assert_int_equal(decode_sample(&in, "pil", &s, &im, &e), 0);
    assert_memory_equal(im.data, mixed, 12);
    assert_int_equal(im.c, 3);
    in.encoding = SAMPLE_RGB;
    assert_int_equal(decode_sample(&in, "tf", &s, &im, &e), 0);
    assert_ptr_equal(im.data, px);
    in = (struct sample){.bytes = px, .n = 12, .encoding = SAMPLE_GREY, .h = 3, .w = 4};
    assert_int_equal(decode_sample(&in, "tf", &s, &im, &e), 0);
    assert_int_equal(im.c, 1);
    in.n = 11;
    assert_int_equal(decode_sample(&in, "tf", &s, &im, &e), -1);
    assert_says(&e, ERR_FORMAT, "11 bytes are no image of 3 x 4 x 1");
    in.n = 0; /* h * w wraps to it */
    in.h = SIZE_MAX / 2 + 1;
    in.w = 2;
    assert_int_equal(decode_sample(&in, "tf", &s, &im, &e), -1);
    transform_scratch_release(&s);
}

static void files_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum err_code code;
        const char *says;
    } t[] = {
        {"bad_empty.jpg", ERR_FORMAT, "the image file is empty"},
        {"bad_trunc.gif", ERR_FORMAT, "GIF: truncated"},
        {"bmp_rle8.bmp", ERR_FORMAT, "BMP: TensorFlow reads no run-length"},
        {"bad_no_eoi.jpg", ERR_FORMAT, "JPEG: the file ends early"},
        {"bad_trunc_prog_50.jpg", ERR_FORMAT, "JPEG: the file ends early"},
        {"bad_huge.jpg", ERR_LIMIT, "JPEG: claims 65500 x 65500"},
        {"bad_huge.png", ERR_LIMIT, "PNG: claims 1073741824 x 1073741824"},
        {"bad_zero.png", ERR_FORMAT, "PNG: "},
        {"bad_crc.png", ERR_FORMAT, "PNG: "},
        {"manifest.tsv", ERR_FORMAT, "neither JPEG nor PNG"},
    };
    struct transform_scratch s = {0};
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        char path[256];
        unsigned char *data;
        size_t n;
        struct err e = {0};
        struct image im;
        bool table = strstr(t[i].file, ".tsv") != NULL;
        snprintf(path, sizeof path, "tests/parity/pixels/decode/%s%s", table ? "" : "files/",
                 t[i].file);
        assert_int_equal(file_read(path, 0, &data, &n, &e), 0);
        struct sample in = {.bytes = data, .n = n, .encoding = SAMPLE_FILE};
        assert_int_equal(decode_sample(&in, "tf", &s, &im, &e), -1);
        assert_says(&e, t[i].code, t[i].says);
        free(data);
    }
    assert_int_equal(s.pixels.cap > 1u << 24, 0); /* no giant buffer for a giant claim */
    transform_scratch_release(&s);
}

/* All scans are there and a comment follows, but no end marker: libjpeg alone would not notice. */
static void end_marker_missing(void **state)
{
    (void)state;
    static const uint8_t comment[] = {0xff, 0xfe, 0x00, 0x04, 'a', 'b'};
    unsigned char *data, longer[4096];
    size_t n;
    struct transform_scratch s = {0};
    struct image im;
    struct err e = {0};
    const char *path = "tests/parity/pixels/decode/files/jpg_420_base_33x17.jpg";
    assert_int_equal(file_read(path, sizeof longer / 2, &data, &n, &e), 0);
    memcpy(longer, data, n - 2);
    memcpy(longer + n - 2, comment, sizeof comment);
    memcpy(longer + n - 2 + sizeof comment, data + n - 2, 2);
    struct sample in = {.bytes = longer, .n = n + sizeof comment, .encoding = SAMPLE_FILE};
    assert_int_equal(decode_sample(&in, "pil", &s, &im, &e), 0);
    in.n -= 2;
    assert_int_equal(decode_sample(&in, "pil", &s, &im, &e), -1);
    assert_says(&e, ERR_FORMAT, "JPEG: the file ends early");
    transform_scratch_release(&s);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(every_row),
        cmocka_unit_test(hyperrule_sizes),
        cmocka_unit_test(refused_names),
        cmocka_unit_test(refused_knobs),
        cmocka_unit_test(crop_offsets),
        cmocka_unit_test(long_edges),
        cmocka_unit_test(ranges),
        cmocka_unit_test(eight_bits),
        cmocka_unit_test(kernels_at_the_edges),
        cmocka_unit_test(narrow_images),
        cmocka_unit_test(raw_samples),
        cmocka_unit_test(files_refused),
        cmocka_unit_test(end_marker_missing),
    };
    return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
