/* See clevr_scenes.h. The text is cut into scenes by its brackets and quotes; each scene is then
 * parsed as a document of its own. */
#include "datasets/clevr_scenes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/codec/spool.h"
#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum { WINDOW = 1 << 16,
       MAX_DEPTH = 64 };

struct scan {
    clevr_scene_fn *fn;
    void *ctx;
    uint64_t at;          /* of the next byte */
    char open[MAX_DEPTH]; /* brackets that are open */
    size_t depth;
    bool in_string, escaped;
    bool in_scenes;   /* inside the list "scenes" of the outermost object */
    bool seen;        /* there was such a list */
    struct str key;   /* the last text of the outermost object */
    struct str scene; /* text of the scene that is being read */
    size_t n;         /* scenes read */
};

static int bad(const struct scan *s, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "position %llu: %s", (unsigned long long)s->at, what);
}

static int end_scene(struct scan *s, struct err *e)
{
    char name[64];
    if (str_check(&s->scene, e)) {
        return -1;
    }
    snprintf(name, sizeof name, "scene %zu, ends at position %llu", s->n,
             (unsigned long long)s->at);
    struct json *scene = json_parse(s->scene.data, s->scene.len, name, e);
    int rc = scene ? s->fn(s->ctx, scene, s->n, e) : -1;
    json_close(scene);
    str_clear(&s->scene);
    s->n++;
    return rc;
}

static int open_bracket(struct scan *s, char c, struct err *e)
{
    if (s->depth == MAX_DEPTH) {
        return bad(s, "depth of more than 64 brackets", e);
    }
    if (s->depth == 1 && c == '[' && !strcmp(str_text(&s->key), "scenes")) {
        if (s->seen) {
            return bad(s, "\"scenes\" a second time", e);
        }
        s->in_scenes = s->seen = true;
    }
    s->open[s->depth++] = c;
    return 0;
}

static int close_bracket(struct scan *s, char c, struct err *e)
{
    if (!s->depth || s->open[s->depth - 1] != (c == '}' ? '{' : '[')) {
        return bad(s, "a bracket that closes none", e);
    }
    s->depth--;
    if (s->depth == 1) {
        s->in_scenes = false;
        str_clear(&s->key);
    }
    return s->in_scenes && s->depth == 2 ? end_scene(s, e) : 0;
}

static int take_string_byte(struct scan *s, char c)
{
    if (s->depth == 1 && c != '"' && s->key.len < 64) {
        str_add_char(&s->key, c);
    }
    if (s->escaped) {
        s->escaped = false;
    } else if (c == '\\') {
        s->escaped = true;
    } else if (c == '"') {
        s->in_string = false;
    }
    return 0;
}

static int take_byte(struct scan *s, char c, struct err *e)
{
    if (s->in_scenes && (s->depth > 2 || c == '{' || c == '[')) {
        str_add_char(&s->scene, c);
        if (s->scene.len > JSON_MAX_BYTES) {
            return bad(s, "a scene of more than 16 MiB", e);
        }
    } else if (s->in_scenes && !strchr(" \t\r\n,]", c)) {
        return bad(s, "a scene that is no object", e);
    }
    if (s->in_string) {
        return take_string_byte(s, c);
    }
    switch (c) {
    case '"':
        if (s->depth == 1) {
            str_clear(&s->key);
        }
        s->in_string = true;
        return s->depth ? 0 : bad(s, "not an object", e);
    case '{':
    case '[':
        return open_bracket(s, c, e);
    case '}':
    case ']':
        return close_bracket(s, c, e);
    case '\0':
        return bad(s, "a NUL byte", e);
    default:
        return s->depth || strchr(" \t\r\n", c) ? 0 : bad(s, "not an object", e);
    }
}

static int scan_all(struct scan *s, struct spool *text, char *window, struct err *e)
{
    uint64_t n = spool_bytes(text);
    while (s->at < n) {
        size_t k = n - s->at < WINDOW ? (size_t)(n - s->at) : WINDOW;
        if (spool_read(text, window, k, s->at, e)) {
            return -1;
        }
        for (size_t i = 0; i < k; i++, s->at++) {
            if (take_byte(s, window[i], e)) {
                return -1;
            }
        }
    }
    if (s->depth || s->in_string) {
        return bad(s, "truncated: ends within the document", e);
    }
    return s->seen ? 0 : bad(s, "no list \"scenes\"", e);
}

int clevr_scenes_read(struct spool *text, clevr_scene_fn *fn, void *ctx, struct err *e)
{
    struct scan s = {.fn = fn, .ctx = ctx};
    char *window = mem_take_raw(WINDOW, 1, e);
    int rc = !window || spool_fill(text, e) ? -1 : scan_all(&s, text, window, e);
    str_release(&s.key);
    str_release(&s.scene);
    free(window);
    return rc;
}
