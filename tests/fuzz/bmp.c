/* BMP decoding of any bytes, in both styles. */
#include "tests/fuzz/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_any(bmp_decode, data, size);
    return 0;
}
