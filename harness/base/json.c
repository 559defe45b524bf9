/* JSON: jansson parses, then every value gets a node with its members in document order (which
 * jansson keeps since version 2.8), so that access by position takes no search. Nodes lie in one
 * block, the root first, a value's members side by side. */
#include "harness/base/json.h"

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* jansson has macros of these names. */
#undef json_is_object
#undef json_is_array

struct json {
    json_t *value;       /* the root's reference keeps all of them */
    const char *key;     /* inside an object */
    struct json *member; /* [n] */
    size_t n;
};

static size_t count_nodes(json_t *v)
{
    size_t n = 1, i;
    const char *key;
    json_t *member;
    if (json_typeof(v) == JSON_OBJECT) {
        json_object_foreach(v, key, member)
        {
            n += count_nodes(member);
        }
    } else {
        json_array_foreach(v, i, member)
        {
            n += count_nodes(member);
        }
    }
    return n;
}

/* Fills node for v; *free_node is the next unused one. */
static void fill(struct json *node, json_t *v, struct json **free_node)
{
    size_t i;
    const char *key;
    json_t *member;
    node->value = v;
    node->n = json_typeof(v) == JSON_OBJECT ? json_object_size(v) : json_array_size(v);
    node->member = *free_node;
    *free_node += node->n;
    if (json_typeof(v) == JSON_OBJECT) {
        struct json *next = node->member;
        json_object_foreach(v, key, member)
        {
            next->key = key;
            fill(next++, member, free_node);
        }
    } else {
        json_array_foreach(v, i, member)
        {
            fill(&node->member[i], member, free_node);
        }
    }
}

struct json *json_parse(const char *bytes, size_t n, const char *name, struct err *e)
{
    if (n > JSON_MAX_BYTES) {
        err_set(e, ERR_LIMIT, "%s: %zu bytes, the limit is %d", name, n, JSON_MAX_BYTES);
        return NULL;
    }
    json_error_t error;
    json_t *value = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &error);
    if (!value) {
        err_set(e, ERR_FORMAT, "%s:%d:%d: %s", name, error.line, error.column, error.text);
        return NULL;
    }
    struct json *root = mem_take(count_nodes(value), sizeof *root, e);
    if (!root) {
        json_decref(value);
        err_wrap(e, "%s", name);
        return NULL;
    }
    struct json *free_node = root + 1;
    fill(root, value, &free_node);
    return root;
}

void json_close(struct json *root)
{
    if (root) {
        json_decref(root->value);
        free(root);
    }
}

static bool is(const struct json *v, json_type type)
{
    return v && json_typeof(v->value) == type;
}

bool json_is_object(const struct json *v)
{
    return is(v, JSON_OBJECT);
}

bool json_is_array(const struct json *v)
{
    return is(v, JSON_ARRAY);
}

const struct json *json_get(const struct json *object, const char *key)
{
    for (size_t i = 0; json_is_object(object) && i < object->n; i++) {
        if (strcmp(object->member[i].key, key) == 0) {
            return &object->member[i];
        }
    }
    return NULL;
}

size_t json_len(const struct json *v)
{
    return v ? v->n : 0;
}

const struct json *json_at(const struct json *array, size_t i)
{
    return json_is_array(array) && i < array->n ? &array->member[i] : NULL;
}

const struct json *json_member(const struct json *object, size_t i, const char **key)
{
    if (!json_is_object(object) || i >= object->n) {
        return NULL;
    }
    *key = object->member[i].key;
    return &object->member[i];
}

const char *json_text(const struct json *v)
{
    return is(v, JSON_STRING) ? json_string_value(v->value) : NULL;
}

bool json_i64(const struct json *v, int64_t *out)
{
    if (!is(v, JSON_INTEGER)) {
        return false;
    }
    *out = json_integer_value(v->value);
    return true;
}

bool json_double(const struct json *v, double *out)
{
    if (!is(v, JSON_INTEGER) && !is(v, JSON_REAL)) {
        return false;
    }
    *out = json_number_value(v->value);
    return true;
}

bool json_bool(const struct json *v, bool *out)
{
    if (!is(v, JSON_TRUE) && !is(v, JSON_FALSE)) {
        return false;
    }
    *out = is(v, JSON_TRUE);
    return true;
}

/* Length of the UTF-8 character at p (NUL-terminated), 0 when there is none: overlong forms,
 * surrogates and values beyond U+10FFFF are none (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
               : p[0] >= 0xe0 && p[0] <= 0xef ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return n;
}

void json_add_text(struct str *out, const char *text)
{
    static const char plain[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\";
    str_add_char(out, '"');
    for (const char *p = text; *p;) {
        size_t n = utf8_length((const unsigned char *)p);
        const char *special = strchr(plain, *p);
        if (n == 0) {
            str_add(out, "\xef\xbf\xbd");
            n = 1;
        } else if (special) {
            str_add_char(out, '\\');
            str_add_char(out, letter[special - plain]);
        } else if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            str_addf(out, "\\u%04x", *p);
        } else {
            str_add_n(out, p, n);
        }
        p += n;
    }
    str_add_char(out, '"');
}

void json_add_double(struct str *out, double v)
{
    if (isfinite(v)) {
        str_add_double(out, v);
    } else {
        str_add(out, "null");
    }
}
