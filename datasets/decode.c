/* A sample's bytes to an image of 8-bit pixels: raw layouts as views or rearranged, files by the
 * codec that their first bytes call for, whatever their name says, in the way of a named library.
 */
#include "datasets/transform.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/codec/codec.h"
#include "datasets/dataset.h"
#include "datasets/image_facts.h"
#include "harness/base/err.h"

enum { MAX_DRAFT = 4096 };

/* A decoder's name, understood. */
struct decoder {
    struct jpeg_how jpeg;
    bool upright; /* turned by the EXIF orientation */
};

/* What a library does where its options are left alone. */
static const struct {
    const char *name;
    struct decoder d;
} libraries[] = {
    {"pil", {{.style = CODEC_PIL}, false}},
    {"tf", {{.style = CODEC_TF, .fast = true}, false}},
    {"cv", {{.style = CODEC_CV}, true}}, /* IMREAD_COLOR */
};

/* Takes a word off *text if it stands there, with the dash before it. */
static bool take(const char **text, const char *word)
{
    size_t n = strlen(word);
    if (**text != '-' || strncmp(*text + 1, word, n) != 0 ||
        ((*text)[n + 1] != '-' && (*text)[n + 1] != '\0')) {
        return false;
    }
    *text += n + 1;
    return true;
}

static bool take_draft(const char **text, size_t *draft)
{
    char *end;
    if (strncmp(*text, "-draft", 6) != 0 || (*text)[6] < '1' || (*text)[6] > '9') {
        return false;
    }
    *draft = strtoul(*text + 6, &end, 10);
    *text = end;
    return *draft <= MAX_DRAFT;
}

/* LIBRARY[-exif|-noexif][-fast|-accurate][-nofancy][-draftN]: only what is not the library's own
 * way may be said, in this order, so that a way has one name. */
static bool decoder_parse(struct decoder *d, const char *name)
{
    size_t n = strcspn(name, "-"), i = 0;
    while (i < ARRAY_LEN(libraries) &&
           (strlen(libraries[i].name) != n || strncmp(libraries[i].name, name, n) != 0)) {
        i++;
    }
    if (i == ARRAY_LEN(libraries)) {
        return false;
    }
    *d = libraries[i].d;
    name += n;
    d->upright ^= take(&name, d->upright ? "noexif" : "exif");
    d->jpeg.fast ^= take(&name, d->jpeg.fast ? "accurate" : "fast");
    d->jpeg.plain = take(&name, "nofancy");
    return (*name == '\0' || take_draft(&name, &d->jpeg.draft)) && *name == '\0';
}

int decode_check(const char *name, struct err *e)
{
    struct decoder d;
    return decoder_parse(&d, name)
               ? 0
               : err_set(e, ERR_USAGE,
                         "unknown decoder '%.40s' (pil, tf, cv; then, in this order, -exif or "
                         "-noexif, -fast or -accurate, -nofancy, -draftN where it is not the "
                         "library's own way)",
                         name);
}

typedef int codec_fn(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
                     struct image *out, struct err *e);

/* Known formats by their first bytes; without a codec they are named in the error. JPEG has more to
 * be told: decode_jpeg. */
static const struct format {
    const char *name;
    const char *magic;
    size_t n_magic;
    codec_fn *decode;
} formats[] = {
    {"JPEG", "\xff\xd8\xff", 3, NULL},
    {"PNG", "\x89PNG\r\n\x1a\n", 8, png_decode},
    {"GIF", "GIF8", 4, gif_decode},
    {"BMP", "BM", 2, bmp_decode},
    {"TIFF", "II*\0", 4, NULL},
    {"TIFF", "MM\0*", 4, NULL},
    {"WebP", "RIFF", 4, webp_decode},
};

/* The row of formats[] that the first bytes call for, or NULL. */
static const struct format *find_format(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (n >= formats[i].n_magic && !memcmp(bytes, formats[i].magic, formats[i].n_magic)) {
            return &formats[i];
        }
    }
    return NULL;
}

const char *decode_format(const uint8_t *bytes, size_t n)
{
    const struct format *f = find_format(bytes, n);
    return f ? f->name : NULL;
}

/* Turns in upright by an EXIF orientation: *out is a view of data, with room for all of in. */
static void turn_upright(unsigned orientation, const struct image *in, uint8_t *data,
                         struct image *out)
{
    bool across = orientation >= 5; /* rows become columns */
    bool right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    *out = (struct image){.data = data, .h = in->h, .w = in->w, .c = in->c};
    if (across) {
        out->h = in->w;
        out->w = in->h;
    }
    for (size_t y = 0; y < out->h; y++) {
        for (size_t x = 0; x < out->w; x++) {
            size_t sy = across ? x : y, sx = across ? y : x;
            sy = down ? in->h - 1 - sy : sy;
            sx = right ? in->w - 1 - sx : sx;
            memcpy(data + (y * out->w + x) * in->c, in->data + (sy * in->w + sx) * in->c, in->c);
        }
    }
}

static int decode_jpeg(const struct sample *in, const struct decoder *d,
                       struct transform_scratch *s, struct image *out, struct err *e)
{
    if (jpeg_decode(in->bytes, in->n, &d->jpeg, &s->pixels, out, e)) {
        return -1;
    }
    struct image_facts facts = {.orientation = 1};
    if (d->upright) {
        image_facts_read(&facts, in->bytes, in->n);
    }
    if (facts.orientation > 1) {
        struct image stored = *out;
        if (codec_reserve(&s->upright, "JPEG", stored.h, stored.w, stored.c, e)) {
            return -1;
        }
        turn_upright(facts.orientation, &stored, s->upright.data, out);
    }
    return 0;
}

static int decode_file(const struct sample *in, const struct decoder *d,
                       struct transform_scratch *s, struct image *out, struct err *e)
{
    if (in->n == 0) {
        return err_set(e, ERR_FORMAT, "the image file is empty");
    }
    const struct format *f = find_format(in->bytes, in->n);
    if (f == &formats[0]) {
        return decode_jpeg(in, d, s, out, e);
    }
    if (f && f->decode) {
        return f->decode(in->bytes, in->n, d->jpeg.style, &s->pixels, out, e);
    }
    if (f) {
        return err_set(e, ERR_FORMAT, "a %s image; JPEG, PNG, GIF, BMP and WebP can be read",
                       f->name);
    }
    return err_set(e, ERR_FORMAT,
                   "not an image: neither JPEG nor PNG, GIF, BMP or WebP by its first bytes");
}

static int decode_planar(const struct sample *in, struct codec_buf *b, struct err *e)
{
    if (codec_reserve(b, "planes", in->h, in->w, 3, e)) {
        return -1;
    }
    size_t n = in->h * in->w;
    for (size_t i = 0; i < n; i++) {
        b->data[3 * i] = in->bytes[i];
        b->data[3 * i + 1] = in->bytes[n + i];
        b->data[3 * i + 2] = in->bytes[2 * n + i];
    }
    return 0;
}

int decode_sample(const struct sample *in, const char *decode, struct transform_scratch *s,
                  struct image *out, struct err *e)
{
    struct decoder d = {0};
    bool known = decoder_parse(&d, decode);
    assert(known);
    (void)known;
    if (in->encoding == SAMPLE_FILE) {
        return decode_file(in, &d, s, out, e);
    }
    size_t c = in->encoding == SAMPLE_GREY ? 1 : 3;
    if (!in->h || !in->w || in->n / c / in->w != in->h || in->n != in->h * in->w * c) {
        return err_set(e, ERR_FORMAT, "%zu bytes are no image of %zu x %zu x %zu", in->n, in->h,
                       in->w, c);
    }
    *out = (struct image){.data = in->bytes, .h = in->h, .w = in->w, .c = c};
    if (in->encoding == SAMPLE_PLANAR) {
        if (decode_planar(in, &s->pixels, e)) {
            return -1;
        }
        out->data = s->pixels.data;
    }
    return 0;
}
