/* Private to the pickle reader: the machine that its two files work on. */
#ifndef BITBENCH_DATASETS_CODEC_PICKLE_MACHINE_H
#define BITBENCH_DATASETS_CODEC_PICKLE_MACHINE_H

#include <stdbool.h>
#include "datasets/codec/pickle.h"

enum { MAX_VALUES = 1 << 20 };

/* What a value of kind PICKLE_OTHER is (its i). */
enum other { RECONSTRUCT,
             NDARRAY,
             DTYPE,        /* the class */
             UINT8,        /* dtype('u1') */
             BARE_ARRAY }; /* an array without its state */

struct pickle_machine {
    struct pickle *p;
    const uint8_t *bytes;
    size_t n, at;
    size_t op_at; /* offset of the opcode at work */
    uint8_t op;
    const char *name;
    uint32_t *stack; /* values; 0 = a mark */
    size_t depth, cap_stack;
    uint32_t *memo; /* values; 0 = unset */
    size_t n_memo, cap_memo;
    struct err *e;
};

/* ERR_FORMAT with file, offset and opcode. Returns -1. */
int machine_refuse(const struct pickle_machine *m, const char *why);
int machine_push_int(struct pickle_machine *m, enum pickle_kind kind, int64_t i);
/* The value on top, or NULL with the error set. Valid until the next push. */
struct pickle_value *machine_top(struct pickle_machine *m);
bool pickle_is_text(const struct pickle_value *v, const char *text); /* false for NULL */

/* The opcodes GLOBAL, STACK_GLOBAL, REDUCE and BUILD. */
int machine_read_global(struct pickle_machine *m);
int machine_stack_global(struct pickle_machine *m);
int machine_reduce(struct pickle_machine *m);
int machine_build(struct pickle_machine *m);

#endif
