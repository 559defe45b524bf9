/* Run files that are refused: the message and its place. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/tensor.h"
#include "harness/runfile.h"

static int parse(struct run_plan *p, const char *text, struct err *e)
{
    const struct runfile_opts o = {.name = "t.yaml"};
    return runfile_parse(p, text, strlen(text), &o, e);
}

/* Behind "name: x\nmodels: m\ndatasets: d\n", so that a snippet begins in line 4. */
#define RIDGE "adapt.name: ridge\n"
#define SHOTS "regime: {name: kshot, k: 1}\nadapt.name: ridge\n"
static const struct {
    const char *text, *fragment;
} snippets[] = {
    {"modles: a\n", "t.yaml:4:1: unknown key 'modles'; did you mean 'models'?"},
    {"model: a\n", "t.yaml:4:1: unknown key 'model'; did you mean 'models'?"},
    {"adapt: {nmae: ridge}\n",
     "t.yaml:4:9: unknown key 'adapt.nmae'; did you mean 'adapt.name'"},
    {"adapt:\n  lr: 1\n", "t.yaml:5:3: unknown key 'adapt.lr'; did you mean 'adapt.l2'"},
    {"sweep: {regime.shots: [1]}\n", "t.yaml:4:9: unknown key 'regime.shots'"},
    {"sweep: {k: [1]}\n", "t.yaml:4:9: unknown key 'k'"},
    {"adapt: {name: rigde}\n",
     "t.yaml:4:9: adapt.name: 'rigde' is not one of none|ridge|logistic; "
     "did you mean 'ridge'?"},
    {"regime.k: [1, 5]\n",
     "t.yaml:4:1: regime.k: one value is wanted here; lists belong in sweep:"},
    {"regime: {k: {range: [0, 4]}}\n",
     "t.yaml:4:10: regime.k: one value is wanted here; lists"},
    {"zip: [{regime.k: [1, 2]}]\n", "t.yaml:4:8: regime.k: one value is wanted here; lists"},
    {"exclude:\n  - {regime.k: [1, 2]}\n",
     "t.yaml:5:6: regime.k: one value is wanted here; lists"},
    {"preprocess:\n  preset: bit-papr\n", "t.yaml:5:3: preprocess.preset: unknown"},
    {"sweep:\n  preprocess.kernel: [pilbilinear, pilbilinaer]\n",
     "t.yaml:5:36: preprocess.kernel: unknown resize kernel 'pilbilinaer'; did you mean"},
    {"regime: kshot\n", "t.yaml:4:1: regime: a map is wanted, like regime: {name: kshot}"},
    {"preprocess: timm\n",
     "t.yaml:4:1: preprocess: a map is wanted, like preprocess: {preset: timm}"},
    {"select: loo\n", "t.yaml:4:1: select: a map is wanted, like select: {KNOB: VALUE}"},
    {"regime.k: five\n", "t.yaml:4:1: regime.k: 'five' is not a whole number"},
    {"regime.draw: -1\n", "t.yaml:4:1: regime.draw: -1 not in 0.."},
    {"sweep:\n  regime.draw: [0, -1]\n", "t.yaml:5:20: regime.draw: -1 not in 0.."},
    {"sweep: {regime.k: 5}\n",
     "t.yaml:4:9: regime.k: a list is wanted: [V, ...], {range: [A, B]}"},
    {"sweep: {regime.k: []}\n", "t.yaml:4:9: regime.k: an empty list"},
    {"sweep: {regime.k: [[1]]}\n",
     "t.yaml:4:20: regime.k: a list of single values is wanted"},
    {"sweep: [regime.k]\n", "t.yaml:4:1: sweep: a map is wanted"},
    {"sweep: {models: [a, b]}\n",
     "t.yaml:4:9: models are an axis of their own: models: [...] at the"},
    {"zip: [{datasets: a}]\n", "t.yaml:4:8: datasets are an axis of their own"},
    {"sweep: {regime.k: {range: [4, 0]}}\n",
     "t.yaml:4:20: range wants two whole numbers that go up"},
    {"sweep: {regime.k: {range: [0, 1000000]}}\n",
     "t.yaml:4:20: a range of more than 1000000"},
    {"sweep: {adapt.l2: {log2: [0.5, 2]}}\n",
     "t.yaml:4:20: 'log2:0.5:2': the exponents must be whole"},
    {"sweep: {adapt.l2: {log10: [0, x]}}\n", "t.yaml:4:31: a number is wanted"},
    {"sweep: {adapt.l2: {log10: [0, 1, 2, 3]}}\n",
     "t.yaml:4:20: 'log10:0:1:2:3' is not of the form"},
    {"sweep: {regime.k: {log2: [-1, 2]}}\n",
     "t.yaml:4:20: regime.k: '0.5' is not a whole number"},
    {"sweep: {regime.rule: {log2: [0, 2]}}\n", "t.yaml:4:23: regime.rule: '1' is not one of"},
    {SHOTS "sweep: {regime.k: [1, 2]}\n", "t.yaml:6:9: regime.k is set here and in line 4"},
    {"sweep: {regime.k: [1, 2]}\nzip: [{regime.k: 3}]\n",
     "t.yaml:5:7: regime.k is set here and in line 4"},
    {"regime: {k: 1}\nregime.k: 2\n", "t.yaml:5:1: regime.k is set here and in line 4"},
    {"models: b\n", "t.yaml:4:1: key 'models' stands here and in line 2"},
    {"zip: [{regime.k: 1, regime: {k: 2}}]\n",
     "t.yaml:4:30: regime.k is set here and in line 4"},
    {"zip: [{regime.k: 1}, {regime.n: 1}]\n", "t.yaml:4:22: zip: regime.k is missing here"},
    {"zip: [{regime.k: 1}, {regime.k: 1, regime.n: 1}]\n",
     "t.yaml:4:22: zip: this entry has more"},
    {"zip: [{}]\n", "t.yaml:4:7: zip: an entry is a map"},
    {"zip: {regime.k: 1}\n", "t.yaml:4:1: zip: a list of maps is wanted"},
    {"exclude: {regime.k: 1}\n", "t.yaml:4:1: exclude: a list of maps is wanted"},
    {SHOTS "exclude:\n  - {regime.k: 1}\n  - {regime.k: 2}\n",
     "t.yaml:8:5: this entry of exclude matches no cell"},
    {SHOTS "exclude: [{models: m}]\n", "t.yaml:1:1: exclude leaves no cell"},
    {SHOTS "sweep: {adapt.l2: [10, 1, 1e1]}\n",
     "t.yaml:6:27: adapt.l2 10 stands in the list twice"},
    {SHOTS "zip: [{adapt.l2: 1, adapt.bias: 1}, {adapt.bias: 1, adapt.l2: 1}]\n",
     "t.yaml:6:53: adapt.l2 1, adapt.bias 1 stands in the list twice"},
    {"include: x.yaml\n", "t.yaml:4:1: include has no folder to look in here"},
    {"include: [x.yaml]\n", "t.yaml:4:1: include: one file is wanted"},
    {"name: [x]\n", "t.yaml:4:1: key 'name' stands here and in line 1"},
    {"regime: {name: kshot}\n" RIDGE, "t.yaml:4:10: regime kshot needs regime.k"},
    {RIDGE, "t.yaml:4:1: adapt ridge needs training images"},
    {"regime.name: full\n", "t.yaml:4:1: regime full gives training images, but adapt none"},
    {"regime.name: full\nadapt:\n  name: ridge\n  c: 10\n",
     "t.yaml:7:3: adapt.c has a meaning with"},
    {"regime: {name: first-n, n: 9}\n" RIDGE "sweep:\n  regime.draw: [0, 1]\n",
     "t.yaml:7:20: regime.draw has a meaning with regime.name kshot only"},
    {SHOTS "select: {adapt.c: [1, 2]}\n", "t.yaml:6:10: select: adapt ridge has no adapt.c"},
    {SHOTS "select: {adapt.l2: 5}\n", "t.yaml:6:10: select.adapt.l2: a list is wanted"},
    {SHOTS "select: {adapt.l2: {range: [1, 5]}}\n",
     "t.yaml:6:10: select.adapt.l2: a list is"},
    {SHOTS "select: {adapt.bias: [1, 5]}\n",
     "t.yaml:6:10: select.grid: adapt.bias cannot be"},
    {SHOTS "select: {adapt.l2: [1, 5], on: test}\n",
     "t.yaml:6:28: select.on: 'test' is not one of"},
    {SHOTS "select: {adapt.l2: [1, 5], adapt.c: [1]}\n",
     "t.yaml:6:28: select.grid is set here and"},
    {SHOTS "adapt.l2: 5\nselect: {adapt.l2: [1, 5]}\n",
     "t.yaml:6:1: adapt.l2 is set and selected"},
    {"sweep: {regime.draw: {range: [0, 999]}, seed: {range: [0, 999]}, regime.k: [1, 2]}\n",
     "t.yaml:1:1: more than 1000000 cells"},
    {"adapt: &a {name: ridge}\n", "t.yaml:4:8: anchors (&name) are not supported"},
    {"adapt: {name: ridge\n", "t.yaml:5:1: did not find expected"},
};
#undef RIDGE
#undef SHOTS

static void faults_are_placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(snippets); i++) {
        char text[1024];
        struct run_plan p = {0};
        struct err e = {0};
        snprintf(text, sizeof text, "name: x\nmodels: m\ndatasets: d\n%s", snippets[i].text);
        assert_int_equal(parse(&p, text, &e), -1);
        if (!strstr(e.text, snippets[i].fragment)) {
            fail_msg("%s gives\n%s, not\n%s", snippets[i].text, e.text, snippets[i].fragment);
        }
        assert_true(!p.name && !p.specs && !p.axes && !p.text);
    }
}

/* Whole documents. */
static void faults_of_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment;
    } bad[] = {
        {"", "t.yaml:1:1: nothing in it"},
        {"- a\n", "t.yaml:1:1: a run file is a map of keys"},
        {"models: m\ndatasets: d\n", "t.yaml:1:1: no name: add `name: WORD`"},
        {"name: x\ndatasets: d\n", "t.yaml:1:1: no models: add `models: [NAME]`"},
        {"name: x\nmodels: d\n", "t.yaml:1:1: no datasets: add `datasets: [NAME]`"},
        {"name: ''\n", "t.yaml:1:1: a name has 1 to 200 bytes"},
        {"name: \"a\\tb\"\n", "t.yaml:1:1: a name without control characters"},
        {"name: {a: b}\n", "t.yaml:1:1: name: one word is wanted"},
        {"models:\n", "t.yaml:1:1: an empty name in models"},
        {"models: []\n", "t.yaml:1:1: models: an empty list"},
        {"models: {a: b}\n", "t.yaml:1:1: models: a name or a list of names is wanted"},
        {"models:\n  - a\n  - b\n  - a\nname: x\ndatasets: d\n",
         "t.yaml:4:5: models a stands in the list twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct run_plan p = {0};
        struct err e = {0};
        assert_int_equal(parse(&p, bad[i].text, &e), -1);
        if (!strstr(e.text, bad[i].fragment)) {
            fail_msg("%s gives\n%s, not\n%s", bad[i].text, e.text, bad[i].fragment);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_placed),
        cmocka_unit_test(faults_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
