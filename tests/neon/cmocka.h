/* As much of cmocka as tests/unit/cpu_kernels.c uses, for running it under an emulator, where the
 * library is not to be had: a failed assertion ends the program. */
#ifndef BITBENCH_NEON_CMOCKA_H
#define BITBENCH_NEON_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define fail_msg(...)                            \
    do {                                         \
        printf("# %s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__);                     \
        printf("\n");                            \
        exit(1);                                 \
    } while (0)
#define assert_true(c)                    \
    do {                                  \
        if (!(c)) {                       \
            fail_msg("not true: %s", #c); \
        }                                 \
    } while (0)
#define assert_non_null(p)           assert_true((p) != NULL)
#define assert_int_equal(a, b)       assert_true((a) == (b))
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};
#define cmocka_unit_test(f) \
    {                       \
#f, f               \
    }
#define cmocka_run_group_tests(tests, setup, teardown) \
    run_tests(tests, sizeof(tests) / sizeof *(tests))

static int run_tests(const struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tests[i].run(NULL);
        printf("ok %zu - %s\n", i + 1, tests[i].name);
        fflush(stdout);
    }
    return 0;
}

#endif
