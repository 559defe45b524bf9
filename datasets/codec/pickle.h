/* A strict reader of Python pickles of plain data: None, bools, integers, byte and text strings,
 * lists, tuples, dicts, and NumPy arrays of unsigned bytes with two dimensions. Executes nothing:
 * the only globals it knows are the three that make up such an array, and it only takes them apart.
 * Protocols 2 to 4, as Python 2 and 3 write them. */
#ifndef BITBENCH_DATASETS_CODEC_PICKLE_H
#define BITBENCH_DATASETS_CODEC_PICKLE_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_TEXT, /* bytes or text: Python 2 does not tell them apart */
    PICKLE_LIST,
    PICKLE_TUPLE,
    PICKLE_DICT,  /* children: key, value, key, value... */
    PICKLE_ARRAY, /* uint8 [rows, cols] */
    PICKLE_OTHER, /* used while reading; never in the result */
};

struct pickle_value {
    enum pickle_kind kind;
    uint32_t n;           /* children */
    uint32_t first, next; /* first child; next sibling; indices into values, 0 = none */
    uint32_t last;
    int64_t i;           /* BOOL, INT; ARRAY: rows */
    const uint8_t *text; /* TEXT; ARRAY: its bytes, rows first; inside the bytes that were read */
    size_t n_text;       /* TEXT, ARRAY: bytes */
};

struct pickle {
    struct pickle_value *values; /* [0] is unused */
    size_t n_values, cap_values;
    uint32_t root;
};

/* Parses bytes [n], which must stay while p is used; `name` is for messages, which give the
 * offset. Any other opcode or global is ERR_FORMAT naming it. Memory is bounded by n and by
 * 2^20 values. Release with pickle_release, also after an error. */
int pickle_parse(struct pickle *p, const uint8_t *bytes, size_t n, const char *name,
                 struct err *e);
void pickle_release(struct pickle *p);

/* The value of a text key in the dict v, or NULL (also when v is no dict). */
const struct pickle_value *pickle_get(const struct pickle *p, const struct pickle_value *v,
                                      const char *key);
const struct pickle_value *pickle_root(const struct pickle *p);
/* First child and next sibling, or NULL. */
const struct pickle_value *pickle_first(const struct pickle *p, const struct pickle_value *v);
const struct pickle_value *pickle_next(const struct pickle *p, const struct pickle_value *v);

#endif
