/* GIF decoding of any bytes, in both styles. */
#include "tests/fuzz/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_any(gif_decode, data, size);
    return 0;
}
