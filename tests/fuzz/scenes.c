/* Any bytes as a scene file of CLEVR: scenes that are JSON documents, or an error with a text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datasets/clevr_scenes.h"
#include "datasets/codec/spool.h"
#include "harness/base/err.h"
#include "harness/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int take(void *ctx, const struct json *scene, size_t i, struct err *e)
{
    size_t *n = ctx;
    (void)e;
    assert(scene && i == (*n)++);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("scenes", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    struct err e = {0};
    struct spool *text;
    size_t n_scenes = 0;
    assert(!spool_open_part(&text, &(struct spool_part){.fd = fd, .name = "input", .packed = n, .bytes = n},
                            &e));
    if (clevr_scenes_read(text, take, &n_scenes, &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    }
    spool_close(text);
    close(fd);
    return 0;
}
