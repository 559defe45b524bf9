/* Facts of any bytes: within their ranges, and never a byte read beyond the end. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/image_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct image_facts f;
    uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees the end */
    assert(copy);
    memcpy(copy, data, n);
    image_facts_read(&f, copy, n);
    assert(f.orientation >= 1 && f.orientation <= 8 && f.components <= 255);
    assert(!f.ycck || f.components == 4);
    assert(f.format || !f.components);
    (void)image_facts_wrong_name(&f, "a/b.jpg");
    free(copy);
    return 0;
}
