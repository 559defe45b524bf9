/* Bytes at an offset: a whole file, a range of one, or memory. What archives are read from. */
#ifndef BITBENCH_DATASETS_CODEC_BLOB_H
#define BITBENCH_DATASETS_CODEC_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct blob {
    char *name; /* for messages, owned */
    uint64_t size;
    unsigned char *mem; /* owned; NULL: read from fd */
    int fd;
    uint64_t base; /* where it begins in fd */
    bool owns_fd;
};

/* Each fills *b; blob_close after success only. */
int blob_open(struct blob *b, const char *path, struct err *e); /* errors as file_open */
/* n bytes at `at` of whole, which must stay open. Named "WHOLE: name". */
int blob_part(struct blob *b, const struct blob *whole, uint64_t at, uint64_t n, const char *name,
              struct err *e);
/* Takes mem over, also when it fails. */
int blob_memory(struct blob *b, unsigned char *mem, size_t n, const char *name, struct err *e);
void blob_close(struct blob *b);

/* Exactly n bytes; ERR_FORMAT names the offset where there are fewer. Thread-safe. */
int blob_read(const struct blob *b, uint64_t at, void *out, size_t n, struct err *e);
/* These bytes will be read soon. */
void blob_hint(const struct blob *b, uint64_t at, uint64_t n);

#endif
