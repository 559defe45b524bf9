/* Any bytes as a safetensors file: an error with a text, or a sound network. Twice: as they are,
 * and with the zeros behind them that the data of the smallest network takes up (a hole in the
 * file), so that seeds can be headers alone. */
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

static void read_as(const char *path, bool with_params)
{
    struct err e = {0};
    struct model m = {0};
    if (weights_safetensors.read(&m, path, with_params, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    } else {
        struct arch a;
        char name[ARCH_NAME];
        arch_name(&m.arch, name);
        assert(!arch_parse(&a, name, NULL) && !memcmp(&a, &m.arch, sizeof a));
        assert(m.ws_eps > 0 && m.ws_eps < 1 && !m.params == !with_params);
        for (size_t i = 0; m.params && i < m.table.n; i++) {
            assert(isfinite(m.params[m.table.params[i].offset]));
        }
    }
    model_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    /* R(1,1,1,1)x0.5 with 10 classes in float16 and float32, behind the header of that length. */
    static const size_t tails[] = {0, 2 * 2017578, 4 * 2017578};
    uint64_t header = 0;
    memcpy(&header, data, n < sizeof header ? n : sizeof header);
    int fd = memfd_create("safetensors", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        if (!tails[i] || header < n) {
            assert(!tails[i] || !ftruncate(fd, (off_t)(header + sizeof header + tails[i])));
            read_as(path, i % 2 == 0);
            read_as(path, true);
        }
    }
    close(fd);
    return 0;
}
