/* Run directories: listing, damage, stale cells, loading several at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/note.h"
#include "harness/base/str.h"
#include "results/metrics.h"
#include "results/record.h"
#include "results/store.h"

static const struct made made = {"0123456789abcdef", "avx2", "HASWELL", "fedcba9876543210", "0"};
static char root[256];
static struct err e;

#define OK(call) assert_int_equal(call, 0)

/* root/name; valid until the fourth call after. */
static const char *at(const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    OK(file_join(path, sizeof paths[0], root, name, &e));
    return path;
}

static int make_root(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/bitbench-store.XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* "00000000000000000000000000000007" */
static const char *id(unsigned i)
{
    static char texts[4][RUN_ID];
    static size_t next;
    char *text = texts[next++ % 4];
    snprintf(text, RUN_ID, "%032x", i);
    return text;
}

static void write_cell(const char *dir, const struct record *r)
{
    if (store_write(dir, r, &made, &e)) {
        fail_msg("%s", e.text);
    }
}

/* Cell i, of two outcomes, the first n_correct of which are right. */
static void make(struct record *r, unsigned i, size_t n_correct)
{
    *r = (struct record){.protocol = "d|v1", .subject = "m"};
    snprintf(r->run_id, sizeof r->run_id, "%s", id(i));
    OK(outcomes_init(&r->outcomes, 2, 0, false, &e));
    for (size_t k = 0; k < 2; k++) {
        assert_true(outcomes_set(&r->outcomes, k, k < n_correct, (double[]){0, 1}, 2));
    }
    OK(metrics_add(r, 2, &e));
}

static void put(const char *dir, unsigned i, size_t n_correct, enum cell_status status)
{
    struct record r;
    make(&r, i, n_correct);
    r.status = status;
    if (status == CELL_FAILED) {
        r.n_metrics = 0;
    }
    write_cell(dir, &r);
    record_release(&r);
}

static const char *cell(const char *dir, const char *name)
{
    static char paths[2][1024];
    static size_t next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/cells/%s", dir, name);
    return path;
}

static const char *cell_file(const char *dir, unsigned i, const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", id(i), suffix);
    return cell(dir, name);
}

/* Adds `change` to the byte at offset; change 0 cuts the file there. */
static void harm(const char *path, long offset, int change)
{
    unsigned char *data;
    size_t n;
    OK(file_read(path, 0, &data, &n, &e));
    data[offset] = (unsigned char)(data[offset] + change);
    OK(file_write(path, data, change ? n : (size_t)offset, &e));
    free(data);
}

static void test_open(void **state)
{
    (void)state;
    OK(store_open(at("new/er/run"), true, &e));
    OK(store_open(at("new/er/run"), true, &e));
    OK(store_open(at("new/er/run"), false, &e));
    assert_int_equal(store_open(at("nowhere"), false, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    assert_non_null(strstr(e.text, "nowhere"));
    assert_int_equal(store_open(at("new/er"), false, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.text, "is not a run directory"));
    OK(file_write(at("file"), "x", 1, &e));
    assert_int_equal(store_open(at("file"), false, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_int_equal(store_open(at("file/below"), true, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.text, "/file is not a folder"));
}

static void test_write_read(void **state)
{
    (void)state;
    const char *dir = at("write");
    struct record back;
    struct made m;
    OK(store_open(dir, true, &e));
    put(dir, 5, 1, CELL_OK);
    OK(store_read(&back, &m, cell_file(dir, 5, ".h5"), &e));
    assert_string_equal(back.run_id, id(5));
    assert_memory_equal(&m, &made, sizeof m);
    assert_int_equal(back.outcomes.n, 2);
    record_release(&back);
    assert_int_equal(store_read(&back, &m, cell_file(dir, 6, ".h5"), &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
    struct record r = {.protocol = "p"};
    snprintf(r.run_id, sizeof r.run_id, "%s", id(5));
    assert_int_equal(store_write(at("file"), &r, &made, &e), -1);
    assert_non_null(strstr(e.text, "/file is not a folder"));
}

static void test_list(void **state)
{
    (void)state;
    const char *dir = at("list");
    struct cell_list l;
    OK(store_open(dir, true, &e));
    put(dir, 9, 1, CELL_OK);
    put(dir, 3, 1, CELL_FAILED);
    put(dir, 4, 1, CELL_OK);
    OK(store_retire(dir, id(4), &e));
    put(dir, 4, 2, CELL_OK);
    /* none of these is a cell */
    OK(file_write(cell(dir, "README"), "x", 1, &e));
    OK(file_write(cell(dir, "notes.h5"), "x", 1, &e));
    OK(file_write(cell_file(dir, 9, ".h5.tmp.77.0123abcd"), "x", 1, &e));
    OK(file_write(cell_file(dir, 9, ".lock"), "x", 1, &e));
    OK(store_list(&l, dir, false, &e));
    assert_int_equal(l.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(l.heads[i].run_id, id((unsigned[]){3, 4, 9}[i]));
        assert_false(l.heads[i].damaged || l.heads[i].stale_file);
        assert_memory_equal(&l.heads[i].made, &made, sizeof made);
        assert_string_equal(l.heads[i].signature, "d|v1;m;");
    }
    assert_int_equal(l.heads[0].status, CELL_FAILED);
    cell_list_release(&l);
    OK(store_list(&l, dir, true, &e));
    assert_int_equal(l.n, 4);
    assert_true(!l.heads[1].stale_file && l.heads[2].stale_file);
    assert_string_equal(l.heads[2].run_id, id(4));
    assert_string_not_equal(l.heads[1].sha256, l.heads[2].sha256);
    cell_list_release(&l);
}

static void test_damaged_heads(void **state)
{
    (void)state;
    const char *dir = at("damaged");
    struct cell_list l;
    OK(store_open(dir, true, &e));
    for (unsigned i = 1; i <= 6; i++) {
        put(dir, i, 1, CELL_OK);
    }
    harm(cell_file(dir, 1, ".h5"), 40, 40);  /* in the run id of the block */
    harm(cell_file(dir, 2, ".h5"), 2000, 0); /* cut */
    harm(cell_file(dir, 3, ".h5"), 100, 0);  /* cut inside the block */
    harm(cell_file(dir, 4, ".h5"), 0, 0);    /* empty */
    harm(cell_file(dir, 5, ".h5"), 14, 1);   /* format 2 */
    harm(cell_file(dir, 6, ".h5"), 1000, 1); /* behind the block: not seen here */
    OK(mkdir(cell_file(dir, 7, ".h5"), 0777));
    OK(store_list(&l, dir, false, &e));
    static const char *const says[] = {
        "the text block",
        "bytes long",
        "cut short",
        "not a cell",
        "cell format 2: this program reads 1",
        NULL,
        "folder",
    };
    assert_int_equal(l.n, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(l.heads[i].run_id, id((unsigned)i + 1));
        assert_int_equal(l.heads[i].damaged, says[i] != NULL);
        if (says[i] && !strstr(l.heads[i].message, says[i])) {
            fail_msg("\"%s\", expected \"%s\"", l.heads[i].message, says[i]);
        }
    }
    cell_list_release(&l);
    /* a cell under another's name */
    OK(rename(cell_file(dir, 6, ".h5"), cell_file(dir, 8, ".h5")));
    struct cell_head h;
    bool found;
    OK(store_head(&h, dir, id(8), &found, &e));
    assert_true(found && h.damaged && strstr(h.message, id(6)));
    cell_head_release(&h);
    OK(store_head(&h, dir, id(6), &found, &e));
    assert_false(found);
}

static void test_retire(void **state)
{
    (void)state;
    const char *dir = at("retire");
    struct cell_head h;
    bool found;
    OK(store_open(dir, true, &e));
    for (int i = 0; i < 2; i++) {
        put(dir, 1, 1, CELL_OK);
        OK(store_head(&h, dir, id(1), &found, &e));
        assert_true(found && !h.damaged && h.status == CELL_OK);
        cell_head_release(&h);
        OK(store_retire(dir, id(1), &e));
        OK(store_head(&h, dir, id(1), &found, &e));
        assert_false(found);
        assert_true(file_exists(cell_file(dir, 1, ".h5.stale")));
    }
    assert_int_equal(store_retire(dir, id(1), &e), -1);
    assert_non_null(strstr(e.text, id(1)));
}

/* Root may read everything, so another user looks. */
static void test_unreadable(void **state)
{
    (void)state;
    char dir[512];
    snprintf(dir, sizeof dir, "%s", at("secret"));
    OK(store_open(dir, true, &e));
    OK(chmod(root, 0755));
    OK(chmod(dir, 0));
    pid_t pid = fork();
    if (pid == 0) {
        struct cell_list l;
        if (geteuid() == 0 && seteuid(65534)) {
            _exit(1);
        }
        bool told = store_list(&l, dir, false, &e) == -1 && strstr(e.text, dir) &&
                    strstr(e.text, "Permission denied");
        _exit(told ? 0 : 2);
    }
    int status;
    assert_true(waitpid(pid, &status, 0) == pid);
    OK(chmod(dir, 0755));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- loading ---- */

static char noted[4096];

static void on_note(enum note_level level, const char *text)
{
    if (level == NOTE_WARNING) {
        snprintf(noted + strlen(noted), sizeof noted - strlen(noted), "%s\n", text);
    }
}

/* The numbers of the cells loaded, with their n_correct. */
static void loaded_are(const struct record_list *l, const char *text)
{
    char all[1024] = "";
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        double right = -1;
        record_get_metric(&l->records[i], "n_correct", &right);
        n += (size_t)snprintf(all + n, sizeof all - n, "%ld:%g,",
                              strtol(l->records[i].run_id, NULL, 16), right);
        assert_true(file_exists(l->paths[i]));
    }
    assert_string_equal(all, text);
}

static void test_load(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s", at("load-a"));
    snprintf(b, sizeof b, "%s", at("load-b"));
    OK(store_open(a, true, &e));
    OK(store_open(b, true, &e));
    static const unsigned planned[] = {7, 3, 11, 5};
    for (size_t i = 0; i < 4; i++) {
        char spec[16];
        struct plan_entry entry = {.spec = spec};
        snprintf(spec, sizeof spec, "s%u", planned[i]);
        snprintf(entry.run_id, RUN_ID, "%s", id(planned[i]));
        OK(store_plan_add(a, &entry, 1, &e));
    }
    put(a, 5, 1, CELL_OK);
    put(a, 3, 2, CELL_OK);
    put(a, 7, 0, CELL_OK);
    put(a, 4, 0, CELL_OK); /* not in the plan */
    put(a, 6, 0, CELL_FAILED);
    put(b, 3, 2, CELL_OK); /* the same */
    put(b, 1, 1, CELL_OK);
    put(b, 6, 2, CELL_OK); /* failed in a */
    struct record_list l;
    size_t n_damaged = 9;
    const char *const dirs[] = {a, b};
    for (int with = 0; with < 2; with++) {
        if (store_load(&l, dirs, 2, with, &n_damaged, &e)) {
            fail_msg("%s", e.text);
        }
        loaded_are(&l, "7:0,3:2,5:1,4:0,6:2,1:1,");
        assert_int_equal(n_damaged, 0);
        assert_int_equal(l.records[0].outcomes.n, with ? 2 : 0);
        record_list_release(&l);
    }
    const char *const one[] = {b, cell_file(a, 5, ".h5")};
    OK(store_load(&l, one, 2, true, &n_damaged, &e));
    loaded_are(&l, "1:1,3:2,6:2,5:1,");
    record_list_release(&l);
    put(b, 3, 1, CELL_OK);
    assert_int_equal(store_load(&l, dirs, 2, false, &n_damaged, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    assert_true(strstr(e.text, cell_file(a, 3, ".h5")) && strstr(e.text, cell_file(b, 3, ".h5")));
    assert_int_equal(l.n, 0);
    const char *const none[] = {at("nowhere")};
    assert_int_equal(store_load(&l, none, 1, false, &n_damaged, &e), -1);
    assert_int_equal(e.code, ERR_ABSENT);
}

static void test_load_differences(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s", at("differ-a"));
    snprintf(b, sizeof b, "%s", at("differ-b"));
    OK(store_open(a, true, &e));
    OK(store_open(b, true, &e));
    put(a, 1, 1, CELL_OK);
    const char *const dirs[] = {a, b};
    static const char *const what[] = {NULL, "status", "metrics", "outcomes"};
    for (size_t i = 0; i < 4; i++) {
        struct record r;
        struct record_list l;
        size_t n_damaged;
        make(&r, 1, 1);
        /* made elsewhere and later: not a difference */
        OK(pairs_set(&r.provenance, "seconds", "7", &e));
        if (i == 1) {
            r.status = CELL_DIVERGED;
        } else if (i == 2) {
            OK(record_metric(&r, "top1", 0.25, false, &e));
        } else if (i == 3) {
            r.outcomes.margin[1] = 7;
        }
        write_cell(b, &r);
        record_release(&r);
        int rc = store_load(&l, dirs, 2, false, &n_damaged, &e);
        assert_int_equal(rc, what[i] ? -1 : 0);
        if (rc) {
            assert_true(str_ends(e.text, what[i]));
        } else {
            assert_int_equal(l.n, 1);
            record_list_release(&l);
        }
    }
}

static void test_load_damaged(void **state)
{
    (void)state;
    static const struct note_sink sink = {.message = on_note};
    char dir[512];
    snprintf(dir, sizeof dir, "%s", at("load-damaged"));
    OK(store_open(dir, true, &e));
    for (unsigned i = 1; i <= 4; i++) {
        put(dir, i, 1, CELL_OK);
    }
    harm(cell_file(dir, 2, ".h5"), 300, 0);
    harm(cell_file(dir, 3, ".h5"), 900, 1);
    note_set_sink(&sink);
    struct record_list l;
    size_t n_damaged = 0;
    const char *const dirs[] = {dir};
    OK(store_load(&l, dirs, 1, true, &n_damaged, &e));
    note_set_sink(NULL);
    loaded_are(&l, "1:1,4:1,");
    assert_int_equal(n_damaged, 2);
    assert_true(strstr(noted, cell_file(dir, 2, ".h5: cut short")));
    assert_true(strstr(noted, cell_file(dir, 3, ".h5: damaged: SHA-256")));
    record_list_release(&l);
    /* named itself, it is an error */
    const char *const file[] = {cell_file(dir, 3, ".h5")};
    assert_int_equal(store_load(&l, file, 1, true, &n_damaged, &e), -1);
    assert_non_null(strstr(e.text, "SHA-256"));
}

/* The first sweep's is run.yaml, again for the same name; other names have files of their own. */
static void test_run_files(void **state)
{
    (void)state;
    char dir[512];
    struct run_file_list l;
    snprintf(dir, sizeof dir, "%s", at("run-files"));
    OK(store_open(dir, true, &e));
    OK(store_run_files(&l, dir, &e));
    assert_int_equal(l.n, 0);
    OK(store_run_file_keep(dir, "name: one\nmodels: a\n", &e));
    OK(store_run_file_keep(dir, "name: \"a/b c\"\nmodels: b\n", &e));
    OK(store_run_file_keep(dir, "name: one\nmodels: c\n", &e));
    OK(store_run_files(&l, dir, &e));
    assert_int_equal(l.n, 2);
    assert_string_equal(l.files[0].name, "run--a-b-c-.yaml");
    assert_string_equal(l.files[0].text, "name: \"a/b c\"\nmodels: b\n");
    assert_string_equal(l.files[1].name, "run.yaml");
    assert_string_equal(l.files[1].text, "name: one\nmodels: c\n");
    run_file_list_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_write_read),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_damaged_heads),
        cmocka_unit_test(test_retire),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_differences),
        cmocka_unit_test(test_load_damaged),
        cmocka_unit_test(test_run_files),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
