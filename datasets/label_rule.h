/* Label rules: how a task makes its label out of what a source knows of an image. A row of the
 * table names the rule, so that one source serves several tasks. After VTAB
 * (task_adaptation/data); bins are compared in float32 as there, upper edges belong to the bin. */
#ifndef BITBENCH_DATASETS_LABEL_RULE_H
#define BITBENCH_DATASETS_LABEL_RULE_H

#include <stddef.h>
#include <stdint.h>

struct label_rule {
    const char *what;  /* the raw value, for messages: "azimuth" */
    const char *range; /* values that have a label: "0, 2 .. 34" */
    size_t column;     /* of the source's annotations, where it has several */
    /* The label of an image with the n raw values v, -1 where there is none. */
    int32_t (*label)(const float *v, size_t n);
};

extern const struct label_rule rule_svhn;                 /* y of 1..10; 10 is the digit 0 */
extern const struct label_rule rule_binary;               /* 0, 1 */
extern const struct label_rule rule_dmlab;                /* 0..5 */
extern const struct label_rule rule_smallnorb_azimuth;    /* info column 2: even, to 34 */
extern const struct label_rule rule_smallnorb_elevation;  /* info column 1 */
extern const struct label_rule rule_dsprites_location;    /* latent 4: 32 x positions in twos */
extern const struct label_rule rule_dsprites_orientation; /* latent 3: 40 angles, 2.5 a bin */
extern const struct label_rule rule_clevr_count;          /* v: the depth of each object */
extern const struct label_rule rule_clevr_distance;       /* the same; bins of the nearest one */
extern const struct label_rule rule_kitti_distance;       /* v: z of each car, van and truck */

#endif
