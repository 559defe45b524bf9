/* Private to the sources whose images are files in archives or folders: what they have in common.
 * A source opens archives, finds out the label of each image and adds it; the rest is here. */
#ifndef BITBENCH_DATASETS_IMAGES_H
#define BITBENCH_DATASETS_IMAGES_H

#include <stdint.h>
#include "datasets/archive.h"
#include "datasets/source.h"

/* The key (= id) of an image, from the end of its member's name, "tail". */
enum images_key {
    IMAGES_KEY_TAIL,
    IMAGES_KEY_STEM,  /* the tail without its extension */
    IMAGES_KEY_CLASS, /* name of the class, '_', tail */
    IMAGES_KEY_SLASH, /* '/', tail */
};

struct images_item {
    uint32_t archive, member;
    int32_t label;
    uint32_t tail; /* where it begins in the member's name */
};

struct images {
    const struct dataset_desc *desc;
    const struct dataset_dirs *dirs; /* while it is being opened */
    enum images_key key;
    char where[SOURCE_PATH];
    struct archive **archives; /* owned */
    size_t n_archives, cap_archives;
    struct images_item *items[DATASET_MAX_SOURCE_SPLITS];
    size_t n[DATASET_MAX_SOURCE_SPLITS], cap[DATASET_MAX_SOURCE_SPLITS];
    size_t n_absent; /* images that are named and not there, see images_absent */
    char first_absent[512], last_absent[DATASET_ID], absent[1024];
};

/* Fills a source's images from what lies in one place. 1 = done, 0 = nothing of it is here, -1. */
typedef int images_fill_fn(struct images *im, const char *place, struct err *e);
/* The body of source_ops.open: tries every place; `what` names the files for people. */
int images_open(void **state, const struct dataset_desc *d, enum images_key key,
                images_fill_fn *fill, const char *what, const struct dataset_dirs *where,
                struct err *e);

/* Opens the first of the names (NULL behind the last) that exists in place, and sets *a. 1, 0 or
 * -1 as above. The first archive opened names the data set's place. */
int images_find(struct images *im, const char *place, const char *const *names,
                struct archive **a, struct err *e);
/* Takes an archive over, also when it fails. Its number is the one of the last in archives. */
int images_take(struct images *im, struct archive *a, struct err *e);

/* Adds a member of archives[archive] as an image. */
int images_add(struct images *im, size_t source_split, size_t archive, size_t member,
               int32_t label, size_t tail, struct err *e);
int images_unique(const struct images *im, struct err *e); /* no key twice in or across splits */
/* Notes an image that a list names and the archive lacks; by: where it is named. */
void images_absent(struct images *im, const char *by, const char *image, const struct archive *a);
/* The label of a class name of n bytes, or -1. */
int32_t images_class(const struct images *im, const char *name, size_t n);

/* Reads a text file beside the archives. 1, 0 or -1. */
int images_text(const char *place, const char *name, unsigned char **text, size_t *n,
                struct err *e);
/* The same for a member, by the end of its name; ERR_ABSENT "TAIL missing in ARCHIVE". */
int images_member_text(const struct archive *a, const char *tail, unsigned char **text, size_t *n,
                       struct err *e);

/* Lines of a text file of n bytes: 1 with *line [*len] and *number counted from 1, 0 at the end.
 * Spaces and CR at the end are cut, empty lines left out. Start with zeroed fields. */
struct images_lines {
    const char *text;
    size_t n, at, number, len;
    const char *line;
};
int images_next_line(struct images_lines *l);

/* Members of struct source_ops. */
void images_close(void *state);
size_t images_count(const void *state, size_t source_split);
int32_t images_label(const void *state, size_t source_split, size_t i);
void images_copy_key(const void *state, size_t source_split, size_t i, char key[DATASET_ID]);
size_t images_encoded_bytes(const void *state, size_t source_split, size_t i);
int images_read(const void *state, size_t source_split, size_t i, struct sample_buf *buf,
                struct sample *out, struct err *e);
void images_hint(const void *state, size_t source_split, size_t i);
const char *images_where(const void *state);
const char *images_incomplete(const void *state);

/* The members of struct source_ops that are the same for all of these. */
#define IMAGES_OPS                                                                               \
    .close = images_close, .count = images_count, .label = images_label, .key = images_copy_key, \
    .encoded_bytes = images_encoded_bytes, .read = images_read, .hint = images_hint,             \
    .where = images_where, .incomplete = images_incomplete

extern const struct source_ops source_ilsvrc2012, source_caltech101, source_dtd, source_flowers102,
    source_pets, source_sun397, source_eurosat, source_resisc45, source_retinopathy,
    source_retinopathy_photos;

/* For numeric_id. */
#define IMAGES_SOURCES                                                                      \
    "datasets/images.c datasets/archive.c datasets/archive_folder.c datasets/codec/blob.c " \
    "datasets/index_cache.c "                                                               \
    "datasets/codec/gzip_seek.c datasets/codec/tar_index.c"

#endif
