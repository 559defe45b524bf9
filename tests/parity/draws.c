/* Few-shot draws against those of numpy, big_vision and BiT's JAX code (README.md beside the data).
 * Usage: draws [DIR]. Reads DIR/draws.tsv: labels rule seed shots n status first8 sha256, the hash
 * being that of the indices as little-endian int64; label vectors are DIR/labels/NAME.npy. TAP. */
#include "harness/base/csv.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/npy.h"
#include "harness/base/str.h"
#include "protocols/regime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct labels {
    int32_t *y;
    size_t n, n_classes;
};

static int read_labels(const char *dir, const char *name, struct labels *l, struct err *e)
{
    char path[4096];
    struct npy a;
    snprintf(path, sizeof path, "%s/labels/%s.npy", dir, name);
    if (npy_read(&a, path, e)) {
        return -1;
    }
    int64_t *wide = malloc((a.n + 1) * sizeof *wide);
    int status = npy_to_i64(&a, wide, path, e);
    l->n = a.n;
    l->y = malloc((a.n + 1) * sizeof *l->y);
    l->n_classes = 0;
    for (size_t i = 0; i < a.n && status == 0; i++) {
        l->y[i] = (int32_t)wide[i];
        l->n_classes = (size_t)wide[i] >= l->n_classes ? (size_t)wide[i] + 1 : l->n_classes;
    }
    free(wide);
    npy_release(&a);
    return status;
}

/* One row of draws.tsv. Rules that the program lacks are not run. */
static void check_row(const char *dir, char **f, size_t *index, size_t *n_bad)
{
    struct labels l = {0};
    struct err e = {0};
    size_t *rows = NULL, n = 0, n_short = 0, first = 0;
    char hex[HASH_SHA256_HEX] = "", why[256] = "";
    if (read_labels(dir, f[0], &l, &e)) {
        snprintf(why, sizeof why, "%.200s", e.text);
    } else {
        int status = regime_kshot(f[1], l.y, l.n, l.n_classes, strtoull(f[3], NULL, 10),
                                  strtoull(f[2], NULL, 10), &rows, &n, &n_short, &e);
        bool error = !strncmp(f[5], "error:", 6);
        int64_t *wide = calloc(n + 1, sizeof *wide);
        for (size_t i = 0; i < n && !status; i++) {
            wide[i] = (int64_t)rows[i];
        }
        sha256_hex(wide, n * sizeof *wide, hex);
        free(wide);
        first = n ? rows[0] : 0;
        if (error) {
            char class[64];
            snprintf(class, sizeof class, "class %s ", f[5] + 6);
            if (!status || !strstr(e.text, class)) {
                snprintf(why, sizeof why, "expected an error that names %s, got '%.150s'", class,
                         e.text);
            }
        } else if (status || strtoull(f[4], NULL, 10) != n || strcmp(hex, f[7]) != 0) {
            snprintf(why, sizeof why, "n %zu against %s, first %zu against %.60s, status %d", n,
                     f[4], first, f[6], status);
        }
        free(rows);
    }
    free(l.y);
    *n_bad += why[0] != '\0';
    printf("%sok %zu - %s %s seed %s shots %s%s%s\n", why[0] ? "not " : "", ++*index, f[0], f[1],
           f[2], f[3], why[0] ? ": " : "", why);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "tests/parity/draws";
    char path[4096];
    unsigned char *text;
    size_t n, index = 0, n_bad = 0;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/draws.tsv", dir);
    if (file_read(path, 0, &text, &n, &e)) {
        printf("not ok 1 - %s\n", e.text);
        return 1;
    }
    char *save = NULL, *line = strtok_r((char *)text, "\n", &save); /* the heads */
    while ((line = strtok_r(NULL, "\n", &save))) {
        char *f[8], *at = line;
        size_t n_fields = 0;
        while (n_fields < 8 && (f[n_fields] = strsep(&at, "\t"))) {
            n_fields++;
        }
        if (n_fields == 8 &&
            (!strcmp(f[1], "big-vision") || !strcmp(f[1], "bit-jax") || !strcmp(f[1], "first-k"))) {
            check_row(dir, f, &index, &n_bad);
        }
    }
    free(text);
    return n_bad != 0;
}
