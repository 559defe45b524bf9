/* Words to labels: numbers as they are, names sorted by their bytes. */
#include "datasets/label_words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"

enum { MAX_NAME = 255 };

void label_set_release(struct label_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->names[i]);
    }
    free(s->names);
    *s = (struct label_set){0};
}

int label_set_number(struct label_set *s, size_t n, struct err *e)
{
    s->names = mem_take(n, sizeof *s->names, e);
    if (!s->names) {
        return -1;
    }
    while (s->n < n) {
        struct str name = {0};
        str_addf(&name, "%zu", s->n);
        if (str_check(&name, e)) {
            str_release(&name);
            return -1;
        }
        s->names[s->n++] = name.data;
    }
    return 0;
}

static bool is_whole_number(const char *text)
{
    text += *text == '-' || *text == '+';
    return *text && text[strspn(text, "0123456789")] == 0;
}

static int take_numbers(const char *const *words, size_t n, int32_t *labels,
                        struct label_set *set, size_t *bad, struct err *e)
{
    int32_t most = -1;
    for (size_t i = 0; i < n; i++) {
        int64_t v;
        if (!str_to_i64(words[i], &v) || v < 0 || v >= LABEL_MAX_CLASSES) {
            *bad = i;
            return err_set(e, ERR_FORMAT, "label %.60s not in 0..%d", words[i],
                           LABEL_MAX_CLASSES - 1);
        }
        labels[i] = (int32_t)v;
        most = labels[i] > most ? labels[i] : most;
    }
    return label_set_number(set, (size_t)most + 1, e);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const char *const *words, size_t n, size_t *bad, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(words[i]);
        if (!length || length > MAX_NAME) {
            *bad = i;
            return err_set(e, ERR_FORMAT, "a label of %zu bytes, 1 to %d allowed", length,
                           MAX_NAME);
        }
    }
    return 0;
}

static int take_names(const char *const *words, size_t n, int32_t *labels, struct label_set *set,
                      struct err *e)
{
    const char **sorted = mem_take(n, sizeof *sorted, e);
    set->names = mem_take(n, sizeof *set->names, e);
    int rc = sorted && set->names ? 0 : -1;
    if (!rc && n) {
        memcpy(sorted, words, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare);
    }
    for (size_t i = 0; i < n && !rc; i++) {
        if (i && !strcmp(sorted[i], sorted[i - 1])) {
            continue;
        }
        set->names[set->n] = mem_strdup(sorted[i], e);
        rc = set->names[set->n] ? 0 : -1;
        set->n += !rc;
    }
    for (size_t i = 0; i < n && !rc; i++) {
        char **found = bsearch(&words[i], set->names, set->n, sizeof *set->names, compare);
        labels[i] = (int32_t)(found - set->names);
    }
    free(sorted);
    return rc;
}

int label_words_take(const char *const *words, size_t n, int32_t *labels, struct label_set *set,
                     size_t *bad, struct err *e)
{
    bool numbers = true;
    *bad = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        numbers = numbers && is_whole_number(words[i]);
    }
    if (numbers) {
        return take_numbers(words, n, labels, set, bad, e);
    }
    return check_names(words, n, bad, e) || take_names(words, n, labels, set, e) ? -1 : 0;
}
