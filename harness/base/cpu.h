/* What the processor is and can do. */
#ifndef BITBENCH_BASE_CPU_H
#define BITBENCH_BASE_CPU_H

#include <stdbool.h>

/* Instruction sets that kernels are compiled for, best first: avx512, avx2, base. */
const char *cpu_name(void); /* "AMD EPYC ...", from cpuid or /proc/cpuinfo; never NULL */
const char *cpu_isa(void);  /* the best set this CPU runs (or the one forced) */
bool cpu_has(const char *isa);
/* Flush-to-zero and denormals-are-zero for the calling thread. */
void cpu_flush_denormals(void);

#endif
