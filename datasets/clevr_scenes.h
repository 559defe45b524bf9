/* CLEVR's scene files: hundreds of megabytes of JSON, read one scene at a time. */
#ifndef BITBENCH_DATASETS_CLEVR_SCENES_H
#define BITBENCH_DATASETS_CLEVR_SCENES_H

#include <stddef.h>

struct err;
struct json;
struct spool;

/* Calls fn for each element of the member "scenes" of the document. Stops with -1
 * where fn does not return 0. ERR_FORMAT names the position of what is no JSON. */
typedef int clevr_scene_fn(void *ctx, const struct json *scene, size_t i, struct err *e);
int clevr_scenes_read(struct spool *text, clevr_scene_fn *fn, void *ctx, struct err *e);

#endif
