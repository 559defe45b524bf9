/* See kitti_split.h. A tenth of the videos is drawn for test, then as many of the others for
 * validation, both from one numpy generator with seed 123 over the videos sorted by name. */
#include "datasets/kitti_split.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/numpy_rng.h"
#include "harness/base/str.h"

enum { SEED = 123,
       PER_CENT = 10,
       MOST = 1 << 20 }; /* lines and images; KITTI has 7481 of the latter */

/* The second word of each line. */
static int read_mapping(char *text, const char ***videos, size_t *n, struct err *e)
{
    size_t cap = 0;
    for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
        char *word, *words = line;
        const char *video = NULL;
        size_t n_words = 0;
        while ((word = strtok_r(words, " \t\r", &words))) {
            video = n_words++ == 1 ? word : video;
        }
        if (!n_words && !rest) {
            break;
        }
        if (!video || *n == MOST) {
            return err_set(e, ERR_FORMAT, "train_mapping.txt: line %zu: not date, drive, frame",
                           *n + 1);
        }
        void *grown = *videos;
        if (mem_grow(&grown, &cap, *n + 1, sizeof **videos, e)) {
            return -1;
        }
        *videos = grown;
        (*videos)[(*n)++] = video;
    }
    return 0;
}

/* The video of each image. */
static int read_rand(char *text, const char *const *lines, size_t n_lines, const char ***videos,
                     size_t *n, struct err *e)
{
    size_t cap = 0;
    for (char *item, *rest = text; (item = strtok_r(rest, ", \t\r\n", &rest));) {
        uint64_t line;
        if (!str_to_u64(item, &line) || line < 1 || line > n_lines || *n == MOST) {
            return err_set(e, ERR_FORMAT, "train_rand.txt: item %zu: %.40s not in 1..%zu", *n,
                           item, n_lines);
        }
        void *grown = *videos;
        if (mem_grow(&grown, &cap, *n + 1, sizeof **videos, e)) {
            return -1;
        }
        *videos = grown;
        (*videos)[(*n)++] = lines[line - 1];
    }
    return *n ? 0 : err_set(e, ERR_FORMAT, "train_rand.txt: no numbers");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Marks `take` of the videos not marked yet, drawn by numpy's choice without replacement. order
 * [n] is scratch. */
static void draw(struct mt19937 *rng, uint8_t *mark, size_t n, size_t take, uint8_t value,
                 size_t *order)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (!mark[i]) {
            order[left++] = i;
        }
    }
    numpy_shuffle(order, left, mt19937_next32, rng);
    for (size_t i = 0; i < take && i < left; i++) {
        mark[order[i]] = value;
    }
}

/* The split of each image out of its video. */
static int split_videos(const char *const *video, size_t n, uint8_t *split, struct err *e)
{
    const char **names = mem_take(n, sizeof *names, e);
    uint8_t *mark = mem_take(n, 1, e);
    size_t *order = mem_take(n, sizeof *order, e);
    int rc = names && mark && order ? 0 : -1;
    if (!rc) {
        size_t n_names = 0;
        memcpy(names, video, n * sizeof *names);
        qsort(names, n, sizeof *names, compare_names);
        for (size_t i = 0; i < n; i++) {
            if (!i || strcmp(names[i], names[n_names - 1])) {
                names[n_names++] = names[i];
            }
        }
        struct mt19937 rng;
        size_t take = PER_CENT * n_names / 100;
        take = take ? take : 1;
        mt19937_seed(&rng, SEED);
        draw(&rng, mark, n_names, take, 2, order);
        draw(&rng, mark, n_names, take, 1, order);
        for (size_t i = 0; i < n; i++) {
            const char **at = bsearch(&video[i], names, n_names, sizeof *names, compare_names);
            split[i] = mark[at - names];
        }
    }
    free(names);
    free(mark);
    free(order);
    return rc;
}

int kitti_split(char *rand, char *mapping, uint8_t **split, size_t *n, struct err *e)
{
    const char **lines = NULL, **videos = NULL;
    size_t n_lines = 0;
    *split = NULL;
    *n = 0;
    int rc = read_mapping(mapping, &lines, &n_lines, e);
    rc = rc ? rc : read_rand(rand, lines, n_lines, &videos, n, e);
    *split = rc ? NULL : mem_take(*n, 1, e);
    rc = *split ? split_videos(videos, *n, *split, e) : -1;
    free(lines);
    free(videos);
    if (rc) {
        free(*split);
        *split = NULL;
    }
    return rc;
}
