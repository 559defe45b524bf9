/* Digests through EVP. Its functions fail only without a provider for the algorithm or without
 * the few hundred bytes of a context: no program goes on from there, so these are asserts. */
#include "harness/base/hash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"

enum { SHA256_BYTES = 32,
       READ_BYTES = 1 << 18 };

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * n] = '\0';
}

void sha256_init(struct sha256 *s)
{
    s->ctx = EVP_MD_CTX_new();
    assert(s->ctx);
    int ok = EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL);
    assert(ok == 1);
}

void sha256_add(struct sha256 *s, const void *data, size_t n)
{
    int ok = EVP_DigestUpdate(s->ctx, data, n);
    assert(ok == 1);
}

void sha256_final(struct sha256 *s, char hex[HASH_SHA256_HEX])
{
    unsigned char bytes[SHA256_BYTES];
    int ok = EVP_DigestFinal_ex(s->ctx, bytes, NULL);
    assert(ok == 1);
    to_hex(bytes, sizeof bytes, hex);
    sha256_release(s);
}

void sha256_release(struct sha256 *s)
{
    EVP_MD_CTX_free(s->ctx);
    s->ctx = NULL;
}

void sha256_hex(const void *data, size_t n, char hex[HASH_SHA256_HEX])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, data, n);
    sha256_final(&s, hex);
}

int sha256_file(const char *path, char hex[HASH_SHA256_HEX], struct err *e)
{
    unsigned char *buf = mem_take_raw(READ_BYTES, 1, e);
    if (!buf) {
        return -1;
    }
    int rc = -1;
    uint64_t size;
    int fd = file_open(path, &size, e);
    if (fd < 0) {
        goto out;
    }
    struct sha256 s;
    sha256_init(&s);
    ssize_t got;
    while ((got = read(fd, buf, READ_BYTES)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            err_errno(e, "cannot read %s", path);
            sha256_release(&s);
            goto out;
        }
        sha256_add(&s, buf, (size_t)got);
    }
    sha256_final(&s, hex);
    rc = 0;
out:
    if (fd >= 0) {
        close(fd);
    }
    free(buf);
    return rc;
}

void md5_bytes(const void *data, size_t n, unsigned char out[HASH_MD5_BYTES])
{
    int ok = EVP_Digest(data, n, out, NULL, EVP_md5(), NULL);
    assert(ok == 1);
}

/* The algorithm is looked up once, which costs as much as a short digest. */
void md5_init(struct md5 *m)
{
    m->type = EVP_MD_fetch(NULL, "MD5", NULL);
    m->ctx = EVP_MD_CTX_new();
    int ok = m->ctx && EVP_DigestInit_ex2(m->ctx, m->type, NULL);
    assert(ok == 1);
}

void md5_add(struct md5 *m, const void *data, size_t n)
{
    int ok = EVP_DigestUpdate(m->ctx, data, n);
    assert(ok == 1);
}

void md5_final(struct md5 *m, unsigned char out[HASH_MD5_BYTES])
{
    int ok = EVP_DigestFinal_ex(m->ctx, out, NULL) && EVP_DigestInit_ex2(m->ctx, m->type, NULL);
    assert(ok == 1);
}

void md5_release(struct md5 *m)
{
    EVP_MD_CTX_free(m->ctx);
    EVP_MD_free(m->type);
    *m = (struct md5){0};
}
