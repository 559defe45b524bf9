/* meta.mat of any bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "datasets/codec/synsets.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char wnids[SYNSETS_N][SYNSETS_WNID];
    struct err e = {0};
    int rc = synsets_read(wnids, data, size, "meta.mat", &e);
    assert((rc == -1) == (e.code != ERR_NONE));
    for (size_t i = 0; i < SYNSETS_N && !rc; i++) {
        assert(wnids[i][0] && memchr(wnids[i], 0, SYNSETS_WNID));
    }
    return 0;
}
