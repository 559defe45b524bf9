/* The arena: a bump allocator over one block. Under AddressSanitizer what is not handed out is
 * poisoned and a gap follows each piece, so that running over a piece's end is seen. */
#include "harness/base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
enum { ALIGN = 64,
       GAP = 64 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { ALIGN = 64,
       GAP = 0 };
#endif

void arena_plan(struct arena *a)
{
    *a = (struct arena){.cap = SIZE_MAX};
}

int arena_open(struct arena *a, size_t bytes, struct err *e)
{
    *a = (struct arena){0};
    a->base = mem_take_raw(bytes, 1, e);
    if (!a->base) {
        return err_wrap(e, "scratch memory");
    }
    a->cap = bytes;
    ASAN_POISON_MEMORY_REGION(a->base, bytes);
    return 0;
}

void arena_close(struct arena *a)
{
    if (a->base) {
        ASAN_UNPOISON_MEMORY_REGION(a->base, a->cap);
        free(a->base);
    }
    *a = (struct arena){0};
}

void *arena_take(struct arena *a, size_t bytes)
{
    /* A plan that overflows sticks at SIZE_MAX, which arena_open then refuses. */
    size_t room = SIZE_MAX - a->used;
    size_t step = room < ALIGN + GAP || bytes > room - ALIGN - GAP
                      ? room
                      : (bytes + ALIGN - 1) / ALIGN * ALIGN + GAP;
    assert(step <= a->cap - a->used);
    size_t at = a->used;
    a->used += step;
    if (a->used > a->peak) {
        a->peak = a->used;
    }
    if (!a->base) {
        return NULL;
    }
    ASAN_UNPOISON_MEMORY_REGION(a->base + at, bytes);
    return a->base + at;
}

size_t arena_mark(const struct arena *a)
{
    return a->used;
}

void arena_reset(struct arena *a, size_t mark)
{
    assert(mark <= a->used);
    if (a->base) {
        ASAN_POISON_MEMORY_REGION(a->base + mark, a->used - mark);
    }
    a->used = mark;
}
