/* See norb.h. */
#include "datasets/codec/norb.h"

#include <inttypes.h>
#include "harness/base/err.h"
#include "harness/base/little.h"

int norb_parse(struct norb *m, const uint8_t *head, size_t n, const char *name, struct err *e)
{
    *m = (struct norb){0};
    if (n < 8) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %zu bytes", name, n);
    }
    uint32_t magic = le32(head), n_dims = le32(head + 4);
    m->item_bytes = magic == 0x1E3D4C55 ? 1 : magic == 0x1E3D4C54 ? 4
                                                                  : 0;
    if (!m->item_bytes) {
        return err_set(e, ERR_FORMAT, "%s: magic number 0x%08" PRIX32 " is not that of a matrix "
                                      "of bytes (1E3D4C55) or int32 (1E3D4C54)",
                       name, magic);
    }
    if (n_dims < 1 || n_dims > NORB_MAX_DIMS) {
        return err_set(e, ERR_FORMAT, "%s: number of dimensions %" PRIu32 " not in 1..%d", name,
                       n_dims, NORB_MAX_DIMS);
    }
    m->n_dims = n_dims;
    m->data_offset = 8 + 4 * (n_dims < 3 ? 3 : m->n_dims);
    if (n < m->data_offset) {
        return err_set(e, ERR_FORMAT, "%s: truncated: %zu bytes", name, n);
    }
    m->n = 1;
    for (size_t i = 0; i < m->n_dims; i++) {
        m->dims[i] = le32(head + 8 + 4 * i);
        if (m->dims[i] > INT32_MAX || __builtin_mul_overflow(m->n, m->dims[i], &m->n) ||
            m->n > SIZE_MAX / 8) {
            return err_set(e, ERR_FORMAT, "%s: dimension %zu is %zu", name, i, m->dims[i]);
        }
    }
    return 0;
}
