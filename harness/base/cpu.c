/* The processor's name, instruction sets and handling of denormals: cpuid and MXCSR on x86,
 * /proc/cpuinfo and FPCR on 64-bit ARM. */
#include "harness/base/cpu.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/tensor.h"

static bool has_base(void)
{
    return true;
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <xmmintrin.h>

/* The built-in also asks whether the system saves the wide registers. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool cpu_is_amd(void)
{
    return __builtin_cpu_is("amd");
}

void cpu_flush_denormals(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8000 /* flush to zero */ | 0x0040 /* denormals are zero */);
}

/* The brand string of cpuid leaves 0x80000002 to 4, 16 bytes each; *name stays "" without. */
static void read_name(char name[64])
{
    unsigned r[12];
    for (unsigned i = 0; i < 3; i++) {
        if (!__get_cpuid(0x80000002 + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3])) {
            return;
        }
    }
    memcpy(name, r, sizeof r);
}

#else

static bool has_avx2(void)
{
    return false;
}

static bool has_avx512(void)
{
    return false;
}

bool cpu_is_amd(void)
{
    return false;
}

#if defined(__aarch64__)
void cpu_flush_denormals(void)
{
    unsigned long fpcr;
    __asm__ volatile("mrs %0, fpcr"
                     : "=r"(fpcr));
    fpcr |= 1ul << 24; /* FZ: flushes inputs and results */
    __asm__ volatile("msr fpcr, %0"
                     :
                     : "r"(fpcr));
}
#else
void cpu_flush_denormals(void)
{
}
#endif

/* "model name", else the implementer and part that ARM kernels print. */
static void read_name(char name[64])
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (!f) {
        return;
    }
    char line[256], implementer[16] = "", part[16] = "";
    while (!*name && fgets(line, sizeof line, f)) {
        if (sscanf(line, "model name : %63[^\n]", name) != 1 && !*part) {
            sscanf(line, "CPU implementer : %15s", implementer);
            sscanf(line, "CPU part : %15s", part);
        }
    }
    fclose(f);
    if (!*name && *part) {
        snprintf(name, 64, "ARM implementer %s part %s", implementer, part);
    }
}

#endif

static const struct {
    const char *name;
    bool (*has)(void);
} sets[] = {{"avx512", has_avx512}, {"avx2", has_avx2}, {"base", has_base}};

static const char *forced_isa;

const char *cpu_isa(void)
{
    size_t i = 0;
    while (!forced_isa && !sets[i].has()) {
        i++; /* the last row is always there */
    }
    return forced_isa ? forced_isa : sets[i].name;
}

bool cpu_has(const char *isa)
{
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        if (strcmp(isa, sets[i].name) == 0) {
            return sets[i].has();
        }
    }
    return false;
}

int cpu_force_isa(const char *isa, struct err *e)
{
    struct near near;
    near_init(&near, isa);
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        if (strcmp(isa, sets[i].name) == 0) {
            if (!sets[i].has()) {
                return err_set(e, ERR_USAGE, "this CPU cannot run instruction set %s (%s)", isa,
                               cpu_name());
            }
            forced_isa = sets[i].name;
            return 0;
        }
        near_add(&near, sets[i].name);
    }
    return err_set(e, ERR_USAGE, "unknown instruction set '%s' (avx512, avx2, base)%s", isa,
                   near_text(&near));
}

static char the_name[64];

static void find_name(void)
{
    char name[64] = "";
    read_name(name);
    const char *from = name + strspn(name, " \t");
    size_t n = strlen(from);
    while (n && strchr(" \t", from[n - 1])) {
        n--;
    }
    snprintf(the_name, sizeof the_name, "%.*s", (int)n, n ? from : "");
    if (!n) {
        snprintf(the_name, sizeof the_name, "unknown CPU");
    }
}

const char *cpu_name(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_name);
    return the_name;
}
