/* KITTI's split by video, as TFDS makes it (object_detection/kitti.py): which of the training
 * images are train, validation and test. */
#ifndef BITBENCH_DATASETS_KITTI_SPLIT_H
#define BITBENCH_DATASETS_KITTI_SPLIT_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* rand: the text of the development kit's mapping/train_rand.txt, for image i the 1-based line of
 * `mapping`, the text of train_mapping.txt, whose second word is the video that i is from. Both are
 * changed. *split [*n] gets 0 train, 1 validation, 2 test of each image; the caller frees it. */
int kitti_split(char *rand, char *mapping, uint8_t **split, size_t *n, struct err *e);

#endif
