/* HTTP through libcurl's easy interface. Ranges are asked for by hand, since a server that answers
 * a range with the whole file makes libcurl fail, and here the file begins anew. */
#include "harness/fetch.h"
#include "harness/base/build_info.h"
#include "harness/base/clock.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/note.h"
#include "harness/downloads.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REDIRECTS = 5,
       PATH_CAP = 4096 };

struct fetch {
    const struct download *d;
    struct fetch_options o;
    char path[PATH_CAP], part[PATH_CAP], url[PATH_CAP];
    int fd; /* of the part */
    CURL *curl;
    uint64_t at;      /* bytes in the part */
    bool ours;        /* the part is locked by this process */
    bool resumed;     /* some of them were there before */
    bool checked;     /* this answer's head was looked at */
    bool body_counts; /* and its body is the file's */
    uint64_t range;   /* "Content-Range: bytes RANGE-..." of this answer, UINT64_MAX without */
    struct err e;     /* what a callback found; its code says whether there was any */
};

/* How a try ended. */
enum outcome { OUTCOME_DONE,
               OUTCOME_AGAIN,
               OUTCOME_FAILED };

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct fetch *f = ctx;
    unsigned long long from;
    char text[128] = "";
    size_t len = size * n;
    memcpy(text, line, len < sizeof text ? len : sizeof text - 1);
    if (!strncmp(text, "HTTP/", 5)) { /* of the next answer, after a redirection */
        f->range = UINT64_MAX;
    } else if (!strncasecmp(text, "content-range:", 14) &&
               sscanf(text + 14, " bytes %llu-", &from) == 1) {
        f->range = from;
    }
    return len;
}

/* With the first byte of a body: is it what was asked for? Sets body_counts. */
static int check_answer(struct fetch *f)
{
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    f->checked = true;
    f->body_counts = status == 200 || status == 206;
    if (!f->body_counts) {
        return 0;
    }
    if (status == 206 && f->range != f->at) {
        return err_set(&f->e, ERR_IO, "%s: the server sent another range than asked for", f->url);
    }
    if (status == 200 && f->at) {
        note(NOTE_INFO, "%s: the server does not resume; beginning anew", f->d->name);
        if (ftruncate(f->fd, 0)) {
            return err_errno(&f->e, "%s", f->part);
        }
        f->at = 0;
        f->resumed = false;
    }
    if (length >= 0 && f->at + (uint64_t)length != f->d->bytes) {
        return err_set(&f->e, ERR_FORMAT, "%s: the server offers %llu bytes, but the file has %llu",
                       f->url, (unsigned long long)(f->at + (uint64_t)length),
                       (unsigned long long)f->d->bytes);
    }
    return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct fetch *f = ctx;
    size_t len = size * n;
    if (!f->checked && check_answer(f)) {
        return 0;
    }
    if (!f->body_counts) {
        return len;
    }
    if (len > f->d->bytes - f->at) {
        err_set(&f->e, ERR_FORMAT, "%s: the server sends more than the file's %llu bytes", f->url,
                (unsigned long long)f->d->bytes);
        return 0;
    }
    for (size_t done = 0; done < len;) {
        ssize_t k = pwrite(f->fd, data + done, len - done, (off_t)f->at);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k < 0) {
            err_errno(&f->e, "%s (what is there is kept; run the command again)", f->part);
            return 0;
        }
        done += (size_t)k;
        f->at += (uint64_t)k;
    }
    return len;
}

/* Progress in units that give whole numbers of a handy size. */
static void show(const char *doing, const char *name, uint64_t done, uint64_t total)
{
    char what[160];
    bool large = total >= (uint64_t)100 << 20;
    unsigned shift = large ? 20 : 10;
    snprintf(what, sizeof what, "%s %.100s, %s", doing, name, large ? "MiB" : "KiB");
    note_progress(what, (size_t)(done >> shift), (size_t)((total + (1u << shift) - 1) >> shift));
}

static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                       curl_off_t ulnow)
{
    struct fetch *f = ctx;
    (void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
    show("fetching", f->d->name, f->at, f->d->bytes);
    return note_interrupted ? 1 : 0;
}

static int set_up(struct fetch *f, struct err *e)
{
    CURL *c = f->curl = curl_easy_init();
    if (!c) {
        return err_set(e, ERR_LIMIT, "no memory for libcurl");
    }
    char agent[64];
    long stall = f->o.stall_s ? (long)f->o.stall_s : 60;
    snprintf(agent, sizeof agent, "bitbench/%s", build_version);
    bool bad = curl_easy_setopt(c, CURLOPT_URL, f->url) ||
               curl_easy_setopt(c, CURLOPT_USERAGENT, agent) ||
               curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) ||
               curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") ||
               curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") ||
               curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) ||
               curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS) ||
               curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, stall) ||
               curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1024L) ||
               curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall) ||
               curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) ||
               curl_easy_setopt(c, CURLOPT_HEADERDATA, f) ||
               curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) ||
               curl_easy_setopt(c, CURLOPT_WRITEDATA, f) ||
               curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) ||
               curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) ||
               curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
    return bad ? err_set(e, ERR_LIMIT, "libcurl refuses an option") : 0;
}

static enum outcome judge(struct fetch *f, CURLcode rc, struct err *e)
{
    long status = 0;
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (f->e.code) {
        *e = f->e;
        return OUTCOME_FAILED;
    }
    if (rc == CURLE_ABORTED_BY_CALLBACK) {
        err_set(e, ERR_INTERRUPTED, "interrupted; run the command again to go on");
        return OUTCOME_FAILED;
    }
    if (rc) {
        bool for_good = rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_RESOLVE_PROXY ||
                        rc == CURLE_TOO_MANY_REDIRECTS || rc == CURLE_UNSUPPORTED_PROTOCOL ||
                        rc == CURLE_URL_MALFORMAT || rc == CURLE_PEER_FAILED_VERIFICATION ||
                        rc == CURLE_SSL_CACERT_BADFILE;
        err_set(e, ERR_IO, "%s: %s", f->url, curl_easy_strerror(rc));
        return for_good ? OUTCOME_FAILED : OUTCOME_AGAIN;
    }
    if (f->at == f->d->bytes && (status == 200 || status == 206)) {
        return OUTCOME_DONE;
    }
    if (status == 416 && f->at) { /* the part is none of this file's */
        f->at = 0;
        err_set(e, ERR_IO, "%s: the server refuses the range", f->url);
        return ftruncate(f->fd, 0) ? OUTCOME_FAILED : OUTCOME_AGAIN;
    }
    if (status == 200 || status == 206) {
        err_set(e, ERR_IO, "%s: the answer ended after %llu of %llu bytes", f->url,
                (unsigned long long)f->at, (unsigned long long)f->d->bytes);
        return OUTCOME_AGAIN;
    }
    err_set(e, ERR_IO, "%s: the server answers %ld%s", f->url, status,
            status == 404 ? " (not found)" : "");
    return status >= 500 || status == 408 || status == 429 ? OUTCOME_AGAIN : OUTCOME_FAILED;
}

static enum outcome try_once(struct fetch *f, struct err *e)
{
    char range[32];
    f->checked = f->body_counts = false;
    f->range = UINT64_MAX;
    snprintf(range, sizeof range, "%llu-", (unsigned long long)f->at);
    if (curl_easy_setopt(f->curl, CURLOPT_RANGE, f->at ? range : NULL)) {
        err_set(e, ERR_LIMIT, "no memory for libcurl");
        return OUTCOME_FAILED;
    }
    return judge(f, curl_easy_perform(f->curl), e);
}

/* False when interrupted. */
static bool sleep_ms(unsigned ms)
{
    for (unsigned done = 0; done < ms && !note_interrupted; done += 50) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return !note_interrupted;
}

/* Until the part is complete, or as often in a row without a new byte as allowed. */
static int transfer(struct fetch *f, struct err *e)
{
    unsigned tries = 0, most = f->o.tries ? f->o.tries : 5;
    uint64_t best = f->at;
    while (f->at < f->d->bytes) {
        enum outcome o = try_once(f, e);
        if (o != OUTCOME_AGAIN) {
            return o == OUTCOME_DONE ? 0 : -1;
        }
        tries = f->at > best ? 1 : tries + 1;
        best = f->at > best ? f->at : best;
        if (tries >= most) {
            return err_wrap(e, "given up after %u tries", tries);
        }
        unsigned wait = (f->o.wait_ms ? f->o.wait_ms : 1000) << (tries < 6 ? tries - 1 : 5);
        note(NOTE_INFO, "%s; trying again", e->text);
        if (!sleep_ms(wait)) {
            return err_set(e, ERR_INTERRUPTED, "interrupted; run the command again to go on");
        }
    }
    return 0;
}

/* The SHA-256 of a file of `bytes` bytes. */
static int hash(const char *name, int fd, uint64_t bytes, char hex[HASH_SHA256_HEX], struct err *e)
{
    enum { CHUNK = 1 << 20 };
    unsigned char *buf = mem_take_raw(CHUNK, 1, e);
    struct sha256 sha;
    if (!buf) {
        return -1;
    }
    sha256_init(&sha);
    int rc = 0;
    for (uint64_t at = 0; at < bytes && !rc;) {
        size_t n = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
        rc = note_interrupted ? err_set(e, ERR_INTERRUPTED, "interrupted")
                              : file_pread(fd, buf, n, at, name, e);
        sha256_add(&sha, buf, rc ? 0 : n);
        at += n;
        show("verifying", name, at, bytes);
    }
    free(buf);
    sha256_final(&sha, hex);
    return rc;
}

/* 1: the part is the file. 0: it is not, but was put together from two fetches and is thrown away.
 * -1: it is not and is set aside; or an error. */
static int verify(struct fetch *f, struct err *e)
{
    char hex[HASH_SHA256_HEX], aside[PATH_CAP + 16];
    if (hash(f->d->name, f->fd, f->d->bytes, hex, e)) {
        return -1;
    }
    if (!strcmp(hex, f->d->sha256)) {
        return 1;
    }
    if (f->resumed) {
        note(NOTE_WARNING, "%s: wrong SHA-256 after resuming; beginning anew", f->d->name);
        f->at = 0;
        f->resumed = false;
        return ftruncate(f->fd, 0) ? err_errno(e, "%s", f->part) : 0;
    }
    snprintf(aside, sizeof aside, "%s.rejected", f->path);
    if (rename(f->part, aside)) {
        return err_errno(e, "%s", f->part);
    }
    return err_set(e, ERR_FORMAT, "%s: SHA-256 %s, expected %s; kept as %s.rejected", f->url, hex,
                   f->d->sha256, f->d->name);
}

static int check_space(const struct fetch *f, const char *dir, struct err *e)
{
    uint64_t left = f->d->bytes - f->at, room = file_free_bytes(dir);
    if (left >= room) {
        return err_set(e, ERR_IO, "%s: %llu bytes to come, but %s has %llu free", f->d->name,
                       (unsigned long long)left, dir, (unsigned long long)room);
    }
    return 0;
}

/* Opens the part for this process alone. */
static int open_part(struct fetch *f, struct err *e)
{
    struct stat st;
    f->fd = open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (f->fd < 0 || fstat(f->fd, &st)) {
        return err_errno(e, "cannot write %s", f->part);
    }
    if (flock(f->fd, LOCK_EX | LOCK_NB)) {
        return err_set(e, ERR_USAGE, "%s: another process is fetching it", f->part);
    }
    f->ours = true;
    f->at = (uint64_t)st.st_size;
    if (f->at > f->d->bytes) {
        f->at = 0;
        if (ftruncate(f->fd, 0)) {
            return err_errno(e, "%s", f->part);
        }
    }
    f->resumed = f->at > 0;
    return 0;
}

static int fetch_part(struct fetch *f, const char *dir, struct err *e)
{
    int rc = open_part(f, e) || check_space(f, dir, e) || set_up(f, e) ? -1 : 0;
    while (!rc) {
        rc = transfer(f, e) ? -1 : verify(f, e);
    }
    if (rc == 1) {
        bool failed = fsync(f->fd) || rename(f->part, f->path);
        rc = failed ? err_errno(e, "%s", f->part) : file_sync_folder(dir, e);
    }
    curl_easy_cleanup(f->curl);
    if (f->fd >= 0) {
        if (rc && f->ours && !f->at) {
            unlink(f->part); /* nothing in it to go on from */
        }
        close(f->fd);
    }
    return rc;
}

static int check_present(const struct fetch *f, struct err *e)
{
    char hex[HASH_SHA256_HEX] = "";
    uint64_t size;
    int fd = file_open(f->path, &size, e);
    if (fd < 0) {
        return -1;
    }
    int rc = size == f->d->bytes ? hash(f->d->name, fd, size, hex, e) : 0;
    close(fd);
    if (!rc && strcmp(hex, f->d->sha256) != 0) {
        rc = err_set(e, ERR_USAGE,
                     "%s is there, but is not the official file (size or SHA-256); move it away",
                     f->path);
    }
    return rc;
}

enum fetch_state fetch_state(const struct download *d, const char *dir, uint64_t *bytes)
{
    char path[PATH_CAP];
    struct stat st;
    *bytes = 0;
    if (!file_join(path, sizeof path - 5, dir, d->name, NULL) && !stat(path, &st)) {
        *bytes = (uint64_t)st.st_size;
        return *bytes == d->bytes ? FETCH_HERE : FETCH_ODD;
    }
    strcat(path, ".part");
    if (!stat(path, &st)) {
        *bytes = (uint64_t)st.st_size;
        return FETCH_PART;
    }
    return FETCH_ABSENT;
}

int fetch_file(const struct download *d, const char *dir, const struct fetch_options *o,
               struct err *e)
{
    struct fetch *f = mem_take(1, sizeof *f, e);
    if (!f) {
        return -1;
    }
    f->d = d;
    f->o = *o;
    f->fd = -1;
    size_t n_mirror = o->mirror ? strlen(o->mirror) : 0;
    int n = o->mirror ? snprintf(f->url, sizeof f->url, "%s%s%s", o->mirror,
                                 n_mirror && o->mirror[n_mirror - 1] == '/' ? "" : "/", d->name)
                      : snprintf(f->url, sizeof f->url, "%s", d->url);
    int rc = n < 0 || (size_t)n >= sizeof f->url ? err_set(e, ERR_USAGE, "--mirror: too long") : 0;
    rc = rc ? rc : file_join(f->path, sizeof f->path - 16, dir, d->name, e);
    if (!rc) {
        snprintf(f->part, sizeof f->part, "%.4080s.part", f->path);
        rc = file_exists(f->path) ? check_present(f, e) : fetch_part(f, dir, e);
    }
    free(f);
    return rc;
}
