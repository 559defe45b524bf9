/* Near matches: the optimal string alignment distance (Levenshtein's with swaps of neighbours,
 * no substring edited twice), three rows of the table at a time. */
#include "harness/base/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WORD_MAX = 64,
       N_BEST = sizeof((struct near *)0)->best / sizeof(char *) };

void near_init(struct near *n, const char *word)
{
    *n = (struct near){.word = word, .prefix = ""};
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both shorter than WORD_MAX. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= nb; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        int ca = tolower((unsigned char)a[i - 1]);
        for (size_t j = 1; j <= nb; j++) {
            int cb = tolower((unsigned char)b[j - 1]);
            size_t d = least(last[j - 1] + (ca != cb), least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2])) {
                d = least(d, before[j - 2] + 1);
            }
            now[j] = d;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[nb];
}

void near_add(struct near *n, const char *candidate)
{
    size_t len = strlen(n->word), clen = strlen(candidate);
    if (len == 0 || len >= WORD_MAX || clen >= WORD_MAX) {
        return;
    }
    size_t d = distance(n->word, len, candidate, clen);
    bool begins = len >= 2 && strncasecmp(n->word, candidate, len) == 0;
    bool close = d <= (len / 3 ? len / 3 : 1) && d < len;
    if (!begins && !close) {
        return;
    }
    size_t at = N_BEST;
    for (size_t i = N_BEST; i-- > 0;) {
        if (n->best[i] && strcmp(n->best[i], candidate) == 0) {
            return;
        }
        if (!n->best[i] || d < n->distance[i]) {
            at = i;
        }
    }
    if (at == N_BEST) {
        return;
    }
    for (size_t i = N_BEST - 1; i > at; i--) {
        n->best[i] = n->best[i - 1];
        n->distance[i] = n->distance[i - 1];
    }
    n->best[at] = candidate;
    n->distance[at] = d;
}

const char *near_text(struct near *n)
{
    size_t used = 0;
    n->text[0] = '\0';
    for (size_t i = 0; i < N_BEST && n->best[i]; i++) {
        bool last = i + 1 == N_BEST || !n->best[i + 1];
        const char *lead = i == 0 ? "; did you mean " : last ? " or "
                                                             : ", ";
        int wrote = snprintf(n->text + used, sizeof n->text - used, "%s'%s%s'%s", lead, n->prefix,
                             n->best[i], last ? "?" : "");
        used += wrote > 0 ? (size_t)wrote : 0; /* 3 words below WORD_MAX fit */
    }
    return n->text;
}
