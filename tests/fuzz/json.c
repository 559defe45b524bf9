/* Any bytes as JSON: an error with a text, or a tree; and any text without a NUL, written as a
 * JSON string, reads back. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/json.h"
#include "harness/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct json *v)
{
    for (size_t i = 0; i < json_len(v); i++) {
        const char *key = NULL;
        const struct json *member = json_is_object(v) ? json_member(v, i, &key) : json_at(v, i);
        assert(member && (!key || i >= 100 || json_get(v, key) == member));
        check(member);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct json *root = json_parse((const char *)data, n, "x", &e);
    if (root) {
        check(root);
        json_close(root);
    } else {
        assert(e.code != ERR_NONE && e.text[0]);
    }
    struct str text = {0}, once = {0}, twice = {0};
    str_add_n(&text, (const char *)data, strnlen((const char *)data, n));
    str_add_char(&once, '[');
    json_add_text(&once, str_text(&text));
    str_add_char(&once, ']');
    root = json_parse(str_text(&once), once.len, "x", &e);
    assert(root && json_text(json_at(root, 0)));
    str_add_char(&twice, '[');
    json_add_text(&twice, json_text(json_at(root, 0)));
    str_add_char(&twice, ']');
    assert(strcmp(str_text(&once), str_text(&twice)) == 0);
    json_close(root);
    str_release(&text);
    str_release(&once);
    str_release(&twice);
    return 0;
}
