/* The gradient of a training step: what differences of the loss say, and the same from every engine
 * on every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/base/cpu.h"
#include "tests/property/training.h"

static const char *const isas[] = {"base", "avx2", "avx512"}; /* the best one last */
/* Images, height, width. */
static const size_t odd_sizes[][3] = {
    {1, 1, 1},
    {2, 7, 5},
    {3, 33, 17},
    {4, 9, 1},
    {5, 40, 24},
    {9, 16, 50},
};

/* The gradient at the net's parameters plus `by` times direction (NULL: none), and the loss. */
static float *gradient_at(const struct engine *engine, const struct data *d,
                          const float *direction, double by, double *loss)
{
    size_t n = net.table.n_floats;
    struct trained t = begin(engine, 2, &plain);
    float *w = take(n, sizeof *w);
    memcpy(w, net.params, n * sizeof *w);
    for (size_t i = 0; i < net.table.n && direction; i++) {
        const struct param *p = &net.table.params[i];
        for (size_t j = p->offset; j < p->offset + p->n; j++) {
            w[j] += (float)(by * (double)direction[j]);
        }
    }
    engine->set_params(t.state, TRAIN_WEIGHTS, w);
    *loss = step(&t, d, 0).loss;
    engine->get_params(t.state, TRAIN_VELOCITY, w);
    end(&t);
    return w;
}

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < net.table.n; i++) {
        const struct param *p = &net.table.params[i];
        for (size_t j = p->offset; j < p->offset + p->n; j++) {
            sum += (double)a[j] * (double)b[j];
        }
    }
    return sum;
}

/* How far two gradients are apart, of the second one's size. */
static double apart(const float *a, const float *b)
{
    double aa = dot(a, a), bb = dot(b, b), square = aa + bb - 2 * dot(a, b);
    return sqrt((square > 0 ? square : 0) / bb);
}

/* All engines have the same gradients, on every instruction set that this CPU has. The difference
 * is taken from scalar products, hence not below 1e-7; a ReLU that changes sides for rounding may
 * move a gradient by 5e-3 (tests/parity/model/README.md, Training), which twice is allowed. */
static void test_engines_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd_sizes); i++) {
        struct data d = draw(odd_sizes[i][0], odd_sizes[i][1], odd_sizes[i][2]);
        double want, loss;
        float *truth = gradient_at(&engine_reference, &d, NULL, 0, &want);
        for (size_t k = 0; k < engines_n * ARRAY_LEN(isas); k++) {
            const struct engine *engine = engines[k % engines_n];
            const char *isa = isas[k / engines_n];
            if (engine == &engine_reference || !cpu_has(isa)) {
                continue;
            }
            assert_int_equal(cpu_force_isa(isa, NULL), 0);
            float *have = gradient_at(engine, &d, NULL, 0, &loss);
            double error = apart(have, truth);
            if (!(error <= 1e-2) || !(fabs(loss - want) <= 1e-5 * fabs(want))) {
                fail_msg("%s %s, %zu images of %zu x %zu: gradient %g apart, loss %.9g for %.9g",
                         engine->name, isa, d.x.n, d.x.h, d.x.w, error, loss, want);
            }
            free(have);
        }
        free(truth);
        data_free(&d);
    }
}

/* The loss along the gradient rises as its length says, by central differences: a step that moves
 * the loss by some 1e-3 is far above the rounding of the loss (1e-6) and short enough for its bend
 * and for ReLUs that change sides, together under 2e-2 of the slope. */
static void test_differences(void **state)
{
    (void)state;
    for (size_t k = 0; k < engines_n; k++) {
        for (size_t i = 0; i < ARRAY_LEN(odd_sizes); i++) {
            struct data d = draw(odd_sizes[i][0], odd_sizes[i][1], odd_sizes[i][2]);
            double loss, above, below;
            float *g = gradient_at(engines[k], &d, NULL, 0, &loss);
            double square = dot(g, g), by = 1e-3 / square;
            free(gradient_at(engines[k], &d, g, by, &above));
            free(gradient_at(engines[k], &d, g, -by, &below));
            double slope = (above - below) / (2 * by);
            if (!(fabs(slope - square) <= 2e-2 * square)) {
                fail_msg("%s, %zu images of %zu x %zu: slope %g, gradient says %g",
                         engines[k]->name, d.x.n, d.x.h, d.x.w, slope, square);
            }
            free(g);
            data_free(&d);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences), /* before an instruction set is forced */
        cmocka_unit_test(test_engines_agree),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
