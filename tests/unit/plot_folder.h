/* A folder to plot into, and looking for parts of texts. */
#ifndef BITBENCH_TESTS_UNIT_PLOT_FOLDER_H
#define BITBENCH_TESTS_UNIT_PLOT_FOLDER_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/tensor.h"
#include "tests/unit/made_records.h"

static inline void has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("'%s' is not in:\n%s", part, text);
    }
}

static inline void lacks(const char *text, const char *part)
{
    if (strstr(text, part)) {
        fail_msg("'%s' is in:\n%s", part, text);
    }
}

static char folder[64];

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bitbench-test-plot-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    struct file_list l;
    char path[4096];
    if (file_list_read(&l, folder, NULL)) {
        return -1;
    }
    for (size_t i = 0; i < l.n; i++) {
        if (file_join(path, sizeof path, folder, l.names[i], NULL) == 0) {
            unlink(path);
        }
    }
    file_list_release(&l);
    return rmdir(folder);
}

static inline const char *in_folder(const char *name)
{
    static char path[4096];
    assert_int_equal(file_join(path, sizeof path, folder, name, NULL), 0);
    return path;
}

static inline char *read_text(const char *name, size_t *n)
{
    struct err e = {0};
    unsigned char *data;
    size_t got;
    made_check(file_read(in_folder(name), 0, &data, &got, &e), &e);
    if (n) {
        *n = got;
    }
    return (char *)data;
}

#endif
