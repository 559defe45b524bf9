/* Whether a file that a command is asked to write may be written. */
#include "harness/output.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include <stddef.h>

int output_check(const char *path, bool force, struct err *e)
{
    if (!path || !file_exists(path)) {
        return 0;
    }
    if (file_is_dir(path)) {
        return err_set(e, ERR_USAGE, "%s is a folder, not a file to write", path);
    }
    return force ? 0
                 : err_set(e, ERR_USAGE, "%s is there already; --force replaces it", path);
}
