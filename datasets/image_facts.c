/* The segments of a JPEG before its pixels (ITU-T T.81, annex B): frame header, Adobe's APP14 and
 * EXIF's APP1, of which the tag 0x0112 of the first directory is the orientation (TIFF 6.0). */
#include "datasets/image_facts.h"

#include <string.h>
#include <strings.h>
#include "datasets/transform.h"
#include "harness/base/tensor.h"

static unsigned get16(const uint8_t *p, bool little)
{
    return little ? p[0] | (unsigned)p[1] << 8 : p[1] | (unsigned)p[0] << 8;
}

static size_t get32(const uint8_t *p, bool little)
{
    size_t a = get16(p, little), b = get16(p + 2, little);
    return little ? a | b << 16 : b | a << 16;
}

/* The orientation in n bytes of TIFF, 1 where there is none. */
static unsigned tiff_orientation(const uint8_t *p, size_t n)
{
    if (n < 8 || (memcmp(p, "II*\0", 4) && memcmp(p, "MM\0*", 4))) {
        return 1;
    }
    bool little = p[0] == 'I';
    size_t at = get32(p + 4, little);
    if (at > n || n - at < 2) {
        return 1;
    }
    size_t entries = get16(p + at, little);
    for (at += 2; entries && n - at >= 12; entries--, at += 12) {
        if (get16(p + at, little) == 0x0112) {
            unsigned v = get16(p + at + 8, little);
            return v >= 1 && v <= 8 ? v : 1;
        }
    }
    return 1;
}

static bool is_frame_header(unsigned marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static void read_segment(struct image_facts *f, unsigned marker, const uint8_t *p, size_t n)
{
    if (is_frame_header(marker) && n >= 6) {
        f->components = p[5];
    } else if (marker == 0xee && n >= 12 && !memcmp(p, "Adobe", 5)) {
        f->ycck = p[11] == 2;
    } else if (marker == 0xe1 && n >= 6 && !memcmp(p, "Exif\0", 6)) {
        f->orientation = tiff_orientation(p + 6, n - 6);
    }
}

static void read_jpeg(struct image_facts *f, const uint8_t *p, size_t n)
{
    for (size_t at = 2; n - at >= 4 && p[at] == 0xff;) {
        unsigned marker = p[at + 1];
        if (marker == 0xff) { /* a fill byte */
            at++;
            continue;
        }
        size_t length = get16(p + at + 2, false);
        if (marker == 0xda || marker == 0xd9 || length < 2 || length > n - at - 2) {
            break;
        }
        read_segment(f, marker, p + at + 4, length - 2);
        at += 2 + length;
    }
    f->ycck = f->ycck && f->components == 4;
}

void image_facts_read(struct image_facts *f, const uint8_t *bytes, size_t n)
{
    *f = (struct image_facts){.format = decode_format(bytes, n), .orientation = 1};
    if (f->format && !strcmp(f->format, "JPEG")) {
        read_jpeg(f, bytes, n);
    }
}

bool image_facts_wrong_name(const struct image_facts *f, const char *name)
{
    static const struct {
        const char *extension, *format;
    } known[] = {
        {".jpg", "JPEG"},
        {".jpeg", "JPEG"},
        {".jpe", "JPEG"},
        {".png", "PNG"},
        {".gif", "GIF"},
        {".bmp", "BMP"},
        {".tif", "TIFF"},
        {".tiff", "TIFF"},
        {".webp", "WebP"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && f->format && i < ARRAY_LEN(known); i++) {
        if (!strcasecmp(dot, known[i].extension)) {
            return strcmp(f->format, known[i].format) != 0;
        }
    }
    return false;
}
