/* Peaks of whole commands under --max-mem, as the system counts them. The program itself, with its
 * libraries and the stacks of its threads, is not part of the limit: 11 to 16 MiB were measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/tensor.h"

enum { PROGRAM_MIB = 24 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOWED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHADOWED 1
#endif
#endif

/* MiB; the command has to end well. */
static double peak(const char *limit, const char *kind, const char *model, const char *size,
                   const char *batch)
{
    char program[4096];
    const char *folder = getenv("B");
    snprintf(program, sizeof program, "%s/bitbench", folder ? folder : "build/gcc");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execl(program, program, "-q", "--threads", "2", "--max-mem", limit, "bench", kind, "-m",
              model, "--size", size, "--batch", batch, "--runs", "1", (char *)NULL);
        _exit(127);
    }
    int status;
    struct rusage usage;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        fail_msg("%s --max-mem %s bench %s: status %d", program, limit, kind, status);
    }
    return (double)usage.ru_maxrss / 1024;
}

static void test_peaks(void **state)
{
    (void)state;
#ifdef SHADOWED
    skip(); /* shadow memory counts */
#endif
    static const struct {
        const char *limit;
        double mib;
        const char *kind, *model, *size, *batch;
    } cases[] = {
        {"230M", 230, "train", "random:R(1,1,1,1)x1", "64", "64"},    /* without: 347 */
        {"55M", 55, "forward", "random:R(1,1,1,1)x1", "224", "8"},    /* without: 92 */
        {"80M", 80, "forward", "random:R(1,1,1,1)x0.5", "224", "96"}, /* 55 MiB of images */
        {"150M", 150, "forward", "random:R(1,1,1,1)x0.5", "32", "8"}, /* no copies of 128 MiB */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double mib = peak(cases[i].limit, cases[i].kind, cases[i].model, cases[i].size,
                          cases[i].batch);
        print_message("# %s %s %s: %.1f MiB\n", cases[i].limit, cases[i].kind, cases[i].model, mib);
        if (mib > cases[i].mib + PROGRAM_MIB) {
            fail_msg("--max-mem %s bench %s of %s, %s px, batch %s: %.1f MiB", cases[i].limit,
                     cases[i].kind, cases[i].model, cases[i].size, cases[i].batch, mib);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
