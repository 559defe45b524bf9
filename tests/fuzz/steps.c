/* Preprocessing texts: presets, presets with sizes, step lists. Either an error with a text, or a
 * checked preprocessing whose canonical text gives the same one again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/augment.h"
#include "datasets/transform.h"
#include "harness/base/err.h"
#include "harness/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    struct preprocess p, q;
    struct augment a;
    struct err e = {0};
    if (!text) {
        return 0;
    }
    memcpy(text, data, n);
    text[n] = '\0';
    if (preprocess_preset(&p, text, &e)) {
        assert(e.code == ERR_USAGE && e.text[0]);
    } else {
        struct str one = {0}, two = {0};
        assert(preprocess_preset(&q, p.preset, &e) == 0 && strcmp(p.preset, q.preset) == 0);
        preprocess_text(&p, &one);
        preprocess_text(&q, &two);
        assert(strcmp(str_text(&one), str_text(&two)) == 0);
        assert(preprocess_resolve(&p, 0, 0, &e) == 0 && preprocess_check(&p, &e) == 0);
        str_release(&one);
        str_release(&two);
    }
    e = (struct err){0};
    if (augment_parse(&a, text, &e)) {
        assert(e.code == ERR_USAGE && e.text[0]);
    } else {
        assert(a.mixup >= 0.0 && a.mixup <= 1.0 && a.area_min >= 0.0 && a.area_min <= 1.0);
    }
    free(text);
    return 0;
}
