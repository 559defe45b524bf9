/* Split tables that several rows share. */
#include "datasets/table_splits.h"

/* From a to b per cent of the first source split, and of these the first n (0: all). */
#define PART(a, b, n)                                                       \
    {                                                                       \
        .from = (a), .to = (b), .percent = true, .floor = true, .most = (n) \
    }

/* The first source split up to a per cent is train, from there to b it is val. */
#define SPLITS(a, b, ...)                                              \
    {                                                                  \
        {"train", {PART(0, a, 0)}, 1},                                 \
            {"val", {PART(a, b, 0)}, 1},                               \
            {"trainval", {PART(0, b, 0)}, 1},                          \
            {"test", {__VA_ARGS__}, 1},                                \
            {"train800", {PART(0, a, 800)}, 1},                        \
            {"val200", {PART(a, b, 200)}, 1},                          \
            {"train800val200", {PART(0, a, 800), PART(a, b, 200)}, 2}, \
    }
#define SECOND            \
    {                     \
        .source_split = 1 \
    }

const struct split_desc splits_99_1[TABLE_SPLITS] = SPLITS(99, 100, SECOND);
const struct split_desc splits_90_10[TABLE_SPLITS] = SPLITS(90, 100, SECOND);
const struct split_desc splits_80_20[TABLE_SPLITS] = SPLITS(80, 100, SECOND);
const struct split_desc splits_60_20_20[TABLE_SPLITS] = SPLITS(60, 80, PART(80, 100, 0));
const struct split_desc splits_80_10_10[TABLE_SPLITS] = SPLITS(80, 90, PART(90, 100, 0));

const struct split_desc splits_three[TABLE_SPLITS] = {
    {"train", {{0}}, 1},
    {"val", {{.source_split = 1}}, 1},
    {"trainval", {{0}, {.source_split = 1}}, 2},
    {"test", {{.source_split = 2}}, 1},
    {"train800", {{.most = 800}}, 1},
    {"val200", {{.source_split = 1, .most = 200}}, 1},
    {"train800val200", {{.most = 800}, {.source_split = 1, .most = 200}}, 2},
};

const struct split_desc splits_smallnorb[TABLE_SPLITS] = {
    {"train", {{0}}, 1},
    {"val", {{.source_split = 1, .to = 50, .percent = true}}, 1},
    {"trainval", {{0}, {.source_split = 1, .to = 50, .percent = true}}, 2},
    {"test", {{.source_split = 1, .from = 50, .to = 100, .percent = true}}, 1},
    {"train800", {{.most = 800}}, 1},
    {"val200", {{.source_split = 1, .to = 50, .percent = true, .most = 200}}, 1},
    {"train800val200",
     {{.most = 800}, {.source_split = 1, .to = 50, .percent = true, .most = 200}},
     2},
};
