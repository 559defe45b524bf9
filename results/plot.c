/* plot_write: from records to the three files of a picture. */
#include "results/plot.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/note.h"
#include "results/plot_private.h"
#include "results/report.h"
#include "results/view.h"

enum {
    MAX_LINES = 21, /* seven colours, three kinds of lines */
    MAX_PANELS = 64
};

/* ---- names of the files ---- */

static int kind_of(const char *path, enum plot_kind *kind, size_t *stem, struct err *e)
{
    static const struct {
        const char *ending;
        enum plot_kind kind;
    } kinds[] = {{".svg", PLOT_SVG}, {".png", PLOT_PNG}, {".pdf", PLOT_PDF}};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_ends(name, kinds[i].ending) && strcmp(name, kinds[i].ending) != 0) {
            *kind = kinds[i].kind;
            *stem = strlen(path) - strlen(kinds[i].ending);
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "%s: a picture's name ends in .svg, .png or .pdf", path);
}

static bool has_control(const char *path)
{
    for (; *path; path++) {
        if ((unsigned char)*path < 0x20 || *path == 0x7f) {
            return true;
        }
    }
    return false;
}

int plot_files_init(struct plot_files *p, const char *path, struct err *e)
{
    size_t stem = 0;
    *p = (struct plot_files){0};
    if (has_control(path)) {
        return err_set(e, ERR_USAGE,
                       "a picture's name must not hold line breaks or other control characters");
    }
    if (kind_of(path, &p->kind, &stem, e)) {
        return -1;
    }
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    str_add_n(&p->folder, path, folder);
    str_add(&p->folder, folder ? "" : ".");
    str_addf(&p->picture, "./%s", path + folder);
    str_addf(&p->data, "./%.*s.dat", (int)(stem - folder), path + folder);
    str_addf(&p->script, "./%.*s.gp", (int)(stem - folder), path + folder);
    str_addf(&p->data_path, "%.*s.dat", (int)stem, path);
    str_addf(&p->script_path, "%.*s.gp", (int)stem, path);
    if (str_check(&p->folder, e) || str_check(&p->picture, e) || str_check(&p->data, e) ||
        str_check(&p->script, e) || str_check(&p->data_path, e) || str_check(&p->script_path, e)) {
        plot_files_release(p);
        return -1;
    }
    return 0;
}

void plot_files_release(struct plot_files *p)
{
    struct str *const texts[] = {&p->folder, &p->picture, &p->data,
                                 &p->script, &p->data_path, &p->script_path};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        str_release(texts[i]);
    }
}

/* ---- writing ---- */

static int write_text(const char *path, const struct str *text, struct err *e)
{
    return str_check(text, e) || file_write(path, text->data, text->len, e) ? -1 : 0;
}

int plot_draw(const struct plot_files *p, const char *gnuplot, const char *path, struct err *e)
{
    struct file_out f = {0};
    struct stat st;
    char absolute[PATH_MAX];
    if (file_out_open(&f, path, e)) {
        return -1;
    }
    int status = -1;
    if (!realpath(f.tmp, absolute)) {
        err_errno(e, "%s", f.tmp);
    } else if (plot_run(gnuplot, p, absolute, e) == 0) {
        if (stat(f.tmp, &st) || st.st_size == 0) {
            err_set(e, ERR_IO, "gnuplot drew nothing (script: %s)", str_text(&p->script_path));
        } else {
            status = file_out_commit(&f, e);
        }
    }
    file_out_abort(&f);
    return status;
}

static int check_figure(const struct figure *f, struct err *e)
{
    if (f->labels.n > MAX_LINES) {
        return err_set(
            e, ERR_USAGE,
            "%zu lines cannot be told apart in one plot (at most %d): choose some by --where, "
            "or spread them by --facet",
            f->labels.n, MAX_LINES);
    }
    if (f->panels.n > MAX_PANELS) {
        return err_set(e, ERR_USAGE,
                       "%zu panels are too many for one plot (at most %d): choose some by --where",
                       f->panels.n, MAX_PANELS);
    }
    return 0;
}

static void tell(const struct figure *f, const struct selection_axes *a)
{
    if (f->n_left_out) {
        note(NOTE_INFO, "plot: %zu setting%s without a number for %s left out", f->n_left_out,
             f->n_left_out == 1 ? "" : "s", view_head(a->x));
    }
    if (f->n_not_finite) {
        note(NOTE_WARNING, "plot: %zu value%s of %s not finite and cannot be drawn",
             f->n_not_finite, f->n_not_finite == 1 ? " is" : "s are", a->metric);
    }
}

static int write_figure(const struct report *r, const struct plot_opts *o,
                        const struct plot_files *p, const char *path, struct err *e)
{
    struct selection_axes a;
    struct figure f;
    struct str data = {0}, script = {0};
    if (axes_init(&a, r, o, e)) {
        return -1;
    }
    if (figure_init(&f, &a, o->title, e)) {
        axes_release(&a);
        return -1;
    }
    int status = check_figure(&f, e);
    if (status == 0) {
        plot_data_text(&f, p, a.metric, &data);
        plot_script_text(&f, p, &script);
        tell(&f, &a);
        status = write_text(str_text(&p->data_path), &data, e) ||
                         write_text(str_text(&p->script_path), &script, e) ||
                         plot_draw(p, o->gnuplot, path, e)
                     ? -1
                     : 0;
    }
    str_release(&data);
    str_release(&script);
    figure_release(&f);
    axes_release(&a);
    return status;
}

int plot_write(const struct record_list *l, const struct plot_opts *o, const char *path,
               struct err *e)
{
    struct plot_files p;
    struct report r;
    if (plot_files_init(&p, path, e)) {
        return -1;
    }
    int status = report_init(&r, l, e);
    if (status == 0) {
        status = write_figure(&r, o, &p, path, e);
        report_release(&r);
    }
    plot_files_release(&p);
    return status;
}
