/* Any bytes as the head of a NORB matrix: dimensions whose product fits, or an error with a text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/codec/norb.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct norb m;
    if (norb_parse(&m, data, n, "input", &e)) {
        assert(e.code == ERR_FORMAT && e.text[0]);
        return 0;
    }
    assert(m.n_dims >= 1 && m.n_dims <= NORB_MAX_DIMS && (m.item_bytes == 1 || m.item_bytes == 4));
    assert(m.data_offset <= n && m.data_offset <= NORB_HEAD && m.n <= SIZE_MAX / 8);
    for (size_t i = 0; i < m.n_dims; i++) {
        assert(m.dims[i] <= INT32_MAX);
    }
    return 0;
}
