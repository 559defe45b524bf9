/* Any bytes as a .npz file of weights: an error with a text, or a sound network. The seed that is a
 * whole network has zeros for values, which deflate to nearly nothing. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "models/model.h"
#include "models/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("npz", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    struct err e = {0};
    struct model whole = {0}, bare = {0};
    if (weights_npz.read(&whole, path, true, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    } else {
        assert(!weights_npz.read(&bare, path, false, &e)); /* asks for less */
        assert(!memcmp(&bare.arch, &whole.arch, sizeof bare.arch));
        assert(bare.n_classes == whole.n_classes && bare.table.n == whole.table.n);
        for (size_t i = 0; i < whole.table.n; i++) {
            assert(isfinite(whole.params[whole.table.params[i].offset]));
        }
    }
    model_release(&whole);
    model_release(&bare);
    close(fd);
    return 0;
}
