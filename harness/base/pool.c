/* The pool: threads that join the job at hand and take the next item from an atomic counter. A job
 * is over when the counter has run out and every thread that joined has left; threads that come too
 * late find it closed, so short jobs do not wait for them.
 *
 * Waking a thread costs as much as some layers of a network take, so one that waits looks around
 * for a while before it sleeps: as long as another's last item may take, and where there is a
 * processor for each thread. */
#include "harness/base/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"

/* What the threads agree on, in one word: how many are in the job without the caller, whether more
 * may join, and the job's number, so that a thread joins each at most once. */
enum { OPEN = 1 << 16,
       JOB = OPEN << 1,
       INSIDE = OPEN - 1 };

enum { LOOKS = 4096 }; /* before sleep; 0.05 to 0.2 ms */

struct worker {
    struct pool *pool;
    pthread_t thread;
    size_t index;
};

struct pool {
    _Atomic uint64_t state;
    atomic_bool stop;
    atomic_size_t n_asleep;    /* threads that wait for wake */
    atomic_bool caller_asleep; /* the caller waits for idle */
    pthread_mutex_t lock;      /* held to fall asleep and to wake others */
    pthread_cond_t wake;       /* a job was opened, or stop */
    pthread_cond_t idle;       /* the last thread has left the job */
    size_t looks;
    pool_fn *fn;
    void *ctx;
    size_t n_items;
    atomic_size_t next;
    size_t n_threads; /* with the caller */
    struct worker *workers;
};

static void work(struct pool *p, size_t worker)
{
    for (size_t item; (item = atomic_fetch_add(&p->next, 1)) < p->n_items;) {
        p->fn(p->ctx, item, worker);
    }
}

/* --- the threads --- */
/* Whether there is something to do for a thread that was in job `seen` last. */
static bool called(struct pool *p, uint64_t seen)
{
    uint64_t state = atomic_load(&p->state);
    return atomic_load(&p->stop) || (state & OPEN && state / JOB != seen);
}

static void wait_for_call(struct pool *p, uint64_t seen)
{
    for (size_t i = 0; i < p->looks; i++) {
        if (called(p, seen)) {
            return;
        }
        cpu_relax();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->n_asleep, 1); /* before the last look: who calls now will wake it */
    while (!called(p, seen)) {
        pthread_cond_wait(&p->wake, &p->lock);
    }
    atomic_fetch_sub(&p->n_asleep, 1);
    pthread_mutex_unlock(&p->lock);
}

/* Joins the job at hand if it is open and another than *seen, which becomes it. */
static bool join(struct pool *p, uint64_t *seen)
{
    uint64_t state = atomic_load(&p->state);
    do {
        if (!(state & OPEN) || state / JOB == *seen) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&p->state, &state, state + 1));
    *seen = state / JOB;
    return true;
}

static void leave(struct pool *p)
{
    uint64_t before = atomic_fetch_sub(&p->state, 1);
    if ((before & INSIDE) == 1 && atomic_load(&p->caller_asleep)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_signal(&p->idle);
        pthread_mutex_unlock(&p->lock);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    cpu_flush_denormals();
    uint64_t seen = 0;
    for (;;) {
        wait_for_call(p, seen);
        if (atomic_load(&p->stop)) {
            return NULL;
        }
        if (join(p, &seen)) {
            work(p, w->index);
            leave(p);
        }
    }
}

/* --- open and close --- */
/* Stops and joins the first n_started threads beyond the caller, then frees the pool. */
static void shut(struct pool *p, size_t n_started)
{
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 1; i <= n_started; i++) {
        pthread_join(p->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&p->idle);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
}

int pool_open(struct pool **out, size_t n_threads, struct err *e)
{
    assert(n_threads >= 1 && n_threads < INSIDE);
    *out = NULL;
    struct pool *p = mem_take(1, sizeof *p, e);
    if (!p) {
        return -1;
    }
    p->workers = mem_take(n_threads, sizeof *p->workers, e);
    if (!p->workers) {
        free(p);
        return -1;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    p->n_threads = n_threads;
    p->looks = n_threads <= pool_cpus() ? LOOKS : 0;
    cpu_flush_denormals();

    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* the new threads inherit the mask */
    size_t n_started = 0;
    int rc = 0;
    while (rc == 0 && n_started + 1 < n_threads) {
        struct worker *w = &p->workers[n_started + 1];
        *w = (struct worker){.pool = p, .index = n_started + 1};
        rc = pthread_create(&w->thread, NULL, worker_main, w);
        n_started += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        shut(p, n_started);
        errno = rc;
        return err_errno(e, "cannot start thread %zu of %zu", n_started + 2, n_threads);
    }
    *out = p;
    return 0;
}

void pool_close(struct pool *p)
{
    if (p) {
        shut(p, p->n_threads - 1);
    }
}

size_t pool_size(const struct pool *p)
{
    return p ? p->n_threads : 1;
}

/* --- jobs --- */
static void open_job(struct pool *p)
{
    uint64_t state = atomic_load(&p->state);
    assert(!(state & (OPEN | INSIDE)));
    atomic_store(&p->state, state + JOB + OPEN);
    if (atomic_load(&p->n_asleep)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
    }
}

/* Nobody joins any more; waits for those who have. */
static void close_job(struct pool *p)
{
    atomic_fetch_sub(&p->state, OPEN);
    for (size_t i = 0; i < p->looks; i++) {
        if (!(atomic_load(&p->state) & INSIDE)) {
            return;
        }
        cpu_relax();
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->caller_asleep, true);
    while (atomic_load(&p->state) & INSIDE) {
        pthread_cond_wait(&p->idle, &p->lock);
    }
    atomic_store(&p->caller_asleep, false);
    pthread_mutex_unlock(&p->lock);
}

void pool_run(struct pool *p, size_t n_items, pool_fn *fn, void *ctx)
{
    cpu_flush_denormals();
    if (!p || p->n_threads == 1 || n_items <= 1) {
        for (size_t i = 0; i < n_items; i++) {
            fn(ctx, i, 0);
        }
        return;
    }
    p->fn = fn;
    p->ctx = ctx;
    p->n_items = n_items;
    atomic_store(&p->next, 0);
    open_job(p);
    work(p, 0);
    close_job(p);
}

/* The cgroup's quota in whole processors, rounded up; 0 without one. */
static size_t quota_cpus(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) {
        return 0;
    }
    unsigned long quota, period;
    int got = fscanf(f, "%lu %lu", &quota, &period); /* "max 100000" when there is none */
    fclose(f);
    return got == 2 && quota && period ? (quota + period - 1) / period : 0;
}

size_t pool_cpus(void)
{
    cpu_set_t set;
    size_t n;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        n = (size_t)CPU_COUNT(&set);
    } else {
        long online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t holds */
        n = online > 0 ? (size_t)online : 1;
    }
    size_t quota = quota_cpus();
    return quota && quota < n ? quota : n;
}
