/* What an image file says about itself beside its pixels: for checking a data set. */
#ifndef BITBENCH_DATASETS_IMAGE_FACTS_H
#define BITBENCH_DATASETS_IMAGE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_facts {
    const char *format; /* by its first bytes: "JPEG"...; NULL: no image */
    /* Of a JPEG: */
    unsigned components;  /* 1, 3, 4; 0 where its header is missing or damaged */
    bool ycck;            /* 4 components, as YCCK by Adobe's marker */
    unsigned orientation; /* EXIF: 1 upright or not said, 2 to 8 turned or mirrored */
};
/* Never fails: what cannot be found is as above. */
void image_facts_read(struct image_facts *f, const uint8_t *bytes, size_t n);

/* Does the end of a file's name speak of another format? False where it speaks of none. */
bool image_facts_wrong_name(const struct image_facts *f, const char *name);

#endif
