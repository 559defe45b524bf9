/* Run files: what is read has meaningful cells, and its text gives the same cells and text again;
 * what is refused has a message and leaves nothing behind. Includes are off: no folder is given. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/yaml.h"
#include "harness/runfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { BLOCK_LIMIT = 8 << 20, /* bytes: some thousands of cells */
       MOST_CHECKED = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct runfile_opts o = {.name = "fuzz.yaml"};
    struct run_plan p = {0}, again = {0};
    struct err e = {0};
    mem_set_limit(BLOCK_LIMIT);
    if (runfile_parse(&p, (const char *)data, n, &o, &e)) {
        assert(e.text[0] && !p.name && !p.specs && !p.axes && !p.text);
        return 0;
    }
    for (size_t i = 0; i < p.n && i < MOST_CHECKED; i++) {
        int rc = spec_check(&p.specs[i], &e);
        assert(rc == 0 && p.specs[i].model[0] && p.specs[i].dataset[0]);
    }
    if (strlen(p.text) <= YAML_MAX_BYTES) {
        int rc = runfile_parse(&again, p.text, strlen(p.text), &o, &e);
        assert(rc == 0 && again.n == p.n && again.n_axes == p.n_axes);
        assert(strcmp(again.text, p.text) == 0);
        for (size_t i = 0; i < p.n && i < MOST_CHECKED; i++) {
            assert(spec_equal(&p.specs[i], &again.specs[i]));
        }
    }
    run_plan_release(&again);
    run_plan_release(&p);
    return 0;
}
