/* Protobuf's wire format: fields of a message, each a tag (number and type) and a value. Reads in
 * place, allocates nothing, never past the end. */
#ifndef BITBENCH_DATASETS_CODEC_WIRE_H
#define BITBENCH_DATASETS_CODEC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

enum wire_type { WIRE_VARINT,
                 WIRE_FIXED64,
                 WIRE_BYTES,
                 WIRE_FIXED32 = 5 };

enum { WIRE_HEAD_MAX = 20 }; /* bytes of a tag and a length */

/* What is left of a message. */
struct wire {
    const uint8_t *p, *end;
};

struct wire_field {
    uint64_t number;
    unsigned type;
    uint64_t value;      /* of WIRE_VARINT; of WIRE_BYTES the length */
    struct wire content; /* of the others */
};

/* All give false where the bytes are none of that. */
bool wire_varint(struct wire *w, uint64_t *v);
bool wire_take(struct wire *w, uint64_t n, struct wire *content);
bool wire_field(struct wire *w, struct wire_field *f);
/* The tag, and of WIRE_BYTES the length: the content, unset, begins where w then stands, and may
 * be longer than what w has. Of the other types the whole field. */
bool wire_head(struct wire *w, struct wire_field *f);

#endif
