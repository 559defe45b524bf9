/* features.json and dataset_info.json of prepared directories: the forms that there were, the names
 * of shards, what is refused; and what image files say of their size. */
#include "tests/unit/dataset_truth.h"

#include "datasets/codec/image_size.h"
#include "datasets/tfds_features.h"
#include "datasets/tfds_info.h"
#include "harness/base/tensor.h"

#define FEATURE "tensorflow_datasets.core.features."
#define DICT    "{\"pythonClassName\": \"" FEATURE "features_dict.FeaturesDict\", \"featuresDict\": "
#define MEMBERS                                                                             \
    "{\"features\": {\"image\": {\"pythonClassName\": \"" FEATURE "image_feature.Image\", " \
    "\"description\": \"a picture\", "                                                      \
    "\"image\": {\"shape\": {\"dimensions\": [\"28\", \"-1\", \"3\"]}}}, "                  \
    "\"label\": {\"pythonClassName\": \"" FEATURE "class_label_feature.ClassLabel\", "      \
    "\"classLabel\": {\"numClasses\": \"10\"}}, "                                           \
    "\"objects\": {\"pythonClassName\": \"" FEATURE "sequence_feature.Sequence\", "         \
    "\"sequence\": {\"feature\": " DICT                                                     \
    "{\"features\": {\"type\": {\"pythonClassName\": \"" FEATURE "text_feature.Text\", "    \
    "\"text\": {}}}}}, \"length\": \"-1\"}}}}"
#define OLD                                                                                        \
    "{\"type\": \"" FEATURE "features_dict.FeaturesDict\", \"content\": {"                         \
    "\"image\": {\"type\": \"" FEATURE "image_feature.Image\", \"content\": "                      \
    "{\"shape\": [28, null, 3]}}, "                                                                \
    "\"label\": {\"type\": \"" FEATURE "class_label_feature.ClassLabel\", "                        \
    "\"content\": {\"num_classes\": 10}}, "                                                        \
    "\"objects\": {\"type\": \"" FEATURE "sequence_feature.Sequence\", \"content\": "              \
    "{\"feature\": {\"type\": \"" FEATURE "features_dict.FeaturesDict\", \"content\": {\"type\": " \
    "{\"type\": \"" FEATURE "text_feature.Text\", \"content\": {}}}}, \"length\": null}}}}"

static void check_features(const char *text)
{
    struct tfds_features f;
    struct err e = {0};
    if (tfds_features_parse(&f, text, strlen(text), "features.json", &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(f.n, 3);
    const struct tfds_feature *image = tfds_feature(&f, "image"), *label = tfds_feature(&f, "label");
    const struct tfds_feature *type = tfds_feature(&f, "objects/type");
    assert_true(image && image->kind == TFDS_IMAGE && !image->repeated);
    assert_true(image->shape[0] == 28 && image->shape[1] == 0 && image->shape[2] == 3);
    assert_true(label && label->kind == TFDS_CLASS && label->n_classes == 10);
    assert_true(type && type->kind == TFDS_TEXT && type->repeated);
    tfds_features_release(&f);
}

/* The three forms of features.json. */
static void feature_forms(void **state)
{
    (void)state;
    char text[4096] = "{\"type\": \"" FEATURE "features_dict.FeaturesDict\", "
                      "\"proto_cls\": \"tensorflow_datasets.FeaturesDict\", \"content\": \"";
    size_t n = strlen(text);
    for (const char *p = MEMBERS; *p; p++) {
        if (*p == '"') {
            text[n++] = '\\';
        }
        text[n++] = *p;
    }
    strcpy(text + n, "\"}");
    check_features(DICT MEMBERS "}");
    check_features(text);
    check_features(OLD);
}

static void bad_features(void **state)
{
    (void)state;
    char deep[4096] = "";
    for (size_t i = 0; i < 20; i++) {
        strcat(deep, "{\"type\": \"Sequence\", \"content\": {\"feature\": ");
    }
    strcat(deep, "{\"type\": \"Text\"}");
    for (size_t i = 0; i < 20; i++) {
        strcat(deep, "}}");
    }
    const struct {
        const char *text, *mentions;
    } cases[] = {
        {"", "features.json, empty"},
        {"[]", "features.json, neither pythonClassName nor type"},
        {"{\"type\": 3}", "neither pythonClassName nor type"},
        {"{\"type\": \"FeaturesDict\"}", "a dictionary without features"},
        {"{\"type\": \"FeaturesDict\", \"content\": \"{\"}", "content:1:1"},
        {"{\"type\": \"FeaturesDict\", \"content\": {\"a\": {}}}", "features.json, a: neither"},
        {"{\"type\": \"ClassLabel\", \"content\": {\"num_classes\": 99999999}}", "99999999 classes"},
        {deep, "nested more than"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tfds_features f;
        struct err e = {0};
        if (!tfds_features_parse(&f, cases[i].text, strlen(cases[i].text), "features.json", &e)) {
            fail_msg("case %zu: no error", i);
        }
        assert_mentions(e.text, cases[i].mentions);
        tfds_features_release(&f);
    }
}

static void shard_names(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\": \"toy\", \"version\": \"1.0.0\", \"splits\": ["
        "{\"name\": \"train\", \"shardLengths\": [\"2\", 3], \"numBytes\": \"9\"}, "
        "{\"name\": \"test\", \"numShards\": \"100000\", \"statistics\": {\"numExamples\": \"7\"}}, "
        "{\"name\": \"val\", \"numShards\": 1, "
        "\"filepathTemplate\": \"{SPLIT}_{SHARD_INDEX}_{NUM_SHARDS}.{FILEFORMAT}\"}]}";
    struct tfds_info info;
    struct err e = {0};
    char name[TFDS_FILE];
    static const struct {
        const char *split, *name;
        size_t shard;
    } cases[] = {{"train", "toy-train.tfrecord-00001-of-00002", 1},
                 {"test", "toy-test.tfrecord-000009-of-100000", 9},
                 {"val", "val_00000_00001.tfrecord", 0}};
    assert_int_equal(tfds_info_parse(&info, text, strlen(text), "info", &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct tfds_split *s = tfds_info_split(&info, cases[i].split);
        assert_non_null(s);
        assert_int_equal(tfds_shard_name(&info, s, cases[i].shard, name, &e), 0);
        assert_string_equal(name, cases[i].name);
    }
    assert_int_equal(tfds_info_split(&info, "train")->n, 5);
    assert_int_equal(tfds_info_split(&info, "test")->n, 7);
    assert_true(tfds_info_split(&info, "val")->n == SIZE_MAX);
    assert_null(tfds_info_split(&info, "extra"));
    tfds_info_release(&info);
}

static void bad_info(void **state)
{
    (void)state;
#define SPLIT "{\"name\": \"toy\", \"splits\": [{\"name\": \"train\", "
    static const struct {
        const char *text, *mentions;
    } cases[] = {
        {"", "info, is empty"},
        {"[]", "not a JSON object"},
        {"{\"splits\": []}", "the name ''"},
        {"{\"name\": \"a/b\", \"splits\": []}", "the name 'a/b'"},
        {"{\"name\": \"toy\"}", "no list of splits"},
        {"{\"name\": \"toy\", \"fileFormat\": \"riegeli\"}", "fileFormat riegeli"},
        {"{\"name\": \"toy\", \"splits\": [{\"name\": \"..\"}]}", "split 0, '..'"},
        {SPLIT "\"numShards\": 1}, {\"name\": \"train\", \"numShards\": 1}]}", "two splits train"},
        {SPLIT "\"x\": 1}]}", "split train, neither shardLengths nor numShards"},
        {SPLIT "\"numShards\": \"-1\"}]}", "numShards is -1"},
        {SPLIT "\"numShards\": 1000000}]}", "numShards is 1000000"},
        {SPLIT "\"shardLengths\": [\"x\"]}]}", "shardLengths[0], x"},
        {SPLIT "\"shardLengths\": [1, -4]}]}", "shardLengths[1] is -4"},
        {SPLIT "\"shardLengths\": [1, 1073741824]}]}", "shardLengths[1] is 1073741824"},
        {SPLIT "\"numShards\": 1, \"statistics\": {\"numExamples\": \"-1\"}}]}", "numExamples"},
        {SPLIT "\"numShards\": 1, \"filepathTemplate\": \"../{SPLIT}\"}]}", "filepathTemplate"},
        {SPLIT "\"numShards\": 1, \"filepathTemplate\": \"{OTHER}\"}]}", "filepathTemplate, {OTHER}"},
        {SPLIT "\"numShards\": 1, \"filepathTemplate\": \"..\"}]}", "filepathTemplate"},
    };
#undef SPLIT
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tfds_info info;
        struct err e = {0};
        if (!tfds_info_parse(&info, cases[i].text, strlen(cases[i].text), "info", &e)) {
            fail_msg("case %zu: no error", i);
        }
        assert_mentions(e.text, cases[i].mentions);
        tfds_info_release(&info);
    }
}

static void image_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *name;
        size_t n, h, w, c;
    } cases[] = {
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\2\0\0\0\7\x08\x06", "PNG", 26, 7, 258, 4},
        {"\x89PNG\r\n\x1a\n", "PNG", 8, 0, 0, 0},
        {"\xff\xd8\xff\xe0\0\4ab\xff\xff\xc2\0\x0b\x08\0\x10\1\0\3", "JPEG", 19, 16, 256, 3},
        {"\xff\xd8\xff\xe0\xff\xff", "JPEG", 6, 0, 0, 0},
        {"GIF89a\5\0\6\0", "GIF", 10, 6, 5, 3},
        {"BM                \3\0\0\0\xfe\xff\xff\xff", "BMP", 26, 2, 3, 3},
        {"BM", NULL, 2, 0, 0, 0},
        {"text", NULL, 4, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t h, w, c;
        const char *name = image_size((const uint8_t *)cases[i].bytes, cases[i].n, &h, &w, &c);
        assert_true(!name == !cases[i].name && (!name || !strcmp(name, cases[i].name)));
        if (h != cases[i].h || w != cases[i].w || c != cases[i].c) {
            fail_msg("case %zu: %zu x %zu x %zu", i, h, w, c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feature_forms),
        cmocka_unit_test(bad_features),
        cmocka_unit_test(shard_names),
        cmocka_unit_test(bad_info),
        cmocka_unit_test(image_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
