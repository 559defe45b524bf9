/* The table of classes in ILSVRC's development kit: the struct array `synsets` of meta.mat. */
#ifndef BITBENCH_DATASETS_CODEC_SYNSETS_H
#define BITBENCH_DATASETS_CODEC_SYNSETS_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { SYNSETS_N = 1000,
       SYNSETS_WNID = 16 };

/* wnids[i] becomes the WNID of the class whose ILSVRC2012_ID is i + 1, for the 1000 classes of the
 * task (higher ids are inner nodes of the tree). name is for messages. */
int synsets_read(char (*wnids)[SYNSETS_WNID], const unsigned char *bytes, size_t n,
                 const char *name, struct err *e);

#endif
