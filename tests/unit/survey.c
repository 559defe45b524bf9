/* What a survey finds in pictures with one oddity each, on one thread and on four; image facts of
 * damaged files; the shipped values against an independent table. */
#include "tests/unit/dataset_truth.h"

#include "datasets/image_facts.h"
#include "datasets/known.h"
#include "datasets/survey.h"
#include "harness/base/pool.h"
#include "harness/base/tensor.h"

static size_t find(const struct survey *s, const char *id, bool test)
{
    for (size_t i = 0; i < s->n; i++) {
        char seen[DATASET_ID];
        survey_id(s, i, seen);
        if (!strcmp(seen, id) && (s->images[i].part == SURVEY_TEST) == test) {
            return i;
        }
    }
    fail_msg("no image %s", id);
    return 0;
}

static void check_facts(const struct survey *s)
{
    static const struct {
        const char *id;
        bool test;
        unsigned facts;
        unsigned w, h;
        const char *explained;
    } cases[] = {
        {"cat/plain.png", false, 0, 80, 60, "PNG"},
        {"cat/small.jpg", true, 0, 64, 48, "JPEG"},
        {"dog/cmyk.jpg", false, SURVEY_CMYK, 50, 50, "JPEG, CMYK"},
        {"dog/ycck.jpg", false, SURVEY_YCCK, 60, 50, "JPEG, YCCK"},
        {"dog/turned.jpg", false, SURVEY_TURNED, 70, 50, "JPEG, EXIF orientation 6"},
        {"dog/upright.jpg", false, 0, 80, 50, "JPEG"},
        {"dog/png.jpg", false, SURVEY_WRONG_NAME, 55, 55, "PNG"},
        {"dog/plain.webp", true, 0, 90, 50, "WebP"},
        {"dog/empty.jpg", true, SURVEY_BROKEN, 0, 0, "the image file is empty"},
        {"dog/cut.jpg", true, SURVEY_BROKEN, 0, 0, "JPEG: the file ends early"},
        {"dog/text.png", true, SURVEY_BROKEN, 0, 0, "not an image"},
        {"dog/huge.png", true, SURVEY_BROKEN, 0, 0, "60000 x 60000"},
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        size_t i = find(s, cases[k].id, cases[k].test);
        char text[600];
        if (s->images[i].facts != cases[k].facts) {
            fail_msg("%s: facts %u, %u expected", cases[k].id, s->images[i].facts, cases[k].facts);
        }
        assert_int_equal(s->images[i].w, cases[k].w);
        assert_int_equal(s->images[i].h, cases[k].h);
        survey_explain(s, i, "pil", text, sizeof text);
        assert_mentions(text, cases[k].explained);
    }
}

static void check_copies(const struct survey *s)
{
    struct survey_equal equal;
    struct dhash_item items[32];
    struct dhash_near near;
    struct survey_sizes sizes;
    struct err e = {0};
    size_t n;
    assert_true(s->n <= ARRAY_LEN(items));
    assert_int_equal(survey_find_equal(&equal, s, 10, items, &n, &e), 0);
    assert_int_equal(equal.n_copies, 2);
    assert_int_equal(equal.n_pairs, 2);
    assert_true(equal.n_across >= 1); /* the copies fall into train or val by their ids */
    assert_true(s->images[equal.pairs[0].b].part == SURVEY_TEST ||
                s->images[equal.pairs[1].b].part == SURVEY_TEST);
    assert_int_equal(n, 9); /* 15 less 4 broken, less 2 copies */
    assert_int_equal(dhash_find_near(&near, items, n, 10, NULL, &e), 0);
    assert_int_equal(near.n_across, 1);
    assert_int_equal(near.pairs[0].b == find(s, "cat/small.jpg", true) ||
                         near.pairs[0].a == find(s, "cat/small.jpg", true),
                     true);
    dhash_near_release(&near);
    survey_equal_release(&equal);
    assert_int_equal(survey_sizes(&sizes, s, &e), 0);
    assert_int_equal(sizes.n, 11);
    assert_int_equal(sizes.n_small, 10);
    assert_int_equal(sizes.w.min, 50);
    assert_int_equal(sizes.w.max, 100);
    assert_int_equal(sizes.h.median, 50);
    assert_int_equal(sizes.area.max, 12000);
}

static void oddities(void **state)
{
    (void)state;
    struct dataset *d = must_open("folder:" FIXTURES "/survey/survey.tar.gz", "", false);
    struct survey one, four;
    struct pool *pool;
    struct err e = {0};
    assert_int_equal(survey_run(&one, d, "pil", NULL, &e), 0);
    assert_int_equal(one.n, 15);
    check_facts(&one);
    check_copies(&one);
    assert_int_equal(pool_open(&pool, 4, &e), 0);
    assert_int_equal(survey_run(&four, d, "pil", pool, &e), 0);
    assert_memory_equal(one.images, four.images, one.n * sizeof *one.images);
    pool_close(pool);
    survey_release(&one);
    survey_release(&four);
    dataset_close(d);
}

/* Orientation in either byte order, and headers that end early or lie. */
static void facts(void **state)
{
    (void)state;
#define START   "\xff\xd8"
#define EXIF(n) "\xff\xe1\x00" n "Exif\0\0"
    static const struct {
        const char *bytes;
        size_t n;
        unsigned components, orientation;
    } cases[] = {
#define CASE(b, c, o) {b, sizeof b - 1, c, o}
        CASE(START, 0, 1),
        CASE(START "\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00", 1, 1),
        CASE(START "\xff\xff\xff\xc2\x00\x0b\x08\x00\x01\x00\x01\x04\x01\x11\x00", 4, 1),
        CASE(START EXIF("\x22") "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0", 0,
             8),
        CASE(START EXIF("\x22") "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0", 0,
             3),
        CASE(START EXIF("\x22") "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0", 0,
             1),
        CASE(START EXIF("\x10") "II*\0\xff\xff\xff\xff", 0, 1),
        CASE(START EXIF("\x12") "II*\0\x08\0\0\0\x01\0", 0, 1),
        CASE(START "\xff\xe1\xff\xff"
                   "Exif",
             0, 1),
        CASE(START "\xff\xc0\x00\x01", 0, 1),
        CASE(START "\xff\xc4\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00", 0, 1),
        CASE(START "\xff\xda\x00\x02\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x04\x01\x11\x00", 0, 1),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct image_facts f;
        image_facts_read(&f, (const uint8_t *)cases[i].bytes, cases[i].n);
        if (f.components != cases[i].components || f.orientation != cases[i].orientation) {
            fail_msg("case %zu: %u components, orientation %u", i, f.components, f.orientation);
        }
    }
}

/* The shipped values are those of another implementation, and every name and split exists. */
static void known(void **state)
{
    (void)state;
    static struct tsv t; /* set, split, kind, n, ids, first, last, classes, labels */
    size_t n = 0;
    tsv_read(&t, FIXTURES "/survey/orders.tsv");
    for (size_t i = 0; i < t.n; i++) {
        if (strcmp(t.cell[i][2], "vtab")) {
            continue;
        }
        const struct known_split *s = known_find(t.cell[i][0], t.cell[i][1]);
        assert_non_null(s);
        assert_string_equal(s->ids, t.cell[i][4]);
        assert_int_equal(s->n_classes, atoi(t.cell[i][7]));
        assert_string_equal(s->labels ? s->labels : "-", t.cell[i][8]);
        assert_non_null(dataset_find(s->name, NULL));
        n++;
    }
    tsv_free(&t);
    assert_int_equal(n, 100);
    assert_int_equal(known_find("sun397", "train800")->n_classes, 309);
    assert_int_equal(known_find("sun397", "train800val200")->n_classes, 325);
    assert_null(known_find("sun397", "train801"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oddities),
        cmocka_unit_test(facts),
        cmocka_unit_test(known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
