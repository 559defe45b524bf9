/* JPEG through libjpeg-turbo: baseline and progressive; grey, YCbCr, RGB, CMYK, YCCK. Running out
 * of bytes is an error wherever it happens, the end marker included; other damage inside a scan
 * only warns in libjpeg and is no error in any library. libjpeg's fatal errors come back by
 * longjmp, which never leaves this file. */
#include "datasets/codec/codec.h"

#include <assert.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <jpeglib.h>

#include "harness/base/err.h"

/* A progressive file has about ten scans. One scan may cost a few bytes and yet a pass over all
 * coefficients, so a small file could keep a decoder busy for hours. */
enum { MAX_SCANS = 256 };

/* An 8 x 8 block costs at least one bit in Huffman coding and may stand for 16 such blocks by
 * subsampling. */
enum { MAX_PIXELS_PER_BYTE = 8 * 64 * 16 };

enum { ROWS = 16 /* asked for at a time */ };

struct job {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr manager;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    struct err *e;
};

static struct job *job_of(j_common_ptr c)
{
    return c->client_data;
}

static void on_error(j_common_ptr c)
{
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    err_set(job_of(c)->e, ERR_FORMAT, "JPEG: %s", text);
    longjmp(job_of(c)->out, 1);
}

static void on_message(j_common_ptr c, int level)
{
    (void)c;
    (void)level;
}

static void on_start(j_decompress_ptr c)
{
    (void)c;
}

static boolean on_empty(j_decompress_ptr c)
{
    struct job *j = job_of((j_common_ptr)c);
    err_set(j->e, ERR_FORMAT, "JPEG: the file ends early");
    longjmp(j->out, 1);
}

static void on_skip(j_decompress_ptr c, long n)
{
    if (n <= 0) {
        return;
    }
    if ((size_t)n > c->src->bytes_in_buffer) {
        on_empty(c);
    }
    c->src->next_input_byte += n;
    c->src->bytes_in_buffer -= (size_t)n;
}

static void on_progress(j_common_ptr c)
{
    struct job *j = job_of(c);
    if (j->c.input_scan_number > MAX_SCANS) {
        err_set(j->e, ERR_LIMIT, "JPEG: more than %d scans", MAX_SCANS);
        longjmp(j->out, 1);
    }
}

/* Pillow inverts all four components and multiplies by black, rounding as it does. */
static int over(int ink, int white)
{
    int t = ink * white + 128;
    return (t + (t >> 8)) >> 8;
}

/* n pixels of four components, as stored, to RGB in place. */
static void cmyk_to_rgb(uint8_t *p, size_t n, enum codec_style style, bool adobe)
{
    for (size_t i = 0; i < n; i++) {
        int cmy[3] = {p[4 * i], p[4 * i + 1], p[4 * i + 2]}, k = p[4 * i + 3];
        for (size_t j = 0; j < 3; j++) {
            int v = 0;
            if (style == CODEC_PIL) {
                v = k - over(255 - cmy[j], k);
            } else if (style == CODEC_CV) {
                v = k - (((255 - cmy[j]) * k) >> 8);
            } else if (adobe) {
                v = k * cmy[j] / 255;
            } else {
                v = (255 - k) * (255 - cmy[j]) / 255;
            }
            p[3 * i + j] = (uint8_t)(v < 0 ? 0 : v);
        }
    }
}

static void set_up(struct job *j, const uint8_t *bytes, size_t n)
{
    jpeg_create_decompress(&j->c);
    j->source = (struct jpeg_source_mgr){
        .next_input_byte = bytes,
        .bytes_in_buffer = n,
        .init_source = on_start,
        .fill_input_buffer = on_empty,
        .skip_input_data = on_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = on_start,
    };
    j->progress.progress_monitor = on_progress;
    j->c.src = &j->source;
    j->c.progress = &j->progress;
}

/* The largest of 8, 4, 2, 1 by which both sides may shrink. */
static unsigned shrinking(const struct job *j, size_t draft)
{
    size_t h = j->c.image_height, w = j->c.image_width;
    size_t shorter = h < w ? h : w, by = draft ? shorter / draft : 1;
    return by >= 8 ? 8 : by >= 4 ? 4
                     : by >= 2   ? 2
                                 : 1;
}

/* Everything that can longjmp; 0, or -1 with e set. */
static int decode(struct job *j, size_t n, const struct jpeg_how *how, struct codec_buf *b,
                  struct image *out)
{
    j_decompress_ptr c = &j->c;
    jpeg_read_header(c, TRUE);
    bool grey = c->jpeg_color_space == JCS_GRAYSCALE;
    bool four = c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK;
    c->out_color_space = grey ? JCS_GRAYSCALE : four ? JCS_CMYK
                                                     : JCS_RGB;
    c->dct_method = how->fast ? JDCT_IFAST : JDCT_ISLOW;
    c->do_fancy_upsampling = !how->plain;
    size_t h = c->image_height, w = c->image_width, channels = grey ? 1 : 3;
    if (!c->arith_code && h * w / MAX_PIXELS_PER_BYTE > n) {
        return err_set(j->e, ERR_LIMIT, "JPEG: claims %zu x %zu in %zu bytes", h, w, n);
    }
    if (codec_check_size("JPEG", h, w, j->e)) {
        return -1;
    }
    c->scale_num = 1;
    c->scale_denom = shrinking(j, how->draft);
    h = (h + c->scale_denom - 1) / c->scale_denom;
    w = (w + c->scale_denom - 1) / c->scale_denom;
    if (codec_reserve(b, "JPEG", h, w, four ? 4 : channels, j->e)) {
        return -1;
    }
    jpeg_start_decompress(c);
    assert(c->output_height == h && c->output_width == w);
    while (c->output_scanline < h) {
        uint8_t *rows[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            size_t y = c->output_scanline + i;
            rows[i] = b->data + (y < h ? y : h - 1) * w * channels;
        }
        size_t left = h - c->output_scanline;
        size_t got = jpeg_read_scanlines(c, rows, (JDIMENSION)(four ? 1 : left < ROWS ? left
                                                                                      : ROWS));
        if (four && got) {
            cmyk_to_rgb(rows[0], w, how->style, c->saw_Adobe_marker);
        }
    }
    jpeg_finish_decompress(c);
    *out = (struct image){.data = b->data, .h = h, .w = w, .c = channels};
    return 0;
}

int jpeg_decode(const uint8_t *bytes, size_t n, const struct jpeg_how *how, struct codec_buf *b,
                struct image *out, struct err *e)
{
    struct job j = {.e = e};
    j.c.err = jpeg_std_error(&j.manager);
    j.c.client_data = &j;
    j.manager.error_exit = on_error;
    j.manager.emit_message = on_message;
    int rc = -1;
    if (setjmp(j.out) == 0) {
        set_up(&j, bytes, n);
        rc = decode(&j, n, how, b, out);
    }
    jpeg_destroy_decompress(&j.c);
    return rc;
}
