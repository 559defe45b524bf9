/* Checked allocation: products are tested for overflow and single blocks against the limit, so
 * that a size read from a hostile file ends in an error instead of a small block or a killed
 * process. */
#include "harness/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/str.h"

enum { ALIGN = 64 };

static size_t limit_bytes; /* 0 = none */

void mem_set_limit(size_t bytes)
{
    limit_bytes = bytes;
}

size_t mem_limit(void)
{
    return limit_bytes;
}

/* n * size, at least 1 and with room to round up to ALIGN; 0 with e set when that is refused. */
static size_t total(size_t n, size_t size, struct err *e)
{
    if (size && n > (SIZE_MAX - ALIGN) / size) {
        err_set(e, ERR_LIMIT, "%zu elements of %zu bytes are more than memory can address", n,
                size);
        return 0;
    }
    size_t bytes = n == 0 || size == 0 ? 1 : n * size;
    if (limit_bytes && bytes > limit_bytes) {
        char want[16], have[16];
        err_set(e, ERR_LIMIT, "a block of %s is more than the memory limit of %s",
                str_bytes(want, bytes), str_bytes(have, limit_bytes));
        return 0;
    }
    return bytes;
}

void mem_give_back(void *p, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)p;
    uintptr_t first = (at + page - 1) / page * page, end = (at + bytes) / page * page;
    if (end > first) {
        madvise((unsigned char *)p + (first - at), end - first, MADV_DONTNEED);
    }
}

static int short_of(size_t bytes, struct err *e)
{
    char want[16];
    return err_set(e, ERR_LIMIT, "out of memory: no block of %s", str_bytes(want, bytes));
}

/* Large pages for what is large: a network's weights need more small ones than the CPU keeps
 * addresses of. */
static void ask_large_pages(void *p, size_t bytes)
{
    enum { LARGE = 2 << 20 };
    uintptr_t at = (uintptr_t)p;
    uintptr_t first = (at + LARGE - 1) / LARGE * LARGE, end = (at + bytes) / LARGE * LARGE;
    if (end > first) {
        madvise((unsigned char *)p + (first - at), end - first, MADV_HUGEPAGE);
    }
}

void *mem_take_raw(size_t n, size_t size, struct err *e)
{
    size_t bytes = total(n, size, e);
    if (!bytes) {
        return NULL;
    }
    void *p = aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    if (!p) {
        short_of(bytes, e);
        return NULL;
    }
    ask_large_pages(p, bytes);
    return p;
}

void *mem_take(size_t n, size_t size, struct err *e)
{
    void *p = mem_take_raw(n, size, e);
    if (p) {
        memset(p, 0, n * size);
    }
    return p;
}

int mem_grow(void **p, size_t *cap, size_t n, size_t size, struct err *e)
{
    if (n <= *cap) {
        return 0;
    }
    size_t want = *cap <= SIZE_MAX / 2 && *cap * 2 > n ? *cap * 2 : n;
    if (want < 16 && size <= 64) {
        want = 16;
    }
    size_t bytes = total(want, size, NULL);
    if (!bytes) {
        want = n; /* no room to double: exactly what is asked for, or an error */
        bytes = total(want, size, e);
    }
    if (!bytes) {
        return -1;
    }
    void *q = realloc(*p, bytes);
    if (!q) {
        return short_of(bytes, e);
    }
    *p = q;
    *cap = want;
    return 0;
}

char *mem_strndup(const char *s, size_t n, struct err *e)
{
    size_t len = strnlen(s, n), bytes = total(len + 1, 1, e);
    if (!bytes) {
        return NULL;
    }
    char *copy = malloc(bytes);
    if (!copy) {
        short_of(bytes, e);
        return NULL;
    }
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *s, struct err *e)
{
    return mem_strndup(s, SIZE_MAX - 1, e);
}
