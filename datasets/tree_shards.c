/* tar:PATH: an archive, a folder of archives (also in folders train, val, validation and test), or
 * a pattern such as x-{000000..000003}.tar or {train,test}.tar. Each archive's split is told by its
 * folder, else by a word of its own name ("imagenet1k-train-0001.tar"), else by folders inside.
 * Beside the archives of a folder may lie nshards.txt (their number), classnames.txt (a line a
 * class) and _info.json of timm, which names them. */
#include "datasets/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/tensor.h"

enum { MAX_SHARDS = 1 << 16,
       MAX_TEXT = 16 << 20,
       SPARE_FILES = 64 }; /* open files beside the archives */

struct shards {
    struct tree *t;
    bool partial;
    struct file_list paths;
    size_t cap;
    signed char *split; /* [cap] */
    size_t cap_split;
};

static int add_shard(struct shards *s, const char *path, int split, struct err *e)
{
    void *names = s->paths.names, *splits = s->split;
    if (s->paths.n >= MAX_SHARDS) {
        return err_set(e, ERR_LIMIT, "more than %d archives", MAX_SHARDS);
    }
    int rc = mem_grow(&names, &s->cap, s->paths.n + 1, sizeof *s->paths.names, e);
    s->paths.names = names;
    rc = rc ? rc : mem_grow(&splits, &s->cap_split, s->paths.n + 1, 1, e);
    s->split = splits;
    if (rc) {
        return -1;
    }
    s->paths.names[s->paths.n] = mem_strdup(path, e);
    if (!s->paths.names[s->paths.n]) {
        return -1;
    }
    s->split[s->paths.n++] = (signed char)split;
    return 0;
}

/* The split that a word of the file's name says: words are runs of letters. */
static int split_of_name(const char *path, int *split, struct err *e)
{
    const char *slash = strrchr(path, '/');
    *split = TREE_NO_SPLIT;
    for (const char *p = slash ? slash + 1 : path; *p; p++) {
        size_t n = 0;
        enum files_split found;
        while (isalpha((unsigned char)p[n])) {
            n++;
        }
        if (tree_split_find(p, n, &found)) {
            if (*split != TREE_NO_SPLIT && *split != (int)found) {
                return err_set(e, ERR_FORMAT, "%s: the name says two splits", path);
            }
            *split = (int)found;
        }
        p += n ? n - 1 : 0;
    }
    return 0;
}

static int add_by_name(struct shards *s, const char *path, struct err *e)
{
    int split;
    return split_of_name(path, &split, e) || add_shard(s, path, split, e) ? -1 : 0;
}

/* Reads one brace of a pattern: either a..b with leading zeros kept, or words between commas. */
struct brace {
    const char *text; /* behind '{' */
    size_t n;         /* before '}' */
    bool is_range;
    unsigned long long from, to;
    int width;
};

static int read_brace(struct brace *b, const char *open, struct err *e)
{
    const char *close = strchr(open, '}');
    *b = (struct brace){.text = open + 1};
    if (!close || memchr(open + 1, '{', (size_t)(close - open - 1))) {
        return err_set(e, ERR_USAGE, "'%.60s': a brace without its end", open);
    }
    b->n = (size_t)(close - open - 1);
    size_t digits = strspn(b->text, "0123456789");
    size_t more = strncmp(b->text + digits, "..", 2) ? 0
                                                     : strspn(b->text + digits + 2, "0123456789");
    b->is_range = digits && more && digits + 2 + more == b->n;
    if (!b->is_range) {
        return 0;
    }
    b->from = strtoull(b->text, NULL, 10);
    b->to = strtoull(b->text + digits + 2, NULL, 10);
    b->width = (int)digits;
    if (digits > 18 || more > 18 || b->to < b->from || b->to - b->from >= MAX_SHARDS) {
        return err_set(e, ERR_USAGE, "'{%.*s}': FROM..TO with at most %d numbers", (int)b->n,
                       b->text, MAX_SHARDS);
    }
    return 0;
}

static int expand(struct shards *s, const char *pattern, struct err *e);

/* pattern with its first brace replaced by n bytes of word, expanded further. */
static int expand_with(struct shards *s, const char *pattern, const struct brace *b,
                       const char *word, size_t n, struct err *e)
{
    struct str path = {0};
    str_add_n(&path, pattern, (size_t)(b->text - 1 - pattern));
    str_add_n(&path, word, n);
    str_add(&path, b->text + b->n + 1);
    int rc = str_check(&path, e) ? -1 : expand(s, path.data, e);
    str_release(&path);
    return rc;
}

static int expand(struct shards *s, const char *pattern, struct err *e)
{
    const char *open = strchr(pattern, '{');
    struct brace b;
    int rc = 0;
    if (!open) {
        return add_by_name(s, pattern, e);
    }
    if (read_brace(&b, open, e)) {
        return -1;
    }
    for (unsigned long long i = b.from; b.is_range && i <= b.to && !rc; i++) {
        char number[32];
        int n = snprintf(number, sizeof number, "%0*llu", b.width, i);
        rc = expand_with(s, pattern, &b, number, (size_t)n, e);
    }
    for (size_t at = 0; !b.is_range && at <= b.n && !rc;) {
        const char *comma = memchr(b.text + at, ',', b.n - at);
        size_t n = comma ? (size_t)(comma - b.text) - at : b.n - at;
        rc = expand_with(s, pattern, &b, b.text + at, n, e);
        at += n + 1;
    }
    return rc;
}

/* The text of a file beside the archives, which the caller frees: 1, 0 where there is none, -1. */
static int read_beside(const char *dir, const char *name, char **text, size_t *n, struct err *e)
{
    unsigned char *bytes;
    int rc = images_text(dir, name, &bytes, n, e);
    *text = rc > 0 ? (char *)bytes : NULL;
    return rc;
}

/* nshards.txt must agree with the archives beside it. */
static int check_number(const struct shards *s, const char *dir, size_t have, struct err *e)
{
    char *text;
    size_t n;
    uint64_t expected;
    int rc = read_beside(dir, "nshards.txt", &text, &n, e);
    if (rc <= 0) {
        return rc;
    }
    text[strcspn(text, " \r\n")] = 0;
    rc = 0;
    if (!str_to_u64(text, &expected)) {
        rc = err_set(e, ERR_FORMAT, "%s/nshards.txt: '%.20s' is no number", dir, text);
    } else if (expected != have && !s->partial) {
        rc = err_set(e, ERR_FORMAT,
                     "%s/nshards.txt says %llu archives, %zu are there (--partial goes on with "
                     "these)",
                     dir, (unsigned long long)expected, have);
    }
    free(text);
    return rc;
}

static bool is_archive_name(const char *name)
{
    static const char *const ends[] = {".tar", ".tar.gz", ".tgz", ".zip"};
    for (size_t i = 0; name[0] != '.' && i < ARRAY_LEN(ends); i++) {
        if (str_ends(name, ends[i])) {
            return true;
        }
    }
    return false;
}

/* The archives right in dir; split: what the folder says, or TREE_NO_SPLIT. */
static int add_folder(struct shards *s, const char *dir, int split, struct err *e)
{
    struct file_list l;
    size_t before = s->paths.n;
    if (file_list_read(&l, dir, e)) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < l.n && !rc; i++) {
        char path[SOURCE_PATH];
        if (is_archive_name(l.names[i])) {
            rc = file_join(path, sizeof path, dir, l.names[i], e);
            rc = rc                       ? rc
                 : split == TREE_NO_SPLIT ? add_by_name(s, path, e)
                                          : add_shard(s, path, split, e);
        }
    }
    file_list_release(&l);
    return rc ? rc : check_number(s, dir, s->paths.n - before, e);
}

static int add_split_folders(struct shards *s, const char *dir, struct err *e)
{
    static const char *const names[] = {"train", "val", "validation", "test"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[SOURCE_PATH];
        enum files_split split = FILES_TRAIN;
        tree_split_find(names[i], strlen(names[i]), &split);
        if (file_join(path, sizeof path, dir, names[i], e) ||
            (file_is_dir(path) && add_folder(s, path, (int)split, e))) {
            return -1;
        }
    }
    return 0;
}

/* classnames.txt names the classes. */
static int read_class_names(struct shards *s, const char *dir, struct err *e)
{
    struct label_set *c = &s->t->classes;
    struct images_lines lines = {0};
    char *text;
    int rc = read_beside(dir, "classnames.txt", &text, &lines.n, e);
    if (rc <= 0) {
        return rc;
    }
    size_t n = 0;
    lines.text = text;
    while (images_next_line(&lines)) {
        n++;
    }
    c->names = n <= LABEL_MAX_CLASSES ? mem_take(n, sizeof *c->names, e) : NULL;
    rc = c->names ? 0 : -1;
    if (n > LABEL_MAX_CLASSES) {
        err_set(e, ERR_LIMIT, "%s/classnames.txt: %zu classes", dir, n);
    }
    lines.at = 0;
    while (!rc && images_next_line(&lines)) {
        c->names[c->n] = mem_strndup(lines.line, lines.len, e);
        rc = c->names[c->n] ? 0 : -1;
        c->n += !rc;
    }
    free(text);
    return rc;
}

/* Every archive that a split of _info.json names must be there. */
static int check_split_info(const struct json *split, const char *dir, struct err *e)
{
    const struct json *names = json_get(split, "filenames");
    for (size_t i = 0; i < json_len(names); i++) {
        char path[SOURCE_PATH];
        const char *name = json_text(json_at(names, i));
        if (!name || file_join(path, sizeof path, dir, name, e)) {
            return err_set(e, ERR_FORMAT, "%s/_info.json: a file name that is none", dir);
        }
        if (!file_exists(path)) {
            return err_set(e, ERR_FORMAT,
                           "%s/_info.json names %s, which is not there (--partial goes on "
                           "without)",
                           dir, name);
        }
    }
    return 0;
}

static int check_info(const struct shards *s, const char *dir, struct err *e)
{
    char *text;
    size_t n;
    int rc = s->partial ? 0 : read_beside(dir, "_info.json", &text, &n, e);
    if (rc <= 0) {
        return rc;
    }
    struct json *info = json_parse(text, n, "_info.json", e);
    const struct json *splits = json_get(info, "splits");
    const char *key;
    rc = info ? 0 : err_wrap(e, "%s", dir);
    for (size_t i = 0; i < json_len(splits) && !rc; i++) {
        rc = check_split_info(json_member(splits, i, &key), dir, e);
    }
    json_close(info);
    free(text);
    return rc;
}

static int find_shards(struct shards *s, const char *path, struct err *e)
{
    if (!file_is_dir(path)) {
        return file_exists(path) ? add_by_name(s, path, e) : expand(s, path, e);
    }
    if (check_info(s, path, e) || add_folder(s, path, TREE_NO_SPLIT, e) ||
        add_split_folders(s, path, e) || read_class_names(s, path, e)) {
        return -1;
    }
    return s->paths.n ? 0
                      : err_set(e, ERR_ABSENT,
                                "%s: no .tar, .tar.gz, .tgz or .zip in it, nor in train, val or "
                                "test",
                                path);
}

/* Each archive stays open: as many files as the system lets us. */
static int allow_files(size_t n, struct err *e)
{
    struct rlimit limit;
    rlim_t need = n + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need) {
        return 0;
    }
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    if (limit.rlim_cur < need || setrlimit(RLIMIT_NOFILE, &limit)) {
        return err_set(e, ERR_LIMIT, "%zu archives, but no more than %llu open files (ulimit -n)",
                       n, (unsigned long long)limit.rlim_max);
    }
    return 0;
}

static int read_shards(struct shards *s, const char *path, struct err *e)
{
    bool pairs;
    if (find_shards(s, path, e) || allow_files(s->paths.n, e)) {
        return -1;
    }
    for (size_t i = 0; i < s->paths.n; i++) {
        if (tree_add_archive(s->t, s->paths.names[i], s->split[i], e)) {
            return -1;
        }
    }
    if (tree_read_pairs(s->t, &pairs, e)) {
        return -1;
    }
    if (pairs) {
        return 0;
    }
    label_set_release(&s->t->classes); /* the folders name them */
    return tree_read_folders(s->t, s->partial, e);
}

static int tar_open(void **state, const struct dataset_desc *d, const char *path,
                    const struct dataset_dirs *where, struct err *e)
{
    struct shards s = {.partial = where->partial};
    if (tree_new(&s.t, d, path, e)) {
        return -1;
    }
    int rc = read_shards(&s, path, e);
    file_list_release(&s.paths);
    free(s.split);
    if (rc) {
        tree_close(s.t);
        return -1;
    }
    *state = s.t;
    return 0;
}

const struct source_ops source_tar = {
    .name = "tar",
    .sources = "datasets/tree_shards.c " TREE_SOURCES,
    .open = tar_open,
    TREE_OPS,
};
