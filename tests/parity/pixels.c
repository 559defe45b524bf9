/* Pixels against other people's libraries: decoding, resizing, whole preprocessings and
 * augmentations over a folder of the form of tests/parity/pixels (see its README): the program's
 * argument, or that one. Whatever has no counterpart here is counted and named with the reason; a
 * file of the folder, or a member of an archive in it, that nothing looked at is a failure.
 *
 * A case passes when the SHA-256 of the whole output is the library's. Where the library reaches
 * -1..1 in other steps than we do, the output in the library's steps must have its hash and ours
 * must lie within 1e-6 of it: four roundings to fp32 of values up to 2 are below 5e-7. */
#include "tests/parity/pixels_augment.h"
#include "tests/parity/pixels_decode.h"
#include "tests/parity/pixels_pipelines.h"
#include "tests/parity/pixels_resize.h"

/* Every PREFIX*.tsv of a folder, in order of the names. */
static void section(const char *folder, const char *prefix, void (*fn)(char *const field[FIELDS]))
{
    char path[PATH], name[PATH];
    struct file_list l;
    struct err e = {0};
    size_t before = suite.n;
    suite.worst = 0.0;
    if (!in_folder(path, folder) || file_list_read(&l, path, &e)) {
        printf("# no folder %s: %s\n", folder, e.text);
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        size_t len = strlen(l.names[i]);
        if (strncmp(l.names[i], prefix, strlen(prefix)) == 0 && len > 4 &&
            strcmp(l.names[i] + len - 4, ".tsv") == 0 &&
            file_join(name, sizeof name, folder, l.names[i], NULL) == 0) {
            each_row(name, fn);
        }
    }
    file_list_release(&l);
    printf("# %s/%s: %zu cases, worst |error| %g\n", folder, prefix, suite.n - before, suite.worst);
}

static bool was_used(const char *name)
{
    for (size_t i = 0; i < suite.used.n; i++) {
        if (strcmp(suite.used.v[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Members of an archive that no case asked for. */
static void check_members(const char *npz)
{
    char path[PATH], name[2 * PATH];
    struct zip z;
    struct err e = {0};
    size_t unused = 0;
    if (!in_folder(path, npz) || zip_open(&z, path, &e)) {
        report(false, HUGE_VAL, 0.0, "%s: %s", npz, e.text);
        return;
    }
    for (size_t i = 0; i < z.n_members; i++) {
        snprintf(name, sizeof name, "%s:%s", npz, z.members[i].name);
        if (!was_used(name)) {
            printf("# unused: %s\n", name);
            unused++;
        }
    }
    report(unused == 0, 0.0, 0.0, "all %zu arrays of %s are compared", z.n_members, npz);
    zip_close(&z);
}

/* Everything below a folder ("" = all) has been looked at, but for texts about it and makers. */
static void check_used(const char *folder)
{
    static const char *const about[] = {"README.md", ".py", "verify.tsv"};
    char path[2 * PATH], name[PATH];
    struct file_list l;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/%s", suite.dir, folder);
    if (file_list_read(&l, path, &e)) {
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        struct file_list below;
        bool text = false;
        if (file_join(name, sizeof name, *folder ? folder : ".", l.names[i], NULL)) {
            continue;
        }
        memmove(name, name + (*folder ? 0 : 2), strlen(name) + 1 - (*folder ? 0 : 2));
        snprintf(path, sizeof path, "%s/%s", suite.dir, name);
        for (size_t k = 0; k < ARRAY_LEN(about); k++) {
            text = text || ends_in(name, about[k]);
        }
        if (file_list_read(&below, path, NULL) == 0) {
            file_list_release(&below);
            check_used(name);
        } else if (!text && ends_in(name, ".npz")) {
            check_members(name);
        } else if (!text && !was_used(name)) {
            report(false, HUGE_VAL, 0.0, "%s: nothing looks at this file", name);
        }
    }
    file_list_release(&l);
}

int main(int argc, char **argv)
{
    suite.dir = argc > 1 ? argv[1] : "tests/parity/pixels";
    section("decode", "manifest.", manifest_case);
    section("decode", "sha256.", decode_case);
    section("decode", "real.", real_case);
    section("resize", "sha256.", resize_case);
    section("pipelines", "stats.", pipeline_case);
    section("augment", "bit_crop_tf", crop_tf_case);
    section("augment", "bit_crop_pytorch", crop_pytorch_case);
    section("augment", "box_resize", box_case);
    section("augment", "random_resized", rrc_case);
    section("augment", "inception_boxes", inception_box_case);
    section("augment", "inception_stats", inception_stats_case);
    mixup_section();
    check_used("");
    for (size_t i = 0; i < suite.left.n; i++) {
        printf("# not covered: %s: %zu cases: %s\n", suite.left.v[i].name, suite.left.v[i].n,
               suite.left.v[i].why);
    }
    printf("1..%zu\n", suite.n);
    transform_scratch_release(&suite.scratch);
    met_release(&suite.used);
    met_release(&suite.left);
    free(real.bytes);
    return suite.failed || suite.n == 0;
}
