/* Records of prepared directories that are sound as files and wrong as images of a task. */
#include "tests/unit/dataset_truth.h"

#include "datasets/codec/crc32c.h"

struct message {
    uint8_t bytes[8192];
    size_t n;
};

static void put_varint(struct message *m, uint64_t v)
{
    for (; v > 127; v >>= 7) {
        m->bytes[m->n++] = (uint8_t)(v | 128);
    }
    m->bytes[m->n++] = (uint8_t)v;
}

static void put_field(struct message *m, unsigned number, const void *bytes, size_t n)
{
    put_varint(m, number << 3 | 2);
    put_varint(m, n);
    assert_true(m->n + n <= sizeof m->bytes);
    memcpy(m->bytes + m->n, bytes, n);
    m->n += n;
}

/* kind as in Feature; list: the content of its list. */
static void put_feature(struct message *example, const char *name, unsigned kind,
                        const struct message *list)
{
    struct message feature = {.n = 0}, entry = {.n = 0};
    put_field(&feature, kind, list->bytes, list->n);
    put_field(&entry, 1, name, strlen(name));
    put_field(&entry, 2, feature.bytes, feature.n);
    put_field(example, 1, entry.bytes, entry.n);
}

static void put_text(struct message *example, const char *name, const char *text)
{
    struct message list = {.n = 0};
    put_field(&list, 1, text, strlen(text));
    put_feature(example, name, 1, &list);
}

static void put_ints(struct message *example, const char *name, const int64_t *v, size_t n)
{
    struct message packed = {.n = 0}, list = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        put_varint(&packed, (uint64_t)v[i]);
    }
    put_field(&list, 1, packed.bytes, packed.n);
    put_feature(example, name, 3, &list);
}

static void put_floats(struct message *example, const char *name, const float *v, size_t n)
{
    struct message list = {.n = 0};
    put_field(&list, 1, v, n * sizeof *v);
    put_feature(example, name, 2, &list);
}

static void put_le(uint8_t *to, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)(v >> 8 * i);
    }
}

static uint32_t masked(const uint8_t *p, size_t n)
{
    uint32_t crc = crc32c(p, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* A prepared directory dir/builder[/config]/9.0.0 whose split train has these records, and opens
 * the row on it; the error's text. */
static struct err made_error(const char *row, const char *builder, const struct message *examples,
                             size_t n)
{
    char dir[256], inner[400], name[500], info[600];
    uint8_t file[32768];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        struct message record = {.n = 0};
        put_field(&record, 1, examples[i].bytes, examples[i].n);
        put_le(file + at, record.n, 8);
        put_le(file + at + 8, masked(file + at, 8), 4);
        memcpy(file + at + 12, record.bytes, record.n);
        put_le(file + at + 12 + record.n, masked(record.bytes, record.n), 4);
        at += 16 + record.n;
    }
    work_dir(dir);
    snprintf(inner, sizeof inner, "%s/%s/9.0.0", dir, builder);
    shell("mkdir -p %s", inner);
    snprintf(name, sizeof name, "%s-train.tfrecord-00000-of-00001", builder);
    write_file(inner, name, file, at);
    snprintf(info, sizeof info,
             "{\"name\": \"%s\", \"splits\": [{\"name\": \"train\", \"shardLengths\": [\"%zu\"]}]}",
             builder, n);
    write_file(inner, "dataset_info.json", info, strlen(info));
    struct err e = open_error(row, dir);
    shell("rm -r %s", dir);
    return e;
}

static const int64_t two = 2, seven = 7;

/* An example with an image, and a label where there is one. */
static struct message start(const int64_t *label)
{
    struct message m = {.n = 0};
    put_text(&m, "image", "picture");
    if (label) {
        put_ints(&m, "label", label, 1);
    }
    return m;
}

/* Running numbers are at the end of ids: each once, none too large. */
static void numbers(void **state)
{
    (void)state;
    struct message m[2] = {start(&seven), start(&seven)};
    put_text(&m[0], "id", "train_00001");
    assert_mentions(made_error("cifar10", "cifar10", m, 1).text, "train_00001 ends in no number");
    put_text(&m[1], "id", "00001");
    assert_mentions(made_error("cifar10", "cifar10", m, 2).text, "two images of number 1");
    m[1] = start(&seven);
    assert_mentions(made_error("cifar10", "cifar10", m, 2).text, "record 1, feature `id` missing");
    put_text(&m[1], "id", "train");
    assert_mentions(made_error("cifar10", "cifar10", m, 2).text, "id train ends in no number");
}

static void keys(void **state)
{
    (void)state;
    struct message m[2] = {start(&two)};
    assert_mentions(made_error("dmlab", "dmlab", m, 1).text, "feature `filename` missing");
    put_text(&m[0], "filename", "a\nb");
    assert_mentions(made_error("dmlab", "dmlab", m, 1).text, "record 0, filename is no id");
    m[0] = start(&two);
    put_text(&m[0], "filename", "same");
    m[1] = m[0];
    assert_mentions(made_error("dmlab", "dmlab", m, 2).text, "split train, duplicate id same");
    char name[300];
    memset(name, 'x', sizeof name);
    name[250] = 0;
    m[0] = start(&two);
    put_text(&m[0], "filename", name);
    assert_mentions(made_error("resisc45", "resisc45", m, 1).text, "an id of, at most 255");
}

static void labels(void **state)
{
    (void)state;
    const int64_t far = 32;
    struct message m = start(&seven);
    assert_mentions(made_error("dmlab", "dmlab", &m, 1).text, "record 0, label 7 not in 0..5");
    m = start(NULL);
    put_ints(&m, "label_x_position", &far, 1);
    assert_mentions(made_error("dsprites-location", "dsprites", &m, 1).text,
                    "label_x_position 32 not in 0..31");
    m = start(NULL);
    assert_mentions(made_error("dtd", "dtd", &m, 1).text, "feature `label` missing");
    m = (struct message){.n = 0};
    put_text(&m, "file_name", "a");
    put_ints(&m, "label", &two, 1);
    assert_mentions(made_error("dtd", "dtd", &m, 1).text, "feature `image` missing");
}

/* Labels of points: three numbers each, and as many types. */
static void points(void **state)
{
    (void)state;
    static const float xyz[9] = {0, 0, 9, 0, 0, 9, 0, 0, 101};
    struct message m = start(NULL);
    put_text(&m, "file_name", "a");
    put_floats(&m, "objects/pixel_coords", xyz, 8);
    assert_mentions(made_error("clevr-count", "clevr", &m, 1).text, "8 values, three, objects");
    m = start(NULL);
    put_text(&m, "file_name", "a");
    put_floats(&m, "objects/pixel_coords", xyz, 6);
    assert_mentions(made_error("clevr-count", "clevr", &m, 1).text, "2 objects, not in 3..10");
    m = start(NULL);
    put_text(&m, "image/file_name", "a");
    put_floats(&m, "objects/location", xyz, 6);
    assert_mentions(made_error("kitti-distance", "kitti", &m, 1).text,
                    "feature `objects/type` missing");
    put_ints(&m, "objects/type", &two, 1);
    assert_mentions(made_error("kitti-distance", "kitti", &m, 1).text,
                    "2 points in objects/location and 1 in objects/type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(keys),
        cmocka_unit_test(labels),
        cmocka_unit_test(points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
