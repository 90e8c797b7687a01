/* The orders are divided among the threads, so the work is the same for any number of threads. The
 * threads begin together at a barrier, and each reads the clock itself, so their start is not
 * measured. While the clock runs, they share only the cache. A thread may repeat its part, because
 * a run of a few milliseconds cannot be measured well. */
#include "replay_orders.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker {
	pthread_t thread;
	pthread_barrier_t *start;
	atomic_uint *awake; /* how many threads have arrived */
	const struct bench_run *run;
	const struct bench_subject *subject;
	void *cache;
	const struct bench_work *work;
	uint64_t first, end; /* of the orders */
	uint64_t began_ns, ended_ns;
	uint64_t hits;
};

/* All records of a file, of `size` bytes each; NULL with errno set. */
static void *read_records(const char *path, size_t size, uint64_t *count)
{
	FILE *file = fopen(path, "rb");
	void *records = NULL;
	long len;

	if (!file)
		return NULL;
	errno = 0;
	if (fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) > 0) {
		rewind(file);
		records = malloc((size_t)len);
		if (records && fread(records, 1, (size_t)len, file) != (size_t)len) {
			free(records);
			records = NULL;
		}
		*count = (uint64_t)len / size;
	}
	fclose(file);
	return records;
}

bool bench_work_read_keys(struct bench_work *work, const char *path)
{
	free(work->keys);
	work->keys = read_records(path, sizeof *work->keys, &work->key_count);
	return work->keys;
}

bool bench_work_read_orders(struct bench_work *work, const char *path)
{
	free(work->orders);
	work->orders = read_records(path, sizeof *work->orders, &work->order_count);
	work->puts = false;
	for (uint64_t i = 0; work->orders && i < work->order_count; i++) {
		work->puts |= (work->orders[i] & BENCH_PUT) != 0;
		if ((work->orders[i] & ~BENCH_PUT) >= work->key_count) {
			free(work->orders);
			work->orders = NULL;
		}
	}
	return work->orders;
}

void bench_work_fini(struct bench_work *work)
{
	free(work->keys);
	free(work->orders);
	*work = (struct bench_work){ 0 };
}

void bench_value(char value[BENCH_VALUE_BYTES], uint32_t index)
{
	memcpy(value, &index, sizeof index);
}

uint64_t bench_fill(const struct bench_subject *subject, void *cache, const struct bench_work *work)
{
	char value[BENCH_VALUE_BYTES] = { 0 }, wanted[BENCH_VALUE_BYTES] = { 0 };
	uint64_t found = 0;

	for (uint32_t i = 0; i < work->key_count; i++) {
		bench_value(value, i);
		subject->put(cache, work->keys[i], value);
	}
	for (uint32_t i = 0; i < work->key_count; i++) {
		bench_value(wanted, i);
		if (subject->get(cache, work->keys[i], value) &&
			memcmp(value, wanted, sizeof value) == 0)
			found++;
	}
	return found;
}

/* A sleeping thread wakes up late, so all threads spin until the last has arrived. */
static void begin_together(const struct worker *worker)
{
	pthread_barrier_wait(worker->start);
	atomic_fetch_add(worker->awake, 1);
	while (atomic_load(worker->awake) < worker->run->threads)
		sched_yield();
}

/* One pass. Returns the number of gets that found a value. */
static uint64_t replay_part(const struct worker *worker)
{
	const struct bench_subject *subject = worker->subject;
	const struct bench_work *work = worker->work;
	char value[BENCH_VALUE_BYTES] = { 0 };
	uint64_t hits = 0;

	for (uint64_t i = worker->first; i < worker->end; i++) {
		uint32_t order = work->orders[i], index = order & ~BENCH_PUT;
		if (order & BENCH_PUT) {
			bench_value(value, index);
			subject->put(worker->cache, work->keys[index], value);
		} else if (subject->get(worker->cache, work->keys[index], value)) {
			hits++;
		}
	}
	return hits;
}

static void *work_through(void *arg)
{
	struct worker *worker = arg;
	uint64_t hits = 0;

	begin_together(worker);
	worker->began_ns = sci_mono_ns();
	for (uint64_t pass = 0; pass < worker->run->passes; pass++)
		hits += replay_part(worker);
	worker->ended_ns = sci_mono_ns();
	worker->hits = hits;
	return NULL;
}

static struct bench_result sum_up(const struct worker *workers, unsigned threads)
{
	uint64_t began_ns = UINT64_MAX, ended_ns = 0, hits = 0;

	for (unsigned i = 0; i < threads; i++) {
		if (workers[i].began_ns < began_ns)
			began_ns = workers[i].began_ns;
		if (workers[i].ended_ns > ended_ns)
			ended_ns = workers[i].ended_ns;
		hits += workers[i].hits;
	}
	return (struct bench_result){ .ns = ended_ns - began_ns, .hits = hits };
}

unsigned bench_handles(const struct bench_subject *subject, const struct bench_work *work,
	unsigned threads)
{
	bool shared = subject->sharing == BENCH_SHARED ||
		(subject->sharing == BENCH_SHARED_BY_READERS && !work->puts);

	return shared ? 1 : threads;
}

bool bench_replay(const struct bench_subject *subject, void *const *caches,
	const struct bench_work *work, const struct bench_run *run, struct bench_result *result)
{
	unsigned threads = run->threads, handles = bench_handles(subject, work, threads);
	struct worker workers[BENCH_THREADS_MAX];
	atomic_uint awake = 0;
	pthread_barrier_t start;

	if (pthread_barrier_init(&start, NULL, threads) != 0)
		return false;
	for (unsigned i = 0; i < threads; i++) {
		workers[i] = (struct worker){
			.start = &start,
			.awake = &awake,
			.run = run,
			.subject = subject,
			.cache = caches[i % handles],
			.work = work,
			.first = run->count * i / threads,
			.end = run->count * (i + 1) / threads,
		};
		/* The running threads would wait for ever for this one, so end the process. */
		if (pthread_create(&workers[i].thread, NULL, work_through, &workers[i]) != 0)
			return false;
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&start);
	*result = sum_up(workers, threads);
	return true;
}
