/* The named splits of the rows of the table: train, val, trainval, test, train800, val200 and
 * train800val200, after VTAB (task_adaptation/data/NAME.py), whose fractions of a split are whole
 * numbers rounded down; small NORB's halves are TFDS's per cent. */
#ifndef BITBENCH_DATASETS_TABLE_SPLITS_H
#define BITBENCH_DATASETS_TABLE_SPLITS_H

#include "datasets/dataset.h"

enum { TABLE_SPLITS = 7 };

/* Source splits train and one to test on; the last 1, 10 or 20 per cent of train are `val`. */
extern const struct split_desc splits_99_1[TABLE_SPLITS], splits_90_10[TABLE_SPLITS],
    splits_80_20[TABLE_SPLITS];
/* One source split, cut into train, val and test. */
extern const struct split_desc splits_60_20_20[TABLE_SPLITS], splits_80_10_10[TABLE_SPLITS];
/* Source splits train, validation and test. */
extern const struct split_desc splits_three[TABLE_SPLITS];
/* Source splits train and test, whose first half is `val`. */
extern const struct split_desc splits_smallnorb[TABLE_SPLITS];

#endif
