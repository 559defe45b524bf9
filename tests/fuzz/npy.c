/* Any bytes as a .npy image: an error with a text, or an array whose elements are all there and
 * whose header, written again, says the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct npy a, again;
    char head[256];
    if (npy_parse(&a, data, n, "x", &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
        return 0;
    }
    assert(a.data_offset + a.n * npy_item_bytes(a.type) == n);
    double *wide = calloc(a.n + 1, sizeof *wide);
    float *narrow = calloc(a.n + 1, sizeof *narrow);
    int64_t *whole = calloc(a.n + 1, sizeof *whole);
    int exact = npy_to_f64(&a, wide, "x", &e);
    if (npy_to_i64(&a, whole, "x", &e) == 0 && exact == 0) {
        for (size_t i = 0; i < a.n; i++) {
            assert((double)whole[i] == wide[i]);
        }
    }
    npy_to_f32(&a, narrow, "x", &e);
    free(wide);
    free(narrow);
    free(whole);
    size_t n_head = npy_header(head, sizeof head, a.type, a.n_dims, a.dims);
    assert(npy_parse_header(&again, head, n_head, "x", &e) == 0);
    assert(again.type == a.type && again.n_dims == a.n_dims && again.n == a.n);
    assert(memcmp(again.dims, a.dims, sizeof a.dims) == 0);
    return 0;
}
