/* See wire.h. */
#include "datasets/codec/wire.h"

bool wire_varint(struct wire *w, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; w->p < w->end && shift < 64; shift += 7) {
        uint8_t byte = *w->p++;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

bool wire_take(struct wire *w, uint64_t n, struct wire *content)
{
    if (n > (uint64_t)(w->end - w->p)) {
        return false;
    }
    *content = (struct wire){w->p, w->p + n};
    w->p += n;
    return true;
}

bool wire_head(struct wire *w, struct wire_field *f)
{
    uint64_t tag;
    if (!wire_varint(w, &tag)) {
        return false;
    }
    *f = (struct wire_field){.number = tag >> 3, .type = tag & 7};
    switch (f->type) {
    case WIRE_VARINT:
    case WIRE_BYTES:
        return wire_varint(w, &f->value);
    case WIRE_FIXED64:
        return wire_take(w, 8, &f->content);
    case WIRE_FIXED32:
        return wire_take(w, 4, &f->content);
    default:
        return false;
    }
}

bool wire_field(struct wire *w, struct wire_field *f)
{
    return wire_head(w, f) && (f->type != WIRE_BYTES || wire_take(w, f->value, &f->content));
}
