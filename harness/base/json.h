/* JSON reading and text escaping: sole includer of jansson. */
#ifndef BITBENCH_BASE_JSON_H
#define BITBENCH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;
struct json; /* a value inside a document; owned by the document's root */

/* Parses one document (duplicate keys refused; depth and size limited). `name` is for messages,
 * which give line and column. NULL with e set. Release with json_close. */
struct json *json_parse(const char *bytes, size_t n, const char *name, struct err *e);
void json_close(struct json *root);

/* All getters accept NULL and then give the fallback. */
const struct json *json_get(const struct json *object, const char *key); /* or NULL */
size_t json_len(const struct json *array_or_object);
const struct json *json_at(const struct json *array, size_t i);
/* Member i of an object in document order; *key stays valid with the document. */
const struct json *json_member(const struct json *object, size_t i, const char **key);
bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
const char *json_text(const struct json *v);              /* NULL unless a string */
bool json_i64(const struct json *v, int64_t *out);
bool json_double(const struct json *v, double *out);

/* Appends text as a JSON string with quotes. Invalid UTF-8 becomes U+FFFD. */
void json_add_text(struct str *out, const char *text);
/* Appends a number (shortest that parses back; null when not finite). */
void json_add_double(struct str *out, double v);

#endif
