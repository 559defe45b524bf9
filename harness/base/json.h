/* JSON reading and text escaping: sole includer of jansson. */
#ifndef BITBENCH_BASE_JSON_H
#define BITBENCH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;
struct json; /* a value inside a document; owned by the document's root */

enum { JSON_MAX_BYTES = 16 << 20 }; /* a value may take some 50 times its text in memory */

/* Parses one document: an object or array in UTF-8, at most JSON_MAX_BYTES long, nested at most
 * 2048 deep (jansson's limit). Duplicate keys and NUL characters are refused. `name` is for
 * messages: "name:line:column: text". NULL with e set. Release with json_close on the root. */
struct json *json_parse(const char *bytes, size_t n, const char *name, struct err *e);
void json_close(struct json *root); /* accepts NULL */

/* All getters accept NULL, or a value of another kind, and then give NULL, 0 or false. */
const struct json *json_get(const struct json *object, const char *key); /* compares in turn */
size_t json_len(const struct json *array_or_object);
const struct json *json_at(const struct json *array, size_t i); /* NULL beyond the end */
/* Member i of an object in document order; *key stays valid with the document. */
const struct json *json_member(const struct json *object, size_t i, const char **key);
bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
const char *json_text(const struct json *v);         /* NULL unless a string */
bool json_i64(const struct json *v, int64_t *out);   /* written without fraction and exponent */
bool json_double(const struct json *v, double *out); /* any number */
bool json_bool(const struct json *v, bool *out);

/* Appends text as a JSON string with quotes. Each byte that is not part of valid UTF-8 becomes
 * U+FFFD. */
void json_add_text(struct str *out, const char *text);
/* Appends a number (shortest that parses back; null when not finite). */
void json_add_double(struct str *out, double v);

#endif
