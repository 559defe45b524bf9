/* Headers of 512 bytes, each followed by its file rounded up to 512 (POSIX pax, "ustar Interchange
 * Format"; GNU's long names, types L and K; base-256 numbers). */
#include "datasets/codec/tar_index.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum { BLOCK = 512,
       MAX_NAME = 4096,
       MAX_PAX = 1 << 20 };

struct scan {
    const struct tar_input *in;
    uint64_t at; /* of the header at work */
    unsigned char header[BLOCK];
    struct str name; /* of the next file, where a header before it says so */
    bool has_name, has_size;
    uint64_t size;
    uint64_t n_headers;
};

static int fail(const struct scan *s, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: offset %llu: %s", s->in->name, (unsigned long long)s->at,
                   what);
}

static int read_exact(struct scan *s, uint64_t at, void *out, size_t n, struct err *e)
{
    size_t got;
    if (s->in->read(s->in->ctx, at, out, n, &got, e)) {
        return -1;
    }
    return got == n ? 0 : fail(s, "truncated: the archive ends here", e);
}

/* Octal digits with spaces or NULs around them, or base 256 with the top bit set. */
static bool number(const unsigned char *p, size_t n, uint64_t *v)
{
    *v = 0;
    size_t i = 0;
    if (p[0] & 0x80) {
        *v = p[0] & 0x7f;
        for (i = 1; i < n; i++) {
            if (*v >> 56) {
                return false;
            }
            *v = *v << 8 | p[i];
        }
        return true;
    }
    while (i < n && p[i] == ' ') {
        i++;
    }
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) {
        *v = *v << 3 | (uint64_t)(p[i] - '0'); /* at most 12 digits */
    }
    for (; i < n; i++) {
        if (p[i] != ' ' && p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The sum over the header with its own field as spaces; some writers took the bytes as signed. */
static bool checksum_fits(const unsigned char *h)
{
    uint64_t said;
    int64_t sum = 0, signed_sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        unsigned char c = i >= 148 && i < 156 ? ' ' : h[i];
        sum += c;
        signed_sum += (signed char)c;
    }
    return number(h + 148, 8, &said) && ((int64_t)said == sum || (int64_t)said == signed_sum);
}

static bool is_zero(const unsigned char *h)
{
    for (size_t i = 0; i < BLOCK; i++) {
        if (h[i]) {
            return false;
        }
    }
    return true;
}

static int take_name(struct scan *s, const char *text, size_t n, struct err *e)
{
    if (n >= MAX_NAME || memchr(text, 0, n)) {
        return fail(s, "a name that is too long or holds a NUL", e);
    }
    str_clear(&s->name);
    str_add_n(&s->name, text, n);
    s->has_name = true;
    return str_check(&s->name, e);
}

/* One pax record "LENGTH KEY=VALUE\n" of n bytes in all. */
static int pax_record(struct scan *s, const char *key, size_t n_key, const char *value,
                      size_t n_value, struct err *e)
{
    if (n_key == 4 && !memcmp(key, "path", 4)) {
        return take_name(s, value, n_value, e);
    }
    if (n_key == 4 && !memcmp(key, "size", 4)) {
        char digits[24];
        if (n_value >= sizeof digits) {
            return fail(s, "pax header: no size", e);
        }
        memcpy(digits, value, n_value);
        digits[n_value] = 0;
        s->has_size = str_to_u64(digits, &s->size);
        return s->has_size ? 0 : fail(s, "pax header: no size", e);
    }
    if (n_key > 10 && !memcmp(key, "GNU.sparse", 10)) {
        return fail(s, "a sparse file, which is not supported", e);
    }
    return 0;
}

static int pax(struct scan *s, const char *p, size_t n, struct err *e)
{
    while (n) {
        size_t len = 0, i = 0;
        for (; i < n && i < 8 && p[i] >= '0' && p[i] <= '9'; i++) {
            len = len * 10 + (size_t)(p[i] - '0');
        }
        if (i == n || p[i] != ' ' || len > n || len < i + 3 || p[len - 1] != '\n') {
            return fail(s, "malformed pax header", e);
        }
        const char *key = p + i + 1;
        const char *equals = memchr(key, '=', len - i - 2);
        if (!equals) {
            return fail(s, "malformed pax header", e);
        }
        if (pax_record(s, key, (size_t)(equals - key), equals + 1,
                       (size_t)(p + len - 1 - equals - 1), e)) {
            return -1;
        }
        p += len;
        n -= len;
    }
    return 0;
}

/* The contents of a header that describes the next one. */
static int extension(struct scan *s, char type, uint64_t bytes, struct err *e)
{
    if (bytes > MAX_PAX) {
        return fail(s, "a header of more than 1 MiB", e);
    }
    char *text = mem_take((size_t)bytes + 1, 1, e);
    if (!text) {
        return -1;
    }
    int rc = read_exact(s, s->at + BLOCK, text, (size_t)bytes, e);
    if (!rc) {
        rc = type == 'L' ? take_name(s, text, strlen(text), e) : pax(s, text, (size_t)bytes, e);
    }
    free(text);
    return rc;
}

/* The name out of the header itself: prefix (ustar only) and name. */
static int header_name(struct scan *s, struct err *e)
{
    const char *h = (const char *)s->header;
    char name[BLOCK];
    size_t n = 0;
    if (!memcmp(h + 257, "ustar\0", 6) && h[345]) {
        n = strnlen(h + 345, 155);
        memcpy(name, h + 345, n);
        name[n++] = '/';
    }
    size_t rest = strnlen(h, 100);
    memcpy(name + n, h, rest);
    return take_name(s, name, n + rest, e);
}

static int entry(struct scan *s, uint64_t *next, tar_visit_fn *visit, void *ctx, struct err *e)
{
    char type = (char)s->header[156];
    uint64_t bytes;
    if (!number(s->header + 124, 12, &bytes)) {
        bytes = UINT64_MAX;
    }
    bool extends = type == 'x' || type == 'L';
    if (!extends && s->has_size) {
        bytes = s->size;
    }
    bool link = type == '1' || type == '2';
    if (link || (type >= '3' && type <= '6')) {
        bytes = 0; /* whatever the field says */
    }
    if (!extends && !s->has_name && header_name(s, e)) {
        return -1;
    }
    if (bytes > UINT64_MAX - s->at - 2 * BLOCK) {
        return err_set(e, ERR_FORMAT, "%s: offset %llu: %s: impossible size", s->in->name,
                       (unsigned long long)s->at, str_text(&s->name));
    }
    *next = s->at + BLOCK + (bytes + BLOCK - 1) / BLOCK * BLOCK;
    if (s->in->size != UINT64_MAX && *next > s->in->size) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %s at offset %llu: size beyond the file",
                       s->in->name, str_text(&s->name), (unsigned long long)s->at);
    }
    if (extends) {
        return extension(s, type, bytes, e);
    }
    int rc = 0;
    if (type == 'S') {
        return fail(s, "a sparse file, which is not supported", e);
    }
    if (type == '0' || type == 0 || type == '7' || link) {
        const char *name = str_text(&s->name);
        struct tar_member m = {name, s->at + BLOCK, bytes, link};
        if (name[0] && name[strlen(name) - 1] != '/') { /* old writers: a folder */
            rc = visit(ctx, &m, e);
        }
    }
    if (type != 'g' && type != 'K') {
        s->has_name = s->has_size = false;
    }
    return rc;
}

static int scan(struct scan *s, tar_visit_fn *visit, void *ctx, struct err *e)
{
    for (;; s->n_headers++) {
        size_t got;
        if (s->in->read(s->in->ctx, s->at, s->header, BLOCK, &got, e)) {
            return -1;
        }
        bool first = s->n_headers == 0;
        if (!got && !first) {
            return 0; /* some writers leave the end mark out */
        }
        if (got < BLOCK) {
            return first ? err_set(e, ERR_FORMAT, "%s: not a tar archive: %zu bytes", s->in->name,
                                   got)
                         : fail(s, "truncated: ends inside a header", e);
        }
        if (is_zero(s->header)) {
            return 0;
        }
        if (!checksum_fits(s->header)) {
            return first ? err_set(e, ERR_FORMAT, "%s: not a tar archive (wrong header checksum)",
                                   s->in->name)
                         : fail(s, "wrong header checksum", e);
        }
        uint64_t next = 0;
        int rc = entry(s, &next, visit, ctx, e);
        if (rc) {
            return rc;
        }
        s->at = next;
    }
}

int tar_index(const struct tar_input *in, tar_visit_fn *visit, void *ctx, struct err *e)
{
    struct scan *s = mem_take(1, sizeof *s, e);
    if (!s) {
        return -1;
    }
    s->in = in;
    int rc = scan(s, visit, ctx, e);
    str_release(&s->name);
    free(s);
    return rc;
}
