/* Fetching over HTTP against a server with faults: what arrives is the file or no file. */
#include "tests/unit/dataset_truth.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/note.h"
#include "harness/base/tensor.h"
#include "harness/downloads.h"
#include "harness/fetch.h"

enum { BYTES = 5000 };

static char dir[256], base[64], hex[HASH_SHA256_HEX];
static unsigned char data[BYTES];
static pid_t server;

static int start(void **state)
{
    (void)state;
    char self[512], port_file[300], serve[300], port[32] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 32);
    assert_true(n > 0);
    self[n] = 0;
    strcpy(strstr(self, "/unit/fetch"), "/http_server");
    work_dir(dir);
    snprintf(serve, sizeof serve, "%s/serve", dir);
    snprintf(port_file, sizeof port_file, "%s/port", dir);
    mkdir(serve, 0777);
    for (size_t i = 0; i < BYTES; i++) {
        data[i] = (unsigned char)(i * 2654435761u >> 11);
    }
    write_file(serve, "f.bin", data, BYTES);
    sha256_hex(data, BYTES, hex);
    server = fork();
    if (server == 0) {
        execl(self, self, port_file, serve, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !file_exists(port_file); i++) {
        usleep(10000);
    }
    FILE *f = fopen(port_file, "r");
    assert_non_null(f);
    assert_non_null(fgets(port, sizeof port, f));
    fclose(f);
    snprintf(base, sizeof base, "http://127.0.0.1:%d", atoi(port));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    shell("rm -rf %s", dir);
    return 0;
}

/* A folder with the first `have` bytes of a part in it; other: not the file's. */
static void folder(char to[300], long have, bool other)
{
    char part[400];
    unsigned char wrong[BYTES + 100] = {0};
    snprintf(to, 300, "%s/to", dir);
    shell("rm -rf %s && mkdir %s", to, to);
    snprintf(part, sizeof part, "%s/to", dir);
    if (have >= 0) {
        write_file(part, "f.bin.part", other ? wrong : data, (size_t)have);
    }
}

static int fetch(const char *how, const char *sha256, uint64_t bytes, struct err *e)
{
    char mirror[128], to[300];
    snprintf(mirror, sizeof mirror, "%s/%s", base, how);
    snprintf(to, sizeof to, "%s/to", dir);
    struct download d = {"f.bin", "http://none.invalid/f.bin", bytes, sha256};
    struct fetch_options o = {.mirror = mirror, .stall_s = 1, .tries = 3, .wait_ms = 50};
    *e = (struct err){0};
    return fetch_file(&d, to, &o, e);
}

static bool has(const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/to/%s", dir, name);
    return file_exists(path);
}

static void arrives(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        long have;
        bool other;
    } t[] = {
        {"ok", -1, false},
        {"ok", 0, false},
        {"ok", 1234, false},
        {"ok", BYTES, false},
        {"ok", 1234, true},
        {"ok", BYTES, true},
        {"ok", BYTES + 50, true},
        {"whole", 1234, false},
        {"whole", 1234, true},
        {"cut", -1, false},
        {"crawl", -1, false},
        {"busy", 77, false},
        {"moved", -1, false},
        {"moved", 1234, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        char to[300], path[400];
        unsigned char *got;
        size_t n;
        struct err e;
        folder(to, t[i].have, t[i].other);
        if (fetch(t[i].how, hex, BYTES, &e)) {
            fail_msg("%s after %ld: %s", t[i].how, t[i].have, e.text);
        }
        snprintf(path, sizeof path, "%s/f.bin", to);
        assert_int_equal(file_read(path, 0, &got, &n, &e), 0);
        assert_int_equal(n, BYTES);
        assert_memory_equal(got, data, BYTES);
        free(got);
        assert_false(has("f.bin.part"));
        assert_int_equal(fetch("404", hex, BYTES, &e), 0); /* verified, not fetched again */
    }
}

static void does_not(void **state)
{
    (void)state;
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const struct {
        const char *how, *sha256;
        uint64_t bytes;
        long have;
        enum err_code code;
        const char *words;
    } t[] = {
        {"ok", zeros, BYTES, -1, ERR_FORMAT, "SHA-256, rejected"},
        {"ok", zeros, BYTES, 100, ERR_FORMAT, "SHA-256, rejected"},
        {"ok", hex, BYTES - 1, -1, ERR_FORMAT, "offers 5000, 4999"},
        {"ok", hex, BYTES + 1, 100, ERR_FORMAT, "offers 5000, 5001"},
        {"short", hex, BYTES, -1, ERR_FORMAT, "offers 5100, 5000"},
        {"odd", hex, BYTES, -1, ERR_FORMAT, "offers 4997, 5000"},
        {"long", hex, BYTES, -1, ERR_FORMAT, "more than"},
        {"shift", hex, BYTES, 100, ERR_IO, "another range"},
        {"stall", hex, BYTES, -1, ERR_IO, "given up"},
        {"404", hex, BYTES, -1, ERR_IO, "404"},
        {"loop", hex, BYTES, -1, ERR_IO, "redirect"},
        {"file", hex, BYTES, -1, ERR_IO, "f.bin"},
        {"", hex, BYTES, -1, ERR_IO, "404"},
    };
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        char to[300];
        struct err e;
        folder(to, t[i].have, false);
        if (!fetch(t[i].how, t[i].sha256, t[i].bytes, &e)) {
            fail_msg("%s: fetched", t[i].how);
        }
        if (e.code != t[i].code) {
            fail_msg("%s: %d %s", t[i].how, e.code, e.text);
        }
        assert_mentions(e.text, t[i].words);
        assert_false(has("f.bin"));
    }
}

/* What came before a fault is kept, and another server gives the rest. */
static void goes_on(void **state)
{
    (void)state;
    char to[300];
    struct err e;
    folder(to, -1, false);
    assert_int_equal(fetch("stall", hex, BYTES, &e), -1);
    assert_true(has("f.bin.part"));
    assert_int_equal(fetch("ok", hex, BYTES, &e), 0);
    assert_true(has("f.bin"));
    folder(to, -1, false);
    atomic_store(&note_interrupted, 1);
    assert_int_equal(fetch("ok", hex, BYTES, &e), -1);
    atomic_store(&note_interrupted, 0);
    assert_int_equal(e.code, ERR_INTERRUPTED);
    assert_false(has("f.bin"));
}

static void in_the_way(void **state)
{
    (void)state;
    char to[300], path[400];
    struct err e;
    folder(to, -1, false);
    write_file(to, "f.bin", data, 100);
    assert_int_equal(fetch("ok", hex, BYTES, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    folder(to, 10, false);
    snprintf(path, sizeof path, "%s/f.bin.part", to);
    int fd = open(path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(fetch("ok", hex, BYTES, &e), -1);
    assert_mentions(e.text, "another process");
    assert_true(has("f.bin.part"));
    close(fd);
    folder(to, -1, false);
    assert_int_equal(fetch("ok", hex, (uint64_t)1 << 60, &e), -1); /* no disk is so large */
    assert_mentions(e.text, "free");
    shell("rm -rf %s", to);
    assert_int_equal(fetch("ok", hex, BYTES, &e), -1);
    assert_int_equal(e.code, ERR_IO);
}

/* Every data set that is found by name has addresses or instructions. */
static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < datasets_n; i++) {
        const struct download_set *s = download_set_find(datasets[i]->name);
        if (!datasets[i]->n_classes) {
            assert_null(s);
            continue;
        }
        assert_non_null(s);
        size_t n = download_set_count(s);
        assert_true(n || s->steps);
        for (size_t k = 0; k < n; k++) {
            assert_true(!strncmp(s->files[k].url, "http", 4) && strstr(s->files[k].url, "://"));
            assert_true(strstr(s->files[k].url, s->files[k].name));
            assert_int_equal(strspn(s->files[k].sha256, "0123456789abcdef"), 64);
            assert_int_equal(strlen(s->files[k].sha256), 64);
            assert_true(s->files[k].bytes > 0);
        }
    }
    for (size_t i = 0; i < download_sets_n; i++) {
        assert_non_null(dataset_find(download_sets[i].dataset, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arrives), cmocka_unit_test(does_not),
                                       cmocka_unit_test(goes_on), cmocka_unit_test(in_the_way),
                                       cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, start, stop);
}
