/* IDX files and the gzip around them: the first byte says which of the four files of a set the
 * others are, valid ones stand in for the rest. Opening ends, says why it refused, and what it
 * accepts can be read from the first image to the last. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/dataset.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { N_IMAGES = 2,
       PIXELS = 28 * 28 };
static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static char dir[256];

static void check(int ok)
{
    if (!ok) {
        abort();
    }
}

static void put(size_t file, const uint8_t *bytes, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, names[file]);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(fd >= 0 && write(fd, bytes, n) == (ssize_t)n && close(fd) == 0);
}

static void put_valid(size_t file)
{
    static uint8_t images[16 + N_IMAGES * PIXELS] = {0, 0, 8, 3, 0, 0, 0, N_IMAGES,
                                                     0, 0, 0, 28, 0, 0, 0, 28};
    static const uint8_t labels[8 + N_IMAGES] = {0, 0, 8, 1, 0, 0, 0, N_IMAGES, 3, 9};
    if (file % 2) {
        put(file, labels, sizeof labels);
    } else {
        put(file, images, sizeof images);
    }
}

static void clean_up(void)
{
    char path[512];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void set_up(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/bitbench-fuzz-XXXXXX", tmp ? tmp : "/tmp");
    check(mkdtemp(dir) != NULL);
    atexit(clean_up);
    for (size_t i = 0; i < 4; i++) {
        put_valid(i);
    }
}

static void read_all(struct dataset *d)
{
    struct sample_buf buf = {0};
    struct split s;
    struct err e = {0};
    if (split_open(&s, d, "trainval", &e)) {
        check(d->n[0] == 0);
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        struct sample sample;
        check(s.label[i] >= 0 && s.label[i] < 10);
        check(!split_read(&s, i, &buf, &sample, &e) && sample.n == PIXELS);
        volatile uint8_t last = sample.bytes[PIXELS - 1];
        (void)last;
    }
    free(buf.data);
    split_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n) {
        return 0;
    }
    if (!dir[0]) {
        set_up();
    }
    const char *const dirs[] = {dir};
    struct err e = {0};
    struct dataset *d;
    size_t file = data[0] % 4;
    put(file, data + 1, n - 1);
    if (dataset_open(&d, "fashion-mnist",
                     &(struct dataset_dirs){.dirs = dirs, .n = 1, .partial = true}, &e)) {
        check(e.code != ERR_NONE && e.text[0]);
    } else {
        read_all(d);
        dataset_close(d);
    }
    put_valid(file);
    return 0;
}
