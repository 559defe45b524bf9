/* Opening, closing and error texts of HDF5 files; h5_write.c and h5_read.c do the rest.
 * Images live in libhdf5's core driver without a backing store: writing hands the image out
 * with H5Fget_file_image, reading lends the caller's bytes to the driver through file image
 * callbacks, so nothing is copied. */
#include "harness/base/h5.h"

#include "harness/base/err.h"
#include "harness/base/h5_private.h"
#include "harness/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROW_BYTES = 1 << 16,
       IMAGE_PATH = 40 };

size_t h5_item_bytes(enum h5_type t)
{
    switch (t) {
    case H5_F32:
    case H5_I32:
        return 4;
    case H5_F64:
    case H5_I64:
    case H5_U64:
        return 8;
    case H5_U16:
        return 2;
    case H5_U8:
        return 1;
    }
    assert(false);
    return 0;
}

hid_t h5_type_id(enum h5_type t)
{
    switch (t) {
    case H5_F32:
        return H5T_IEEE_F32LE;
    case H5_F64:
        return H5T_IEEE_F64LE;
    case H5_I32:
        return H5T_STD_I32LE;
    case H5_I64:
        return H5T_STD_I64LE;
    case H5_U16:
        return H5T_STD_U16LE;
    case H5_U64:
        return H5T_STD_U64LE;
    case H5_U8:
        return H5T_STD_U8LE;
    }
    assert(false);
    return H5I_INVALID_HID;
}

static herr_t first_message(unsigned depth, const H5E_error2_t *item, void *ctx)
{
    char *text = ctx;
    if (depth == 0) {
        snprintf(text, 256, "%s", item->desc ? item->desc : "no message");
    }
    return 0;
}

int h5_fail(const struct h5 *h, const char *object, const char *what, struct err *e)
{
    char text[256] = "no message";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_message, text);
    return err_set(e, h->image_bytes ? ERR_FORMAT : ERR_IO, "%s: %s: %s: HDF5: %s", h->name,
                   object, what, text);
}

struct h5 *h5_new(const char *name, struct err *e)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    /* A file must not make the library load code or open another file. */
    H5PLset_loading_state(0);
    if (H5Lis_registered(H5L_TYPE_EXTERNAL) > 0) {
        H5Lunregister(H5L_TYPE_EXTERNAL);
    }
    struct h5 *h = mem_take(1, sizeof *h, e);
    if (!h) {
        return NULL;
    }
    h->file = H5I_INVALID_HID;
    h->name = mem_strdup(name, e);
    if (!h->name) {
        free(h);
        return NULL;
    }
    return h;
}

static void release(struct h5 *h)
{
    free(h->name);
    free(h);
}

/* What libhdf5 is to call an image: it would look for a file of that name, and take two open
 * images of one name for the same, so nothing else may be called so. */
static void image_path(char path[IMAGE_PATH], const struct h5 *h)
{
    snprintf(path, IMAGE_PATH, "/dev/null/%p", (const void *)h);
}

/* path NULL: an image. Takes over fapl. */
static int create(struct h5 **out, const char *path, hid_t fapl, size_t user_block, struct err *e)
{
    char image[IMAGE_PATH];
    struct h5 *h = h5_new(path ? path : "new HDF5 image", e);
    if (!h) {
        H5Pclose(fapl);
        return -1;
    }
    h->user_block = user_block;
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(fcpl, user_block);
    H5Pset_obj_track_times(fcpl, 0);
    /* Small index nodes (the defaults are 2 KiB a packed array, 0.5 KiB a group) and no space set
     * aside between objects: arrays have one chunk or a few, groups a few members. */
    H5Pset_istore_k(fcpl, 2);
    H5Pset_sym_k(fcpl, 2, 4);
    H5Pset_meta_block_size(fapl, 0);
    H5Pset_small_data_block_size(fapl, 0);
    image_path(image, h);
    h->file = H5Fcreate(path ? path : image, H5F_ACC_TRUNC, fcpl, fapl);
    int rc = h->file < 0 ? h5_fail(h, "/", "cannot create", e) : 0;
    H5Pclose(fcpl);
    H5Pclose(fapl);
    if (rc) {
        release(h);
        return -1;
    }
    *out = h;
    return 0;
}

int h5_create(struct h5 **h, size_t user_block, struct err *e)
{
    assert(user_block == 0 || (user_block >= 512 && (user_block & (user_block - 1)) == 0));
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(fapl, GROW_BYTES, 0);
    return create(h, NULL, fapl, user_block, e);
}

int h5_create_file(struct h5 **h, const char *path, struct err *e)
{
    return create(h, path, H5Pcreate(H5P_FILE_ACCESS), 0, e);
}

int h5_finish(struct h5 *h, unsigned char **bytes, size_t *n, struct err *e)
{
    unsigned char *image = NULL;
    size_t block = h->user_block;
    ssize_t size = -1; /* of the image without its user block */
    int rc = -1;
    if (H5Fflush(h->file, H5F_SCOPE_LOCAL) < 0 ||
        (size = H5Fget_file_image(h->file, NULL, 0)) < 0) {
        h5_fail(h, "/", "cannot finish", e);
    } else if ((image = mem_take(block + (size_t)size, 1, e))) {
        rc = 0;
        if (H5Fget_file_image(h->file, image + block, (size_t)size) != size) {
            rc = h5_fail(h, "/", "cannot finish", e);
        }
    }
    if (h5_close(h, rc ? NULL : e)) {
        rc = -1;
    }
    if (rc) {
        free(image);
        return -1;
    }
    *bytes = image;
    *n = block + (size_t)size;
    return 0;
}

int h5_close(struct h5 *h, struct err *e)
{
    if (!h) {
        return 0;
    }
    int rc = H5Fclose(h->file) < 0 ? h5_fail(h, "/", "cannot close", e) : 0;
    release(h);
    return rc;
}

/* File image callbacks: every "copy" is the caller's own buffer. The file is opened for reading
 * only, so the driver never writes into it or resizes it. */
static void *lend(size_t size, H5FD_file_image_op_t op, void *bytes)
{
    (void)size;
    (void)op;
    return bytes;
}

static void *lend_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t op,
                       void *bytes)
{
    (void)from;
    (void)size;
    (void)op;
    return to == bytes ? to : NULL;
}

static void *lend_resize(void *p, size_t size, H5FD_file_image_op_t op, void *bytes)
{
    (void)p;
    (void)size;
    (void)op;
    (void)bytes;
    return NULL;
}

static herr_t lend_free(void *p, H5FD_file_image_op_t op, void *bytes)
{
    (void)op;
    return p == bytes ? 0 : -1;
}

static void *lend_same(void *bytes)
{
    return bytes;
}

static herr_t lend_done(void *bytes)
{
    (void)bytes;
    return 0;
}

int h5_open(struct h5 **out, const unsigned char *bytes, size_t n, const char *name,
            struct err *e)
{
    if (n == 0) {
        return err_set(e, ERR_FORMAT, "%s: empty, not an HDF5 file", name);
    }
    struct h5 *h = h5_new(name, e);
    if (!h) {
        return -1;
    }
    h->image_bytes = n;
    void *lent = (void *)(uintptr_t)bytes; /* only read: see the callbacks */
    H5FD_file_image_callbacks_t callbacks = {lend, lend_copy, lend_resize, lend_free,
                                             lend_same, lend_done, lent};
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(fapl, GROW_BYTES, 0);
    H5Pset_file_image_callbacks(fapl, &callbacks);
    H5Pset_file_image(fapl, lent, n);
    char image[IMAGE_PATH];
    image_path(image, h);
    h->file = H5Fopen(image, H5F_ACC_RDONLY, fapl);
    int rc = h->file < 0 ? h5_fail(h, "/", "cannot open", e) : 0;
    H5Pclose(fapl);
    if (rc) {
        release(h);
        return -1;
    }
    *out = h;
    return 0;
}

const char *h5_version(void)
{
    return H5_VERS_INFO;
}
