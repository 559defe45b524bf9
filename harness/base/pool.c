/* The pool: sleeping threads that join the job at hand and take the next item from an atomic
 * counter. A job is over when the counter has run out and every thread that joined has left;
 * threads that wake too late find it closed and sleep on, so short jobs do not wait for them. */
#include "harness/base/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/base/cpu.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"

struct worker {
    struct pool *pool;
    pthread_t thread;
    size_t index;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* a job was opened, or stop */
    pthread_cond_t idle; /* the last thread has left the job */
    bool open, stop;
    unsigned long job; /* counts jobs, so that a thread joins each at most once */
    size_t n_inside;   /* threads in the job, without the caller */
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

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    cpu_flush_denormals();
    unsigned long seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stop && (!p->open || p->job == seen)) {
            pthread_cond_wait(&p->wake, &p->lock);
        }
        if (p->stop) {
            break;
        }
        seen = p->job;
        p->n_inside++;
        pthread_mutex_unlock(&p->lock);
        work(p, w->index);
        pthread_mutex_lock(&p->lock);
        if (--p->n_inside == 0) {
            pthread_cond_signal(&p->idle);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Stops and joins the first n_started threads beyond the caller, then frees the pool. */
static void shut(struct pool *p, size_t n_started)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
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
    assert(n_threads >= 1);
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

void pool_run(struct pool *p, size_t n_items, pool_fn *fn, void *ctx)
{
    cpu_flush_denormals();
    if (!p || p->n_threads == 1 || n_items <= 1) {
        for (size_t i = 0; i < n_items; i++) {
            fn(ctx, i, 0);
        }
        return;
    }
    pthread_mutex_lock(&p->lock);
    assert(!p->open && p->n_inside == 0);
    p->fn = fn;
    p->ctx = ctx;
    p->n_items = n_items;
    atomic_store(&p->next, 0);
    p->job++;
    p->open = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    pthread_mutex_lock(&p->lock);
    p->open = false;
    while (p->n_inside > 0) {
        pthread_cond_wait(&p->idle, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
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
