/* Which instruction set's table serves. */
#include "models/cpu/simd.h"

#include <assert.h>
#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/tensor.h"

extern const struct simd simd_table_base;
#if defined(__x86_64__)
extern const struct simd simd_table_avx512, simd_table_avx2;
static const struct simd *const tables[] = {&simd_table_avx512, &simd_table_avx2,
                                            &simd_table_base};
#else
static const struct simd *const tables[] = {&simd_table_base};
#endif

const struct simd *simd_find(const char *isa)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (!strcmp(tables[i]->isa, isa)) {
            return tables[i];
        }
    }
    return NULL;
}

const struct simd *simd_choose(void)
{
    const struct simd *s = simd_find(cpu_isa());
    assert(s);
    return s;
}
