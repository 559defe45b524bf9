/* CRC-32C (Castagnoli), the checksum of TFRecord files. */
#ifndef BITBENCH_DATASETS_CODEC_CRC32C_H
#define BITBENCH_DATASETS_CODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t n);

#endif
