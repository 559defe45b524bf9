/* What the processor is and can do. */
#ifndef BITBENCH_BASE_CPU_H
#define BITBENCH_BASE_CPU_H

#include <stdbool.h>

struct err;

/* Instruction sets that kernels are compiled for, best first:
 *   avx512  AVX-512 F, BW, DQ and VL, and all of avx2
 *   avx2    AVX2, FMA
 *   base    what every CPU of this architecture has (SSE2, NEON) */
const char *cpu_isa(void);     /* the best set this CPU runs (or the one forced) */
bool cpu_has(const char *isa); /* can this CPU run it, whatever is forced */
/* Makes cpu_isa return isa (--isa). Call before any other thread runs. 0, or -1 with e set
 * (ERR_USAGE) for an unknown name or a set this CPU lacks. */
int cpu_force_isa(const char *isa, struct err *e);

const char *cpu_name(void); /* "AMD EPYC ...", from cpuid or /proc/cpuinfo; never NULL */
bool cpu_is_amd(void);

/* Between two looks at what another thread will change: lets the core rest. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Flush-to-zero and denormals-are-zero for the calling thread, where the CPU has them. */
void cpu_flush_denormals(void);

#endif
