/* Any bytes as dataset_info.json and as features.json of a prepared directory: a description whose
 * names stay in the folder, or an error with a text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "datasets/tfds_features.h"
#include "datasets/tfds_info.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_info(const char *text, size_t n)
{
    struct tfds_info info;
    struct err e = {0};
    if (tfds_info_parse(&info, text, n, "input", &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    }
    for (size_t i = 0; !e.code && i < info.n_splits; i++) {
        const struct tfds_split *s = &info.splits[i];
        size_t sum = 0;
        assert(tfds_info_split(&info, s->name) == s);
        for (size_t k = 0; s->lengths && k < s->n_shards; k++) {
            sum += s->lengths[k];
        }
        assert(!s->lengths || sum == s->n);
        char name[TFDS_FILE];
        if (s->n_shards && !tfds_shard_name(&info, s, s->n_shards / 2, name, &e)) {
            assert(name[0] && !strchr(name, '/') && strcmp(name, ".."));
        }
    }
    tfds_info_release(&info);
}

static void read_features(const char *text, size_t n)
{
    struct tfds_features f;
    struct err e = {0};
    if (tfds_features_parse(&f, text, n, "input", &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    }
    for (size_t i = 0; i < f.n; i++) {
        assert(f.items[i].name && tfds_feature(&f, f.items[i].name));
    }
    tfds_features_release(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    read_info((const char *)data, n);
    read_features((const char *)data, n);
    return 0;
}
