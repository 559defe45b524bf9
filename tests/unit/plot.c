/* Plots: what is drawn where, the texts that gnuplot reads, and gnuplot itself where it is
 * installed: with names that a shell or gnuplot would take for commands. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/note.h"
#include "harness/base/tensor.h"
#include "results/plot.h"
#include "results/plot_private.h"
#include "results/report.h"
#include "tests/unit/made_records.h"
#include "tests/unit/plot_folder.h"

static const char *const models[] = {"pixels", "random:R50x1", "random:R101x1"};

/* ---- what is drawn ---- */

struct drawn {
    struct report r;
    struct selection_axes a;
    struct figure f;
};

static void draw(struct drawn *d, const struct record_list *l, const struct plot_opts *o)
{
    struct err e = {0};
    made_check(report_init(&d->r, l, &e) || axes_init(&d->a, &d->r, o, &e) ||
                   figure_init(&d->f, &d->a, o->title, &e),
               &e);
}

static void drawn_release(struct drawn *d)
{
    figure_release(&d->f);
    axes_release(&d->a);
    report_release(&d->r);
}

/* Few-shot cells are the lines, their medians the points on them; linear probes stand beside. */
static void test_default(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct drawn d;
    made_sweep(&l, "fashion-mnist", models, 3, true);
    draw(&d, &l, &(struct plot_opts){0});
    const struct figure *f = &d.f;
    assert_string_equal(d.a.x, "regime.k");
    assert_null(d.a.facet);
    assert_string_equal(str_text(&f->title), "fashion-mnist: few-shot, ridge regression");
    has(str_text(&f->subtitle), "nested draws, l2 by leave-one-out among 31 values");
    has(str_text(&f->subtitle), "32 px; 5 replicates and median");
    assert_string_equal(str_text(&f->y_title), "top-1 accuracy (%)");
    assert_string_equal(str_text(&f->x_title), "training images per class");
    assert_string_equal(str_text(&f->reference_title),
                        "logistic regression on all training images");
    assert_int_equal(f->panels.n, 1);
    assert_int_equal(f->labels.n, 3);
    assert_string_equal(f->labels.items[1], "random:R50x1");
    assert_int_equal(f->n, 3);
    assert_int_equal(f->n_left_out, 0);
    static const double shots[] = {1, 5, 10, 25};
    for (size_t i = 0; i < 3; i++) {
        const struct figure_line *line = &f->lines[i];
        assert_int_equal(line->n, 4);
        assert_true(line->has_reference);
        assert_true(fabs(line->reference - (0.82 + 0.03 * (double)i)) < 1e-12);
        for (size_t k = 0; k < 4; k++) {
            assert_true(!(line->points[k].x < shots[k]) && !(line->points[k].x > shots[k]));
            assert_int_equal(line->points[k].n, 5);
        }
    }
    drawn_release(&d);
    made_release(&l);
}

/* Probes of another preprocessing are no reference; two candidates are none either. */
static void test_reference(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct drawn d;
    made_sweep(&l, "d", models, 2, false);
    made_add(&l, &(struct made_cell){"d", "pixels", .size = 64, .top1 = 0.9});
    made_add(&l, &(struct made_cell){"d", "random:R50x1", .top1 = 0.9});
    made_add(&l, &(struct made_cell){"d", "random:R50x1", .n_test = 9, .top1 = 0.9});
    draw(&d, &l, &(struct plot_opts){0});
    assert_false(d.f.lines[0].has_reference);
    assert_false(d.f.lines[1].has_reference);
    assert_int_equal(d.f.n_left_out, 3);
    assert_int_equal(d.f.reference_title.len, 0);
    drawn_release(&d);
    made_release(&l);
}

/* A swept knob never hides in a line: it makes lines of its own, even when by says otherwise. */
static void test_no_mixing(void **state)
{
    (void)state;
    static const char *const l2[] = {"1", "16", "256"};
    struct record_list l = {0};
    struct drawn d;
    for (size_t i = 0; i < 3; i++) {
        for (int k = 1; k < 9; k *= 2) {
            made_add(&l, &(struct made_cell){"d", "m", .k = k, .l2 = l2[i], .top1 = 0.1 * k});
        }
    }
    draw(&d, &l, &(struct plot_opts){0});
    assert_int_equal(d.f.n, 3);
    assert_string_equal(d.f.labels.items[0], "l2 1");
    assert_string_equal(d.f.labels.items[2], "l2 256");
    drawn_release(&d);
    draw(&d, &l, &(struct plot_opts){.by = "model"});
    assert_int_equal(d.f.n, 3);
    drawn_release(&d);
    draw(&d, &l, &(struct plot_opts){.x = "l2", .by = "shots"});
    assert_int_equal(d.f.n, 4);
    assert_string_equal(d.f.labels.items[3], "shots 8");
    assert_int_equal(d.f.lines[3].n, 3);
    drawn_release(&d);
    static const char *const where[] = {"shots=2", "regime.k=4", "adapt.l2=16.0"};
    draw(&d, &l, &(struct plot_opts){.facet = "shots", .where = where, .n_where = 3});
    assert_int_equal(d.f.panels.n, 2);
    assert_string_equal(d.f.panels.items[1], "shots 4");
    assert_int_equal(d.f.n, 2);
    drawn_release(&d);
    made_release(&l);
}

/* Many values of one knob make the axis, few shots the lines. */
static void test_grid(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct drawn d;
    for (int i = 0; i < 23; i++) {
        char l2[32];
        snprintf(l2, sizeof l2, "%.10g", ldexp(1, i - 10));
        made_add(&l, &(struct made_cell){"d", "m", .k = 1, .l2 = l2, .top1 = 0.5});
        made_add(&l, &(struct made_cell){"d", "m", .k = 5, .l2 = l2, .top1 = 0.6});
    }
    draw(&d, &l, &(struct plot_opts){0});
    assert_string_equal(d.a.x, "adapt.l2");
    assert_int_equal(d.f.n, 2);
    assert_int_equal(d.f.lines[0].n, 23);
    drawn_release(&d);
    made_release(&l);
}

/* Two sizes that a sweep zips are one axis; what else varies makes lines, also with the sizes. */
static void test_zipped(void **state)
{
    (void)state;
    static const int sizes[][2] = {{160, 128}, {72, 64}, {40, 32}, {18, 16}};
    struct record_list l = {0};
    struct drawn d;
    for (size_t i = 0; i < 4; i++) {
        struct made_cell c = {"d", "m", .k = 5, .resize = sizes[i][0], .size = sizes[i][1]};
        for (int draw = 0; draw < 3; draw++) {
            c.draw = draw;
            c.top1 = 0.5 + 0.1 * (double)i + 0.01 * draw;
            made_add(&l, &c);
        }
    }
    draw(&d, &l, &(struct plot_opts){0});
    assert_string_equal(d.a.x, "preprocess.crop");
    assert_int_equal(d.f.n, 1);
    assert_int_equal(d.f.lines[0].n, 4);
    drawn_release(&d);
    draw(&d, &l, &(struct plot_opts){.x = "preprocess.resize"});
    assert_int_equal(d.f.n, 1);
    drawn_release(&d);
    made_add(&l, &(struct made_cell){"d", "m", .k = 5, .resize = 144, .size = 128, .top1 = 0.5});
    draw(&d, &l, &(struct plot_opts){0});
    assert_true(d.f.n > 1); /* 128 does not say which resize any more */
    drawn_release(&d);
    made_release(&l);
}

/* Words make rows, in natural order; data sets make panels. */
static void test_categories(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct drawn d;
    static const char *const where[] = {"regime=full"};
    made_sweep(&l, "b", models, 3, true);
    made_sweep(&l, "a", models, 3, true);
    draw(&d, &l, &(struct plot_opts){.where = where, .n_where = 1});
    assert_string_equal(d.a.x, "model");
    assert_int_equal(d.f.categories.n, 3);
    assert_string_equal(d.f.categories.items[0], "pixels");
    assert_string_equal(d.f.categories.items[1], "random:R50x1");
    assert_string_equal(d.f.categories.items[2], "random:R101x1");
    assert_int_equal(d.f.panels.n, 2);
    assert_string_equal(d.f.panels.items[0], "a");
    assert_int_equal(d.f.labels.n, 1);
    assert_string_equal(d.f.labels.items[0], "");
    assert_string_equal(str_text(&d.f.title), "Full training set, logistic regression");
    drawn_release(&d);
    draw(&d, &l, &(struct plot_opts){.x = "model"});
    assert_int_equal(d.f.labels.n, 5);
    assert_string_equal(d.f.labels.items[4], "shots all");
    drawn_release(&d);
    made_release(&l);
}

/* Values that are not finite are left out and counted. */
static void test_not_finite(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct drawn d;
    struct err e = {0};
    made_sweep(&l, "d", models, 1, false);
    for (size_t i = 0; i < l.n; i++) {
        made_check(record_metric(&l.records[i], "nll", i < 3 ? (double)INFINITY : 2, false, &e),
                   &e);
    }
    draw(&d, &l, &(struct plot_opts){.y = "nll"});
    assert_int_equal(d.f.n_not_finite, 3);
    assert_int_equal(figure_count_values(&d.f.lines[0]), 17);
    assert_int_equal(figure_count_medians(&d.f.lines[0]), 3);
    drawn_release(&d);
    made_release(&l);
}

static void test_metric_axis(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct drawn d;
    struct err e = {0};
    made_sweep(&l, "d", models, 2, true);
    for (size_t i = 0; i < l.n; i++) {
        double k = atof(pairs_get(&l.records[i].knobs, "regime.k"));
        made_check(record_metric(&l.records[i], "n_train", k > 0 ? 10 * k : 60000, true, &e), &e);
    }
    static const char *const where[] = {"adapt=ridge"};
    draw(&d, &l, &(struct plot_opts){.x = "n_train", .where = where, .n_where = 1});
    assert_int_equal(d.f.categories.n, 0);
    assert_string_equal(str_text(&d.f.x_title), "training images");
    has(d.f.labels.items[0], "pixels, shots 1");
    drawn_release(&d);
    made_release(&l);
}

/* ---- errors ---- */

static void refused(const struct record_list *l, const struct plot_opts *o, const char *name,
                    enum err_code code, const char *part)
{
    struct err e = {0};
    assert_int_equal(plot_write(l, o, in_folder(name), &e), -1);
    if (e.code != code) {
        fail_msg("code %d, expected %d: %s", (int)e.code, (int)code, e.text);
    }
    has(e.text, part);
}

static void test_errors(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct plot_opts none = {0};
    refused(&l, &none, "a.svg", ERR_USAGE, "nothing to plot");
    made_sweep(&l, "d", models, 2, true);
    refused(&l, &none, "a.jpg", ERR_USAGE, "ends in .svg, .png or .pdf");
    refused(&l, &none, ".svg", ERR_USAGE, "ends in .svg");
    refused(&l, &none, "a\nb.svg", ERR_USAGE, "line breaks");
    refused(&l, &none, "no/such/a.svg", ERR_USAGE, "there is no folder");
    refused(&l, &(struct plot_opts){.x = "shotz"}, "a.svg", ERR_USAGE, "did you mean 'shots'");
    refused(&l, &(struct plot_opts){.x = "topp5"}, "a.svg", ERR_USAGE, "'top5'");
    refused(&l, &(struct plot_opts){.y = "top2"}, "a.svg", ERR_USAGE, "did you mean 'top1'");
    refused(&l, &(struct plot_opts){.by = "modle"}, "a.svg", ERR_USAGE, "did you mean 'model'");
    refused(&l, &(struct plot_opts){.facet = "datset"}, "a.svg", ERR_USAGE, "'dataset'");
    static const char *const knob[] = {"regime.kk=5"}, *const value[] = {"regime.k=7"},
                             *const form[] = {"regime.k"};
    refused(&l, &(struct plot_opts){.where = knob, .n_where = 1}, "a.svg", ERR_USAGE, "'regime.k'");
    refused(&l, &(struct plot_opts){.where = value, .n_where = 1}, "a.svg", ERR_USAGE,
            "no finished cell has top1 and regime.k=7");
    refused(&l, &(struct plot_opts){.where = form, .n_where = 1}, "a.svg", ERR_USAGE, "KNOB=VALUE");
    struct file_list files;
    assert_int_equal(file_list_read(&files, folder, NULL), 0);
    assert_int_equal(files.n, 0);
    file_list_release(&files);
    for (int k = 30; k < 60; k++) {
        for (int s = 8; s < 40; s += 8) {
            char model[16];
            snprintf(model, sizeof model, "m%d", k);
            made_add(&l, &(struct made_cell){"d", model, .k = s, .top1 = 0.5});
        }
    }
    refused(&l, &none, "a.svg", ERR_USAGE, "32 lines cannot be told apart");
    made_release(&l);
    /* The same place in two protocols: no line may join them. */
    made_sweep(&l, "d", models, 1, false);
    made_add(&l, &(struct made_cell){"d", "pixels", .k = 5, .n_test = 21, .top1 = 0.5});
    refused(&l, &none, "a.svg", ERR_FORMAT, "test: 10000/10000 against 21/10000");
    made_release(&l);
}

/* Without gnuplot the data and the script are there; what it says is in the error. */
static void test_programs(void **state)
{
    (void)state;
    struct record_list l = {0};
    struct err e = {0};
    char path[4096];
    made_sweep(&l, "d", models, 2, true);
    refused(&l, &(struct plot_opts){.gnuplot = "/nonexistent/gnuplot"}, "a.svg", ERR_ABSENT,
            "apt-get install gnuplot-nox; the data and the script are in");
    assert_true(file_exists(in_folder("a.dat")));
    assert_true(file_exists(in_folder("a.gp")));
    assert_false(file_exists(in_folder("a.svg")));
    static const struct {
        const char *script, *says;
    } fakes[] = {
        {"#!/bin/sh\necho 'line 3: no such thing' >&2\nexit 1\n",
         "gnuplot failed: line 3: no such"},
        {"#!/bin/sh\necho 'x.gp line 9: warning: Skipping data' >&2\n",
         "gnuplot warns: x.gp line 9"},
        {"#!/bin/sh\nexit 0\n", "gnuplot drew nothing"},
        {"#!/bin/sh\nkill -9 $$\n", "gnuplot was killed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        snprintf(path, sizeof path, "%s", in_folder("fake"));
        made_check(file_write(path, fakes[i].script, strlen(fakes[i].script), &e), &e);
        assert_int_equal(chmod(path, 0755), 0);
        refused(&l, &(struct plot_opts){.gnuplot = path}, "a.svg", ERR_IO, fakes[i].says);
        assert_false(file_exists(in_folder("a.svg")));
    }
    char version[64];
    assert_false(plot_gnuplot_version("/nonexistent/gnuplot", version, sizeof version));
    assert_false(plot_gnuplot_version(path, version, sizeof version));
    struct file_list files; /* no temporary file is left */
    assert_int_equal(file_list_read(&files, folder, NULL), 0);
    assert_int_equal(files.n, 3);
    file_list_release(&files);
    made_release(&l);
}

/* ---- texts ---- */

static void quoted(const char *text, const char *want, const char *want_tic)
{
    struct str out = {0};
    plot_quote(&out, text);
    assert_string_equal(str_text(&out), want);
    str_clear(&out);
    plot_quote_tic(&out, text);
    assert_string_equal(str_text(&out), want_tic);
    str_release(&out);
}

static void test_quotes(void **state)
{
    (void)state;
    quoted("a'b_{c}", "'a''b_{c}'", "'a''b_{c}'");
    quoted("`touch x`", "'`touch x`'", "'`touch x`'");
    quoted("50% \"$(id)\"", "'50% \"$(id)\"'", "'50%% \"$(id)\"'");
    quoted("'\nset output 'x", "''' set output ''x'", "''' set output ''x'");
    quoted("\\", "'\\'", "'\\'");
}

/* The script names only its own files, relative to their folder, so that none is an option or a
 * pipe; and every line of it is one of ours. */
static void test_script(void **state)
{
    (void)state;
    static const char *const odd[] = {"a'b", "x\nset output '| touch y'\n"};
    struct record_list l = {0};
    struct drawn d;
    struct plot_files p;
    struct str script = {0}, data = {0};
    struct err e = {0};
    made_sweep(&l, "fashion-mnist", odd, 2, true);
    draw(&d, &l, &(struct plot_opts){0});
    made_check(plot_files_init(&p, "some/folder/|it's.svg", &e), &e);
    plot_script_text(&d.f, &p, &script);
    plot_data_text(&d.f, &p, "top1", &data);
    const char *text = str_text(&script);
    has(text, "{ picture = './|it''s.svg' }");
    has(text, "plot './|it''s.dat' index 0 using 1:($2*100) with points");
    has(text, "set logscale x");
    has(text, "set xtics ('1' 1, '5' 5, '10' 10, '25' 25)");
    has(text, "set label 'x set output ''| touch y'' '");
    lacks(text, "\nset output '|");
    lacks(text, "some/folder");
    assert_string_equal(str_text(&p.data_path), "some/folder/|it's.dat");
    has(str_text(&data), "# block 0: a'b: replicates\n1\t");
    has(str_text(&data), "# block 3: x set output '| touch y' : medians\n1\t");
    lacks(str_text(&data), "\nset");
    str_release(&script);
    str_release(&data);
    plot_files_release(&p);
    drawn_release(&d);
    made_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_no_mixing),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_zipped),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_metric_axis),
        cmocka_unit_test_setup_teardown(test_errors, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_programs, make_folder, remove_folder),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
