/* Weight files: every layout that is read gives the same parameters bit for bit; what is written
 * reads back; damaged and hostile files end in an error that names the tensor. The files are made
 * by weights_file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include "models/model.h"
#include "tests/unit/weights_file.h"

enum { PATH = 1024 };

static char dir[512];
static struct param_table table, headless; /* of R(1,1,1,1)x0.5, with 10 classes and without */

static int setup(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%.400s/bitbench-weights-XXXXXX", tmp ? tmp : "/tmp");
    struct arch a;
    return !mkdtemp(dir) || arch_parse(&a, "R(1,1,1,1)x0.5", NULL) ||
           param_table_init(&table, &a, 10, NULL) || param_table_init(&headless, &a, 0, NULL);
}

static int teardown(void **state)
{
    (void)state;
    param_table_release(&table);
    param_table_release(&headless);
    return rmdir(dir);
}

static const char *in_dir(const char *name)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* --- item lists --- */
static struct items npz_items(enum item_type type)
{
    struct items s = {0};
    for (size_t i = 0; i < table.n; i++) {
        items_add(&s, &table.params[i], table.params[i].name, type, false);
    }
    return s;
}

/* Running numbers on all but the first convolution. */
static struct items numbered_items(void)
{
    struct items s = npz_items(ITEM_F32);
    size_t number = 0;
    for (size_t i = 0; i < s.n; i++) {
        char *mark = strstr(s.list[i].name, "/kernel"), tail[160];
        if (mark && strstr(s.list[i].name, "standardized_conv2d") && number++) {
            snprintf(tail, sizeof tail, "_%zu/kernel", number - 1);
            memcpy(mark, tail, strlen(tail) + 1);
        }
    }
    return s;
}

static struct items timm_items(const struct param_table *t, enum item_type type)
{
    struct items s = {0};
    for (size_t i = 0; i < t->n; i++) {
        char name[PARAM_NAME];
        weights_timm_name(t->params[i].name, name);
        items_add(&s, &t->params[i], name, type, true);
    }
    return s;
}

/* Hugging Face: the head has two dimensions; skip 4 leaves out "bit.". */
static struct items hf_items(const struct param_table *t, size_t skip)
{
    struct items s = {0};
    for (size_t i = 0; i < t->n; i++) {
        char name[PARAM_NAME];
        weights_hf_name(t->params[i].name, name);
        items_add(&s, &t->params[i], name + (str_starts(name, "bit.") ? skip : 0), ITEM_F16, true);
        if (t->params[i].kind == PARAM_HEAD_KERNEL) {
            s.list[s.n - 1].n_dims = 2;
        }
    }
    return s;
}

static struct items reversed(struct items s)
{
    for (size_t i = 0; i < s.n / 2; i++) {
        struct item t = s.list[i];
        s.list[i] = s.list[s.n - 1 - i];
        s.list[s.n - 1 - i] = t;
    }
    return s;
}

/* --- reading what is right --- */
static void expect(const char *path, const struct param_table *t, double eps)
{
    struct err e;
    struct model *m;
    if (model_open(&m, path, NULL, true, &e)) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(m->arch_text, "R(1,1,1,1)x0.5");
    assert_int_equal(m->n_classes, t == &table ? 10 : 0);
    assert_int_equal(m->table.n, t->n);
    assert_true(fabs(m->ws_eps / eps - 1) < 1e-12);
    for (size_t i = 0; i < t->n; i++) {
        const struct param *p = &t->params[i];
        for (size_t j = 0; j < p->n; j++) {
            float have = m->params[p->offset + j], want = item_value(p, j);
            if (memcmp(&have, &want, sizeof have)) {
                fail_msg("%s: %s element %zu is %g, expected %g", path, p->name, j, (double)have,
                         (double)want);
            }
        }
    }
    char sha[HASH_SHA256_HEX], subject[PATH];
    assert_int_equal(sha256_file(path, sha, &e), 0);
    assert_string_equal(m->sha256, sha);
    snprintf(subject, sizeof subject, "%s@%.12s", strrchr(path, '/') + 1, sha);
    assert_string_equal(m->subject, subject);
    model_close(m);
    assert_int_equal(model_open(&m, path, NULL, false, &e), 0);
    assert_null(m->params);
    assert_string_equal(m->arch_text, "R(1,1,1,1)x0.5");
    assert_string_equal(m->sha256, "");
    model_close(m);
    assert_int_equal(unlink(path), 0);
}

static void test_npz_layouts(void **state)
{
    (void)state;
    const char *path = in_dir("a.npz");
    static const enum item_type types[] = {ITEM_F32, ITEM_F16, ITEM_F64};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct items s = npz_items(types[i]);
        write_npz(path, &s, ".npy", false);
        expect(path, &table, 1e-10);
    }
    struct items s = reversed(numbered_items());
    write_npz(path, &s, ".npy", true);
    expect(path, &table, 1e-10);
    write_npz(path, &s, "", false);
    expect(path, &table, 1e-10);
    s = npz_items(ITEM_F32);
    s.n -= 2; /* the head is last */
    write_npz(path, &s, ".npy", false);
    expect(path, &headless, 1e-10);
}

static void test_safetensors_layouts(void **state)
{
    (void)state;
    const char *path = in_dir("a.safetensors");
    static const enum item_type types[] = {ITEM_F32, ITEM_F16, ITEM_BF16};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct items s = timm_items(&table, types[i]);
        write_safetensors(path, &s, "\"__metadata__\":{\"format\":\"pt\"}");
        expect(path, &table, 1e-8);
        s = reversed(s);
        write_safetensors(path, &s, NULL);
        expect(path, &table, 1e-8);
    }
    struct items s = timm_items(&headless, ITEM_F32);
    write_safetensors(path, &s, "\"__metadata__\":{\"bitbench.ws_eps\":\"1e-05\"}");
    expect(path, &headless, 1e-5);
    s = hf_items(&table, 0);
    write_safetensors(path, &s, NULL);
    expect(path, &table, 1e-8);
    s = hf_items(&headless, strlen("bit."));
    write_safetensors(path, &s, NULL);
    expect(path, &headless, 1e-8);
}

/* Both formats write what they read, with either epsilon, through each other. */
static void test_round_trip(void **state)
{
    (void)state;
    char npz[PATH], st[PATH];
    snprintf(npz, sizeof npz, "%s", in_dir("b.npz"));
    snprintf(st, sizeof st, "%s", in_dir("b.safetensors"));
    static const double eps[] = {1e-10, 1e-8};
    for (size_t i = 0; i < ARRAY_LEN(eps); i++) {
        struct items s = i ? timm_items(&table, ITEM_F32) : npz_items(ITEM_F32);
        const char *first = i ? st : npz, *second = i ? npz : st;
        (i ? write_safetensors(first, &s, NULL) : write_npz(first, &s, ".npy", false));
        struct model *m;
        struct err e;
        assert_int_equal(model_open(&m, first, NULL, true, &e), 0);
        assert_int_equal(model_save(m, second, &e), 0);
        model_close(m);
        assert_int_equal(model_open(&m, second, NULL, true, &e), 0);
        assert_int_equal(model_save(m, first, &e), 0);
        model_close(m);
        expect(first, &table, eps[i]);
        expect(second, &table, eps[i]);
    }
    struct model m = {.kind = MODEL_BIT, .params = (float[1]){0}};
    struct err e;
    assert_int_equal(model_save(&m, in_dir("b.pth"), &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_int_equal(model_save(&m, "/dev/null/b.npz", &e), -1);
    assert_non_null(strstr(e.text, "/dev/null"));
    assert_int_equal(model_save(&m, "/dev/null/b.safetensors", &e), -1);
    assert_non_null(strstr(e.text, "/dev/null"));
}

/* --- what must be refused --- */
static void refuse(const char *path, enum err_code code, const char *says)
{
    struct model *m;
    struct err e = {0};
    if (!model_open(&m, path, NULL, true, &e)) {
        fail_msg("%s was accepted; expected '%s'", path, says);
    }
    if (e.code != code || !strstr(e.text, says) || !strstr(e.text, path)) {
        fail_msg("error %d '%s'; expected %d '%s'", (int)e.code, e.text, (int)code, says);
    }
    assert_null(m);
}

/* Writes s in both formats (names as they are) and expects the same words. */
static void refuse_items(const struct items *s, bool npz, enum err_code code, const char *says)
{
    const char *path = in_dir(npz ? "bad.npz" : "bad.safetensors");
    if (npz) {
        write_npz(path, s, ".npy", false);
    } else {
        write_safetensors(path, s, NULL);
    }
    refuse(path, code, says);
    assert_int_equal(unlink(path), 0);
}

static void test_wrong_tensors(void **state)
{
    (void)state;
    for (size_t npz = 0; npz < 2; npz++) {
        const struct items good = npz ? npz_items(ITEM_F32) : timm_items(&table, ITEM_F32);
        struct items s = good;
        s.list[5] = s.list[--s.n]; /* without the sixth; the last, the head's bias, moves there */
        refuse_items(&s, npz, ERR_FORMAT,
                     "tensor resnet/block1/unit01/b/group_norm/gamma is missing");
        s = good;
        s.list[s.n] = s.list[1];
        snprintf(s.list[s.n++].name, sizeof s.list[0].name, "optimizer/step");
        refuse_items(&s, npz, ERR_FORMAT, "tensor 'optimizer/step");
        s = good;
        s.list[s.n] = s.list[1];
        snprintf(s.list[s.n++].name, sizeof s.list[0].name, "%0120d", 0);
        refuse_items(&s, npz, ERR_FORMAT, "is not one of a BiT network");
        s = good;
        s.list[3].dims[0] = 3; /* in npz 3x1x..., in timm's 3 output channels */
        s.list[3].n = s.list[3].n_dims == 4
                          ? 3 * s.list[3].dims[1] * s.list[3].dims[2] * s.list[3].dims[3]
                          : 0;
        refuse_items(&s, npz, ERR_FORMAT,
                     npz ? "a/proj/standardized_conv2d/kernel" : "downsample.conv.weight' is 3x");
        s = good;
        s.list[7].spoil = NAN;
        refuse_items(&s, npz, ERR_NUMERIC, "element");
        s = good;
        s.list[s.n - 1].spoil = -INFINITY;
        refuse_items(&s, npz, ERR_NUMERIC, "tensor resnet/head/conv2d/bias: element 9 is -inf");
        s = good;
        s.list[0] = s.list[--s.n];
        refuse_items(&s, npz, ERR_FORMAT, "is missing: not a BiT network");
        s = good;
        s.list[0].dims[npz ? 3 : 0] = 33;
        s.list[0].n = 33 * 147;
        refuse_items(&s, npz, ERR_FORMAT, "has 33 output channels, expected a multiple of 32");
        s = good;
        s.n--; /* the head's bias is last */
        refuse_items(&s, npz, ERR_FORMAT, "tensor resnet/head/conv2d/bias is missing: of the head");
        s.n = 0;
        refuse_items(&s, npz, ERR_FORMAT, "");
    }
}

static void test_wrong_names(void **state)
{
    (void)state;
    struct items s = npz_items(ITEM_F32);
    s.list[5].type = ITEM_I32; /* messages leave out ".npy" */
    refuse_items(&s, true, ERR_FORMAT,
                 "tensor 'resnet/block1/unit01/b/group_norm/gamma' is of type int32, expected "
                 "float16, float32 or float64");
    s = numbered_items();
    s.list[s.n] = s.list[4]; /* the same kernel under another number */
    snprintf(s.list[s.n++].name, sizeof s.list[0].name,
             "resnet/block1/unit01/a/standardized_conv2d_77/kernel");
    refuse_items(&s, true, ERR_FORMAT, "is there twice");
    s = timm_items(&table, ITEM_F32);
    s.list[s.n] = s.list[4];
    snprintf(s.list[s.n++].name, sizeof s.list[0].name,
             "bit.encoder.stages.0.layers.0.conv1.weight");
    refuse_items(&s, false, ERR_FORMAT, "is there twice");
    static const char *const strange[] = {"stages.4.blocks.0.conv1.weight",
                                          "stages.0.blocks.00000.conv1.weight",
                                          "stages.0.blocks.99999999999999999999.conv1.weight",
                                          "stages..blocks.0.conv1.weight",
                                          "stages.0.blocks.0.conv4.weight",
                                          "stages.0.blocks.0.",
                                          "bit.",
                                          ""};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        s = timm_items(&table, ITEM_F32);
        snprintf(s.list[4].name, sizeof s.list[0].name, "%s", strange[i]);
        refuse_items(&s, false, ERR_FORMAT, "tensor");
    }
    s = timm_items(&table, ITEM_F32);
    snprintf(s.list[4].name, sizeof s.list[0].name, "stages.0.blocks.7.conv1.weight");
    refuse_items(&s, false, ERR_FORMAT, "is missing");
    s = timm_items(&table, ITEM_F64);
    refuse_items(&s, false, ERR_FORMAT, "dtype F64, expected F32, F16 or BF16");
}

/* A header by hand, then n zero bytes. */
static void refuse_header(uint64_t length, const char *header, size_t n, const char *says)
{
    struct str s = {0};
    const char *path = in_dir("bad.safetensors");
    put_number(&s, length, 8);
    str_add(&s, header);
    for (size_t i = 0; i < n; i++) {
        str_add_char(&s, 0);
    }
    write_bytes(path, &s);
    str_release(&s);
    refuse(path, ERR_FORMAT, says);
    assert_int_equal(unlink(path), 0);
}

#define ONE "{\"stem.conv.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":"

static void test_hostile_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n;
        const char *says;
    } cases[] = {
        {"[]", 0, "not a JSON object"},
        {"{", 0, ""},
        {"{}", 0, "is missing"},
        {"{}", 1, "1 bytes of data"},
        {ONE "[0,8]}}", 7, "does not fit"},
        {ONE "[0,8]}}", 9, "9 bytes of data, but the tensors cover 8"},
        {ONE "[1,9]}}", 9, "begins at 1"},
        {ONE "[8,0]}}", 8, "outside the file"},
        {ONE "[-8,0]}}", 8, "outside the file"},
        {ONE "[0,4]}}", 8, "its shape needs 8"},
        {ONE "[0,8,16]}}", 8, "outside the file"},
        {ONE "{}}}", 8, "outside the file"},
        {ONE "[0,18446744073709551615]}}", 8, ""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 8,
         "does not fit"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,0]}}", 8, "does not fit"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 8, "does not fit"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "4 dimensions"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", 4, "4 dimensions"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype missing"},
        {"{\"a\":[]}", 4, "dtype missing"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[2,6]}}",
         6, "begins at 2, but the one before it ends at 4"},
        {"{\"__metadata__\":{\"bitbench.ws_eps\":\"-1\"}}", 0, "not a number between 0 and 1"},
        {"{\"__metadata__\":{\"bitbench.ws_eps\":\"nan\"}}", 0, "not a number between 0 and 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refuse_header(strlen(cases[i].header), cases[i].header, cases[i].n, cases[i].says);
    }
    refuse_header(3, "{}", 0, "cut short");
    refuse_header(UINT64_MAX, "{}", 0, "cut short");
    refuse_header((uint64_t)1 << 40, "{}", 0, "cut short");
}

/* A file cut short anywhere is refused; with single bytes changed it is refused or read, without
 * harm either way. */
static void damage(const char *good, const char *bad)
{
    unsigned char *bytes;
    size_t n;
    struct err e;
    struct model *m;
    assert_int_equal(file_read(good, 0, &bytes, &n, &e), 0);
    for (size_t i = 0; i < 60; i++) {
        size_t cut = i < 20 ? i * 3 : i < 40 ? n - 1 - (i - 20) * 7
                                             : n / 20 * (i - 40);
        write_bytes(bad, &(struct str){.data = (char *)bytes, .len = cut});
        if (!model_open(&m, bad, NULL, true, &e)) {
            fail_msg("%s cut at %zu of %zu was accepted", good, cut, n);
        }
        assert_true(e.code == ERR_FORMAT);
    }
    for (size_t i = 0; i < 60; i++) {
        size_t at = i < 30 ? i * 11 : n - 1 - (i - 30) * 37;
        bytes[at] ^= (unsigned char)(1 << i % 8);
        write_bytes(bad, &(struct str){.data = (char *)bytes, .len = n});
        if (!model_open(&m, bad, NULL, true, &e)) {
            model_close(m);
        }
        bytes[at] ^= (unsigned char)(1 << i % 8);
    }
    free(bytes);
    assert_int_equal(unlink(good), 0);
    assert_int_equal(unlink(bad), 0);
}

static void test_damage(void **state)
{
    (void)state;
    char good[PATH], bad[PATH];
    snprintf(good, sizeof good, "%s", in_dir("good.npz"));
    snprintf(bad, sizeof bad, "%s", in_dir("bad.npz"));
    struct items s = npz_items(ITEM_F32);
    write_npz(good, &s, ".npy", true);
    damage(good, bad);
    write_npz(good, &s, ".npy", false);
    damage(good, bad);
    snprintf(good, sizeof good, "%s", in_dir("good.safetensors"));
    snprintf(bad, sizeof bad, "%s", in_dir("bad.safetensors"));
    s = timm_items(&table, ITEM_F16);
    write_safetensors(good, &s, NULL);
    damage(good, bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npz_layouts),
        cmocka_unit_test(test_safetensors_layouts),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_wrong_tensors),
        cmocka_unit_test(test_wrong_names),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
