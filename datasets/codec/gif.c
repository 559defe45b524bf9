/* GIF through giflib: the first frame, on a canvas of the screen's size or, where the frame sticks
 * out, larger. Pillow keeps the colour of the transparent entry, which also fills the canvas around
 * the frame (entry 0 where none is transparent); TensorFlow makes both black. Entries beyond the
 * palette are black. */
#include "datasets/codec/codec.h"

#include <stdbool.h>
#include <string.h>
#include <gif_lib.h>

#include "harness/base/err.h"

enum { MAX_INFLATION = 2600 }; /* pixels a byte: codes of 12 bits for at most 3839 pixels */

/* What giflib reads from. */
struct input {
    const uint8_t *bytes;
    size_t n, at;
};

static int feed(GifFileType *g, GifByteType *out, int n)
{
    struct input *in = g->UserData;
    size_t rest = in->n - in->at, take = (size_t)n < rest ? (size_t)n : rest;
    memcpy(out, in->bytes + in->at, take);
    in->at += take;
    return (int)take;
}

static int fail(const struct input *in, int code, struct err *e)
{
    const char *why = GifErrorString(code);
    return err_set(e, ERR_FORMAT, "GIF: %s%s", in->at == in->n ? "truncated: " : "",
                   why ? why : "damaged");
}

/* Reads on to the first frame; *transparent becomes its transparent entry, or -1. */
static int find_frame(GifFileType *g, int *transparent, struct err *e)
{
    GifRecordType type;
    *transparent = -1;
    for (;;) {
        if (DGifGetRecordType(g, &type) == GIF_ERROR) {
            return fail(g->UserData, g->Error, e);
        }
        if (type == IMAGE_DESC_RECORD_TYPE) {
            return DGifGetImageDesc(g) == GIF_ERROR ? fail(g->UserData, g->Error, e) : 0;
        }
        if (type == TERMINATE_RECORD_TYPE) {
            return err_set(e, ERR_FORMAT, "GIF: no image in it");
        }
        GifByteType *block;
        int code;
        if (type != EXTENSION_RECORD_TYPE) {
            continue;
        }
        if (DGifGetExtension(g, &code, &block) == GIF_ERROR) {
            return fail(g->UserData, g->Error, e);
        }
        if (block && code == GRAPHICS_EXT_FUNC_CODE && block[0] == 4) {
            *transparent = block[1] & 1 ? block[4] : -1;
        }
        while (block) {
            if (DGifGetExtensionNext(g, &block) == GIF_ERROR) {
                return fail(g->UserData, g->Error, e);
            }
        }
    }
}

static int background(const GifFileType *g)
{
    return g->SBackGroundColor >= 0 && g->SBackGroundColor < 256 ? g->SBackGroundColor : 0;
}

/* Colours of all 256 entries. */
static void colours(const GifFileType *g, int transparent, enum codec_style style,
                    uint8_t rgb[256][3])
{
    const ColorMapObject *map = g->Image.ColorMap ? g->Image.ColorMap : g->SColorMap;
    memset(rgb, 0, 256 * sizeof *rgb);
    for (int i = 0; i < (map ? map->ColorCount : 256) && i < 256; i++) {
        rgb[i][0] = map ? map->Colors[i].Red : (uint8_t)i;
        rgb[i][1] = map ? map->Colors[i].Green : (uint8_t)i;
        rgb[i][2] = map ? map->Colors[i].Blue : (uint8_t)i;
    }
    if (style == CODEC_TF && transparent >= 0) {
        memset(rgb[transparent], 0, sizeof *rgb);
    }
    if (style == CODEC_CV && transparent >= 0) {
        memcpy(rgb[transparent], rgb[background(g)], sizeof *rgb);
    }
}

/* The frame's rows in the order of the file, into the canvas of width w. */
static int read_rows(GifFileType *g, uint8_t rgb[256][3], uint8_t *canvas, size_t w, uint8_t *line,
                     struct err *e)
{
    static const size_t first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const GifImageDesc *f = &g->Image;
    size_t h = (size_t)f->Height, n = (size_t)f->Width;
    for (size_t pass = 0; pass < (f->Interlace ? 4u : 1u); pass++) {
        size_t by = f->Interlace ? step[pass] : 1;
        for (size_t y = f->Interlace ? first[pass] : 0; y < h; y += by) {
            if (DGifGetLine(g, line, f->Width) == GIF_ERROR) {
                return fail(g->UserData, g->Error, e);
            }
            uint8_t *to = canvas + (((size_t)f->Top + y) * w + (size_t)f->Left) * 3;
            for (size_t x = 0; x < n; x++) {
                memcpy(to + 3 * x, rgb[line[x]], 3);
            }
        }
    }
    return 0;
}

static int decode(GifFileType *g, enum codec_style style, struct codec_buf *b, struct image *out,
                  struct err *e)
{
    int transparent;
    uint8_t rgb[256][3], line[65536];
    if (find_frame(g, &transparent, e)) {
        return -1;
    }
    const GifImageDesc *f = &g->Image;
    if (f->Left < 0 || f->Top < 0 || f->Width <= 0 || f->Height <= 0 || f->Width > 65535) {
        return err_set(e, ERR_FORMAT, "GIF: a frame of %d x %d", f->Height, f->Width);
    }
    size_t w = (size_t)(f->Left + f->Width), h = (size_t)(f->Top + f->Height);
    w = w > (size_t)g->SWidth ? w : (size_t)g->SWidth;
    h = h > (size_t)g->SHeight ? h : (size_t)g->SHeight;
    const struct input *in = g->UserData;
    if (h * w / MAX_INFLATION > in->n) {
        return err_set(e, ERR_LIMIT, "GIF: claims %zux%zu in %zu bytes", w, h, in->n);
    }
    if (codec_reserve(b, "GIF", h, w, 3, e)) {
        return -1;
    }
    colours(g, transparent, style, rgb);
    if ((size_t)f->Width < w || (size_t)f->Height < h) {
        static const uint8_t black[3];
        const uint8_t *around = style == CODEC_TF ? black : rgb[transparent < 0 ? 0 : transparent];
        for (size_t i = 0; i < h * w; i++) {
            memcpy(b->data + 3 * i, around, 3);
        }
    }
    *out = (struct image){.data = b->data, .h = h, .w = w, .c = 3};
    return read_rows(g, rgb, b->data, w, line, e);
}

int gif_decode(const uint8_t *bytes, size_t n, enum codec_style style, struct codec_buf *b,
               struct image *out, struct err *e)
{
    struct input in = {bytes, n, 0};
    int code;
    GifFileType *g = DGifOpen(&in, feed, &code);
    if (!g) {
        return fail(&in, code, e);
    }
    int rc = decode(g, style, b, out, e);
    DGifCloseFile(g, &code);
    return rc;
}
