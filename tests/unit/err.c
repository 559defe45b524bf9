/* The smallest parts: errors, checked allocation, the arena, notes, the clock, the processor. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/arena.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"

static void err_texts(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_FORMAT, "label %d not in 0..%d", 12, 9), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_int_equal(err_wrap(&e, "%s", "data_batch_3.bin"), -1);
    assert_string_equal(e.text, "data_batch_3.bin: label 12 not in 0..9");
    assert_int_equal(e.code, ERR_FORMAT);

    /* The error's own text as an argument. */
    err_set(&e, ERR_USAGE, "(%s)", e.text);
    assert_string_equal(e.text, "(data_batch_3.bin: label 12 not in 0..9)");
    assert_int_equal(e.code, ERR_USAGE);

    errno = ENOSPC;
    assert_int_equal(err_errno(&e, "cannot write %s", "x"), -1);
    assert_string_equal(e.text, "cannot write x: No space left on device");
    assert_int_equal(e.code, ERR_IO);

    assert_int_equal(err_set(NULL, ERR_IO, "x"), -1);
    assert_int_equal(err_errno(NULL, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
}

static void err_cut(void **state)
{
    (void)state;
    struct err e = {0};
    err_set(&e, ERR_IO, "%2000d", 7);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_string_equal(e.text + sizeof e.text - 4, "...");
    err_wrap(&e, "where");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_memory_equal(e.text, "where: ", 7);
}

static void mem_limits(void **state)
{
    (void)state;
    struct err e = {0};
    assert_null(mem_take(SIZE_MAX / 2, 3, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    assert_null(mem_take(SIZE_MAX, 1, &e)); /* rounding up to 64 would overflow */

    /* A part of a block that was dirty before. The volatile pointer keeps the compiler from
     * dropping stores to memory that is about to be freed. */
    void *(*volatile dirty)(void *, int, size_t) = memset;
    unsigned char *p = mem_take_raw(3, 3333, &e);
    assert_non_null(p);
    dirty(p, 0xff, 9999);
    free(p);
    p = mem_take(11, 303, &e);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (size_t i = 0; i < 3333; i++) {
        assert_int_equal(p[i], 0);
    }
    free(p);
    void *none = mem_take(0, 8, &e);
    assert_non_null(none);
    free(none);

    mem_set_limit(1 << 20);
    assert_null(mem_take(1, (1 << 20) + 1, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    assert_string_equal(e.text, "a block of 1.0 MiB is more than the memory limit of 1.0 MiB");
    p = mem_take(1, 1 << 20, &e);
    assert_non_null(p);
    free(p);
    mem_set_limit(0);
}

/* Whole pages are gone (Linux: zero), what shares a page with the rest is not. */
static void mem_gives_back(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 6 * page;
    struct err e = {0};
    unsigned char *p = mem_take_raw(n, 1, &e);
    assert_non_null(p);
    size_t whole = (page - (uintptr_t)p % page) % page + page; /* a page in the block's second */
    memset(p, 7, n);
    mem_give_back(p + whole - 1, 3 * page + 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p[i], i >= whole && i < whole + 3 * page ? 0 : 7);
    }
    memset(p, 7, n);
    mem_give_back(p + whole + 1, page);
    mem_give_back(p + whole, 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p[i], 7);
    }
    free(p);
}

static void mem_grows(void **state)
{
    (void)state;
    struct err e = {0};
    void *p = NULL;
    size_t cap = 0;
    for (size_t n = 1; n < 1000; n++) {
        assert_int_equal(mem_grow(&p, &cap, n, sizeof(int), &e), 0);
        assert_true(cap >= n);
        ((int *)p)[n - 1] = (int)n;
    }
    for (size_t i = 0; i < 999; i++) {
        assert_int_equal(((int *)p)[i], i + 1);
    }
    void *before = p;
    size_t cap_before = cap;
    assert_int_equal(mem_grow(&p, &cap, SIZE_MAX / 2, sizeof(int), &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_ptr_equal(p, before);
    assert_int_equal(cap, cap_before);

    /* Doubling is over the limit, what is asked for is not. */
    mem_set_limit(cap * sizeof(int) + 4);
    assert_int_equal(mem_grow(&p, &cap, cap + 1, sizeof(int), &e), 0);
    assert_int_equal(cap, cap_before + 1);
    mem_set_limit(0);
    free(p);

    char *s = mem_strndup("abcdef", 3, &e);
    assert_string_equal(s, "abc");
    free(s);
    s = mem_strdup("abc", &e);
    assert_string_equal(s, "abc");
    free(s);
}

/* The layout code that the dry run and the real run share. */
static void lay_out(struct arena *a, unsigned char *pieces[3])
{
    pieces[0] = arena_take(a, 100);
    size_t mark = arena_mark(a);
    pieces[1] = arena_take(a, 1000);
    arena_reset(a, mark);
    pieces[2] = arena_take(a, 1);
}

static void arena_layout(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a;
    unsigned char *p[3];
    arena_plan(&a);
    lay_out(&a, p);
    assert_null(p[0]);
    size_t peak = a.peak;
    assert_true(peak >= 1100);

    assert_int_equal(arena_open(&a, peak, &e), 0);
    lay_out(&a, p);
    assert_int_equal(a.peak, peak);
    assert_ptr_equal(p[1], p[2]);
    assert_true(p[1] >= p[0] + 100);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal((uintptr_t)p[i] % 64, 0);
    }
    memset(p[0], 1, 100);
    p[2][0] = 1;
    arena_close(&a);

    /* A plan that overflows is refused when opened, not wrapped. */
    arena_plan(&a);
    arena_take(&a, SIZE_MAX - 1000);
    arena_take(&a, 2000);
    assert_int_equal(a.peak, SIZE_MAX);
    assert_int_equal(arena_open(&a, a.peak, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);

    mem_set_limit(4096);
    assert_int_equal(arena_open(&a, 8192, &e), -1);
    assert_string_equal(
        e.text, "scratch memory: a block of 8.0 KiB is more than the memory limit of 4.0 KiB");
    mem_set_limit(0);
    arena_close(&a);
}

static char last_message[64];
static size_t last_done;

static void keep_message(enum note_level level, const char *text)
{
    assert_int_equal(level, NOTE_WARNING);
    strncpy(last_message, text, sizeof last_message - 1);
}

static void keep_progress(const char *what, size_t done, size_t total)
{
    assert_string_equal(what, "reading");
    assert_int_equal(total, 9);
    last_done = done;
}

static void notes(void **state)
{
    (void)state;
    note(NOTE_INFO, "nobody listens");
    note_progress("reading", 1, 2);
    static const struct note_sink sink = {keep_message, keep_progress};
    note_set_sink(&sink);
    note(NOTE_WARNING, "%d images", 7);
    assert_string_equal(last_message, "7 images");
    note_progress("reading", 3, 9);
    assert_int_equal(last_done, 3);
    note_set_sink(NULL);
    assert_int_equal(note_interrupted, 0);
}

static void clock_moves(void **state)
{
    (void)state;
    double t0 = clock_now_s(), t1 = clock_now_s();
    assert_true(t1 >= t0);
    char text[CLOCK_TEXT];
    clock_utc(text);
    assert_int_equal(strlen(text), 20);
    assert_true(text[4] == '-' && text[10] == 'T' && text[19] == 'Z');
    assert_true(clock_peak_rss_bytes() > 100000);
}

static void cpu_facts(void **state)
{
    (void)state;
    struct err e = {0};
    assert_true(strlen(cpu_name()) > 0);
    assert_true(cpu_has("base"));
    assert_false(cpu_has("avx1024"));
    assert_true(cpu_has(cpu_isa()));
    assert_int_equal(cpu_force_isa("avx5l2", &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.text, "did you mean 'avx512'"));
    assert_int_equal(cpu_force_isa("base", &e), 0);
    assert_string_equal(cpu_isa(), "base");

    cpu_flush_denormals();
#if defined(__x86_64__) || defined(__aarch64__)
    volatile float tiny = 1e-30f, small = 1e-10f;
    volatile float product = tiny * small; /* 1e-40, a denormal */
    assert_true(product == 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_texts),
        cmocka_unit_test(err_cut),
        cmocka_unit_test(mem_limits),
        cmocka_unit_test(mem_gives_back),
        cmocka_unit_test(mem_grows),
        cmocka_unit_test(arena_layout),
        cmocka_unit_test(notes),
        cmocka_unit_test(clock_moves),
        cmocka_unit_test(cpu_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
