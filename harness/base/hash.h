/* SHA-256 and MD5 through libcrypto's EVP. Digests as lower-case hex. */
#ifndef BITBENCH_BASE_HASH_H
#define BITBENCH_BASE_HASH_H

#include <stddef.h>

struct err;

enum { HASH_SHA256_HEX = 65,
       HASH_MD5_BYTES = 16 };

struct sha256 {
    void *ctx;
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t n);
void sha256_final(struct sha256 *s, char hex[HASH_SHA256_HEX]); /* also releases s */
void sha256_release(struct sha256 *s);                          /* without a digest */

void sha256_hex(const void *data, size_t n, char hex[HASH_SHA256_HEX]);
/* 0, or -1 with e set: the errors of file_open and reading. */
int sha256_file(const char *path, char hex[HASH_SHA256_HEX], struct err *e);
void md5_bytes(const void *data, size_t n, unsigned char out[HASH_MD5_BYTES]);

/* MD5 of many short texts, twice as fast; also of one in pieces. */
struct md5 {
    void *ctx, *type;
};
void md5_init(struct md5 *m);
void md5_add(struct md5 *m, const void *data, size_t n);
void md5_final(struct md5 *m, unsigned char out[HASH_MD5_BYTES]); /* m begins anew */
void md5_release(struct md5 *m);

#endif
