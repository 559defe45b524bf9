/* The run files of a run directory: the first sweep's is run.yaml, one of another name
 * run-NAME.yaml, so that none takes the place of another. A text begins with its line "name: ". */
#include "results/store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/pack.h"

enum { PATH_BYTES = 4096,
       RUN_FILE_MOST = 1 << 20 };
static const char first_name[] = "run.yaml";

static bool same_line(const char *a, const char *b)
{
    size_t n = strcspn(a, "\n");
    return n == strcspn(b, "\n") && memcmp(a, b, n) == 0;
}

/* "run-NAME.yaml", with a hyphen for what does not go into a file's name everywhere. */
static void other_name(const char *text, struct str *out)
{
    const char *name = text + (str_starts(text, "name: ") ? strlen("name: ") : 0);
    str_add(out, "run-");
    for (; *name && *name != '\n'; name++) {
        bool plain = isalnum((unsigned char)*name) || strchr("._-", *name);
        str_add_char(out, plain ? *name : '-');
    }
    str_add(out, ".yaml");
}

int store_run_file_keep(const char *dir, const char *text, struct err *e)
{
    char path[PATH_BYTES];
    unsigned char *there = NULL;
    size_t n;
    struct str name = {0};
    struct err ignored = {0};
    if (file_join(path, sizeof path, dir, first_name, e)) {
        return -1;
    }
    int rc = 0;
    if (file_read(path, RUN_FILE_MOST, &there, &n, &ignored) == 0 &&
        !same_line((const char *)there, text)) {
        other_name(text, &name);
        rc = str_check(&name, e) || file_join(path, sizeof path, dir, str_text(&name), e) ? -1 : 0;
    }
    rc = rc || file_write(path, text, strlen(text), e) ? -1 : 0;
    str_release(&name);
    free(there);
    return rc;
}

/* Takes over text. */
static int add(struct run_file_list *l, size_t *cap, const char *name, char *text, struct err *e)
{
    void *files = l->files;
    if (mem_grow(&files, cap, l->n + 1, sizeof *l->files, e)) {
        free(text);
        return -1;
    }
    l->files = files;
    l->files[l->n] = (struct run_file){.name = mem_strdup(name, e), .text = text};
    return l->files[l->n++].name ? 0 : -1;
}

static int add_of_pack(struct run_file_list *l, const char *path, struct err *e)
{
    struct pack p;
    size_t cap = 0;
    if (pack_read(&p, path, false, e)) {
        return -1;
    }
    int rc = p.run_yaml ? add(l, &cap, first_name, p.run_yaml, e) : 0;
    p.run_yaml = NULL;
    pack_release(&p);
    return rc;
}

static int add_of_dir(struct run_file_list *l, const char *dir, struct err *e)
{
    struct file_list names;
    size_t cap = 0;
    if (file_list_read(&names, dir, e)) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < names.n && rc == 0; i++) {
        const char *name = names.names[i];
        char path[PATH_BYTES];
        unsigned char *text;
        size_t n;
        struct err ignored = {0}; /* for people: one that cannot be read is left out */
        if ((strcmp(name, first_name) == 0 ||
             (str_starts(name, "run-") && str_ends(name, ".yaml"))) &&
            file_join(path, sizeof path, dir, name, &ignored) == 0 &&
            file_read(path, RUN_FILE_MOST, &text, &n, &ignored) == 0) {
            rc = add(l, &cap, name, (char *)text, e);
        }
    }
    file_list_release(&names);
    return rc;
}

int store_run_files(struct run_file_list *l, const char *dir, struct err *e)
{
    *l = (struct run_file_list){0};
    int rc = pack_is(dir)       ? add_of_pack(l, dir, e)
             : file_is_dir(dir) ? add_of_dir(l, dir, e)
                                : 0;
    if (rc) {
        run_file_list_release(l);
    }
    return rc;
}

void run_file_list_release(struct run_file_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->files[i].name);
        free(l->files[i].text);
    }
    free(l->files);
    *l = (struct run_file_list){0};
}
