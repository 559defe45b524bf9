/* Writes an archive of the form and size of ILSVRC2012_img_train.tar: 1,281,167 members of BYTES
 * bytes in 1000 tars in a tar, the contents a hole in the file, so that it takes 5.3 GB of disk
 * (a block a header) whatever it pretends to hold, and 660 MB where BYTES is 0. For measuring how
 * long opening takes; not part of `make check`.
 *
 *     make build/gcc/tests/make_ilsvrc && build/gcc/tests/make_ilsvrc FOLDER/ILSVRC2012_img_train.tar 110000 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/class_names.h"

enum { BLOCK = 512,
       CLASSES = 1000,
       IMAGES = 1281167 };

static uint64_t padded(uint64_t bytes)
{
    return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

/* A ustar header; sizes above 8 GiB do not occur in it. */
static void header(unsigned char h[BLOCK], const char *name, uint64_t bytes)
{
    memset(h, 0, BLOCK);
    snprintf((char *)h, 100, "%s", name);
    memcpy(h + 100, "0000644\0000000000\0000000000\0", 24);
    snprintf((char *)h + 124, 12, "%011llo", (unsigned long long)bytes);
    memcpy(h + 136, "00000000000\0        0", 21);
    memcpy(h + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        sum += h[i];
    }
    snprintf((char *)h + 148, 8, "%06o", sum);
}

static void put(int fd, const char *path, const unsigned char h[BLOCK], uint64_t at)
{
    if (pwrite(fd, h, BLOCK, (off_t)at) != BLOCK) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_ilsvrc FILE BYTES\n");
        return 2;
    }
    uint64_t bytes = strtoull(argv[2], NULL, 10), at = 0;
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        perror(argv[1]);
        return 1;
    }
    for (size_t c = 0; c < CLASSES; c++) {
        unsigned char h[BLOCK];
        char name[64];
        const char *wnid = class_names_ilsvrc2012[c];
        size_t n = IMAGES / CLASSES + (c < IMAGES % CLASSES);
        snprintf(name, sizeof name, "%s.tar", wnid);
        header(h, name, n * (BLOCK + padded(bytes)) + 2 * BLOCK);
        put(fd, argv[1], h, at);
        at += BLOCK;
        for (size_t i = 0; i < n; i++) {
            snprintf(name, sizeof name, "%s_%zu.JPEG", wnid, 7 * i + 3);
            header(h, name, bytes);
            put(fd, argv[1], h, at);
            at += BLOCK + padded(bytes);
        }
        at += 2 * BLOCK;
    }
    if (ftruncate(fd, (off_t)(at + 2 * BLOCK)) || close(fd)) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
