/* Signatures: what parses is written back as it was; an escaped value never ends a field or part;
 * two parts differ exactly when they are not equal. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct record r = {0};
    struct err e = {0};
    struct str out = {0};
    char *text = malloc(n + 1);
    memcpy(text, data, n);
    text[n] = '\0';
    if (signature_parse(&r, text, &e) == 0) {
        signature_text(&r, &out);
        assert(strcmp(str_text(&out), text) == 0);
        str_clear(&out);
        assert(signature_difference(r.protocol, r.subject, &out) ==
               (strcmp(r.protocol, r.subject) != 0));
        assert((out.len > 0) == (strcmp(r.protocol, r.subject) != 0));
        str_clear(&out);
    } else {
        assert(e.code == ERR_FORMAT && e.text[0] && !r.protocol[0]);
    }
    signature_add_value(&out, text);
    assert(!strpbrk(str_text(&out), "|;\n"));
    str_add(&out, ";;");
    assert(out.len >= SIGNATURE_PART + 2 || signature_parse(&r, str_text(&out), &e) == 0);
    str_release(&out);
    free(text);
    return 0;
}
