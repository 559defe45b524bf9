/* The hash behind numeric_id: compiler, numeric flags, then path and SHA-256 of each source file
 * that counts, in path order. */
#include "protocols/numeric.h"
#include "protocols/protocol.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "harness/base/build_info.h"
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"
#include "models/engine.h"
#include "models/model.h"
#include "models/weights.h"
#include <stdbool.h>
#include <string.h>

/* Is path one of the space-separated words of list? */
static bool listed(const char *list, const char *path)
{
    size_t n = strlen(path);
    for (const char *at = list; at && (at = strstr(at, path)); at += n) {
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Does some registry row claim the file for itself? */
static bool claimed(const char *path)
{
    for (size_t i = 0; i < engines_n; i++) {
        if (listed(engines[i]->sources, path) || listed(engines[i]->train_sources, path)) {
            return true;
        }
    }
    for (size_t i = 0; i < datasets_n; i++) {
        if (listed(datasets[i]->source->sources, path)) {
            return true;
        }
    }
    for (size_t i = 0; i < resize_kernels_n; i++) {
        if (listed(resize_kernels[i]->sources, path)) {
            return true;
        }
    }
    for (size_t i = 0; i < protocols_n; i++) {
        if (protocols[i]->adapt && listed(protocols[i]->adapt->sources, path)) {
            return true;
        }
    }
    return listed(weights_npz.sources, path) || listed(weights_safetensors.sources, path);
}

/* protocols: also the sources of layers above the features. */
static int numeric_id(const struct group *g, const struct preprocess *p, const struct adapt *a,
                      bool protocols_too, char hex[65], struct err *e)
{
    struct str used = {0};
    str_addf(&used, "%s %s %s %s ", g->engine->sources, g->dataset->source->sources,
             g->model->sources ? g->model->sources : "", a ? a->sources : "");
    preprocess_sources(p, &used);
    if (str_check(&used, e)) {
        str_release(&used);
        return -1;
    }
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, build_compiler, strlen(build_compiler) + 1);
    sha256_add(&sha, build_flags, strlen(build_flags) + 1);
    for (size_t i = 0; i < build_n_sources; i++) {
        const struct build_source *s = &build_sources[i];
        bool counts = listed(str_text(&used), s->path) || !claimed(s->path);
        if (counts && (protocols_too || !str_starts(s->path, "protocols/"))) {
            sha256_add(&sha, s->path, strlen(s->path) + 1);
            sha256_add(&sha, s->sha256, strlen(s->sha256) + 1);
        }
    }
    sha256_final(&sha, hex);
    str_release(&used);
    return 0;
}

int numeric_id_features(const struct group *g, const struct preprocess *p, char hex[65],
                        struct err *e)
{
    return numeric_id(g, p, NULL, false, hex, e);
}

int numeric_id_cell(const struct group *g, const struct preprocess *p, const struct adapt *a,
                    char hex[65], struct err *e)
{
    return numeric_id(g, p, a, true, hex, e);
}
