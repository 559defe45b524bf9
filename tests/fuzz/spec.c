/* Canonical text: whatever is read prints to a text that reads back as the same, byte for byte.
 * Also lists of numbers, whose canonical form has the same points. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "protocols/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void one_spec(const char *text)
{
    struct run_spec s, back;
    struct err e = {0};
    if (spec_parse(&s, text, &e)) {
        assert(e.text[0]);
        return;
    }
    struct str first = {0}, second = {0};
    spec_text(&s, &first);
    int rc = spec_parse(&back, str_text(&first), &e);
    assert(rc == 0 && spec_equal(&s, &back));
    spec_text(&back, &second);
    assert(strcmp(str_text(&first), str_text(&second)) == 0);
    const struct knob *at;
    rc = spec_check_at(&s, &at, &e);
    assert(rc == 0 || !spec_is_default(&s, at));
    str_release(&first);
    str_release(&second);
}

static void one_grid(const char *text)
{
    double *v, *w;
    size_t n, m;
    struct str canon = {0};
    struct err e = {0};
    if (grid_parse(text, &v, &n, &e)) {
        assert(e.text[0]);
        return;
    }
    int rc = grid_text(text, &canon, &e);
    assert(rc == 0);
    rc = grid_parse(str_text(&canon), &w, &m, &e);
    assert(rc == 0 && n >= 1 && n == m && memcmp(v, w, n * sizeof *v) == 0);
    free(v);
    free(w);
    str_release(&canon);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    assert(text);
    if (n) {
        memcpy(text, data, n);
    }
    text[n] = '\0';
    one_spec(text);
    one_grid(text);
    free(text);
    return 0;
}
