/* CRC-32C: polynomial 0x1EDC6F41, bits reversed, all ones before and after (RFC 3720, appendix
 * B.4). With the CPU's instruction where there is one, else four bits a step. */
#include "datasets/codec/crc32c.h"

#include <stdbool.h>
#include <string.h>

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t n)
{
    /* Remainder of each group of four bits. */
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *p,
                                                             size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        wide = __builtin_ia32_crc32di(wide, v);
    }
    crc = (uint32_t)wide;
    for (; n; n--, p++) {
        crc = __builtin_ia32_crc32qi(crc, *p);
    }
    return crc;
}

static bool cpu_has_crc(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *p, size_t n)
{
    return crc_by_table(crc, p, n);
}

static bool cpu_has_crc(void)
{
    return false;
}
#endif

uint32_t crc32c(const void *data, size_t n)
{
    uint32_t crc = 0xffffffffu;
    return ~(cpu_has_crc() ? crc_by_cpu(crc, data, n) : crc_by_table(crc, data, n));
}
