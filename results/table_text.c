/* Texts inside tables: made fit for one line, measured, and escaped for each format. */
#include "results/table.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/csv.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

/* The character at s (not at the end) into *c; returns its bytes, 0 where s is not UTF-8 (RFC 3629:
 * neither overlong nor a surrogate nor beyond U+10FFFF). */
static size_t decode(const char *s, uint32_t *c)
{
    const unsigned char *b = (const unsigned char *)s;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = b[0] < 0x80   ? 1
               : b[0] < 0xc0 ? 0
               : b[0] < 0xe0 ? 2
               : b[0] < 0xf0 ? 3
               : b[0] < 0xf8 ? 4
                             : 0;
    *c = n == 1 ? b[0] : b[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80) { /* a NUL too */
            return 0;
        }
        *c = *c << 6 | (b[i] & 0x3f);
    }
    return n && *c >= least[n] && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff) ? n : 0;
}

static bool is_control(uint32_t c)
{
    /* C0 and C1, line and paragraph separators, and what turns the direction of writing, which
     * would reorder the rest of a line. */
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

void table_clean(struct str *out, const char *text)
{
    while (*text) {
        size_t white = strspn(text, " \t\n\v\f\r");
        if (white) {
            str_add_char(out, ' ');
            text += white;
            continue;
        }
        uint32_t c;
        size_t n = decode(text, &c);
        if (n == 0 || is_control(c)) {
            str_add(out, "\xef\xbf\xbd");
        } else {
            str_add_n(out, text, n);
        }
        text += n ? n : 1;
    }
}

/* Ranges of the Unicode character database, version 15: combining marks and joiners; East Asian
 * Width W and F, and emoji. */
struct range {
    uint32_t first, last;
};
static const struct range no_width[] = {
    {0x300, 0x36f},
    {0x483, 0x489},
    {0x591, 0x5bd},
    {0x64b, 0x65f},
    {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},
    {0x200b, 0x200f},
    {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
};
static const struct range two_wide[] = {
    {0x1100, 0x115f},
    {0x2e80, 0x303e},
    {0x3041, 0x4dbf},
    {0x4e00, 0xa4cf},
    {0xa960, 0xa97f},
    {0xac00, 0xd7a3},
    {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},
    {0xff00, 0xff60},
    {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1faff},
    {0x20000, 0x3fffd},
};

static bool in_ranges(uint32_t c, const struct range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= r[i].first && c <= r[i].last) {
            return true;
        }
    }
    return false;
}

size_t table_width(const char *text)
{
    size_t width = 0;
    while (*text) {
        uint32_t c;
        size_t n = decode(text, &c);
        if (n == 0 || !in_ranges(c, no_width, ARRAY_LEN(no_width))) {
            width += n && in_ranges(c, two_wide, ARRAY_LEN(two_wide)) ? 2 : 1;
        }
        text += n ? n : 1;
    }
    return width;
}

/* ---- escapes: a character, where `of` stands, is written as `as` ---- */

struct escape {
    const char *of, *as;
};
static const struct escape html[] = {
    {"&", "&amp;"},
    {"<", "&lt;"},
    {">", "&gt;"},
    {"\"", "&quot;"},
    {"'", "&#39;"},
};
/* Backslash escapes of CommonMark, and entities for what would be HTML. */
static const struct escape md[] = {
    {"\\", "\\\\"},
    {"`", "\\`"},
    {"*", "\\*"},
    {"_", "\\_"},
    {"[", "\\["},
    {"]", "\\]"},
    {"#", "\\#"},
    {"|", "\\|"},
    {"~", "\\~"},
    {"$", "\\$"},
    {"<", "&lt;"},
    {">", "&gt;"},
    {"&", "&amp;"},
};
/* Besides TeX's own ten: quotes, broken ligatures, and what \\ would take for an argument. */
static const struct escape latex[] = {
    {"\\", "\\textbackslash{}"},
    {"{", "\\{"},
    {"}", "\\}"},
    {"$", "\\$"},
    {"&", "\\&"},
    {"#", "\\#"},
    {"^", "\\textasciicircum{}"},
    {"_", "\\_"},
    {"%", "\\%"},
    {"~", "\\textasciitilde{}"},
    {"<", "\\textless{}"},
    {">", "\\textgreater{}"},
    {"|", "\\textbar{}"},
    {"`", "\\textasciigrave{}"},
    {"'", "\\textquotesingle{}"},
    {"\"", "\\char34{}"},
    {"--", "-{}"},
    {",,", ",{}"},
    {"[", "{[}"},
    {"]", "{]}"},
    {"*", "{*}"},
};

static void add_escaped(struct str *out, const char *text, const struct escape *list, size_t n)
{
    for (; *text; text++) {
        const char *as = NULL;
        for (size_t i = 0; i < n && !as; i++) {
            as = str_starts(text, list[i].of) ? list[i].as : NULL;
        }
        if (as) {
            str_add(out, as);
        } else {
            str_add_char(out, *text);
        }
    }
}

void table_escape(struct str *out, enum table_format f, const char *text)
{
    if (f == TABLE_CSV) {
        csv_add_field(out, text);
        return;
    }
    struct str clean = {0};
    table_clean(&clean, text);
    out->failed = out->failed || clean.failed;
    switch (f) {
    case TABLE_TEXT:
        str_add(out, str_text(&clean));
        break;
    case TABLE_MD:
        add_escaped(out, str_text(&clean), md, ARRAY_LEN(md));
        break;
    case TABLE_LATEX:
        add_escaped(out, str_text(&clean), latex, ARRAY_LEN(latex));
        break;
    case TABLE_HTML:
        add_escaped(out, str_text(&clean), html, ARRAY_LEN(html));
        break;
    case TABLE_CSV:
        assert(false);
    }
    str_release(&clean);
}
