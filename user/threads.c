// SPDX-License-Identifier: BSD-2-Clause
/* Threads as a libc makes them: creation, joining, TLS, mutexes and conditions (futexes), and that
 * each thread's FP registers are its own though all share the cores. Prints "threads: ok". */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NR_THREADS 8
#define ROUNDS 500

static _Thread_local int own = 42;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int counter, turn, failures;

static void fail(const char *what)
{
	printf("threads: %s\n", what);
	__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
}

/* Sums that come out right only if nobody else's registers got in between. */
static void check_fp(int id)
{
	double a = id + 1, sum = 0;

	for (int i = 0; i < ROUNDS; i++) {
		sum += a;
		if (i % 64 == 0)
			sched_yield();
	}
	if (sum != a * ROUNDS)
		fail("floating-point state was mixed up");
}

static void check_tls(int id)
{
	if (own != 42)
		fail("a thread-local variable did not start with its value");
	own = id;
	sched_yield();
	if (own != id)
		fail("a thread-local variable is shared");
}

static void check_mutex(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
}

/* Each waits for its turn, and passes it on: a wake-up lost would hang here. */
static void take_turns(int id)
{
	for (int round = 0; round < 10; round++) {
		pthread_mutex_lock(&lock);
		while (turn % NR_THREADS != id)
			pthread_cond_wait(&turn_changed, &lock);
		turn++;
		pthread_cond_broadcast(&turn_changed);
		pthread_mutex_unlock(&lock);
	}
}

static void *thread(void *arg)
{
	int id = (int)(long)arg;

	check_tls(id);
	check_fp(id);
	check_mutex();
	take_turns(id);
	return (void *)(long)(id * 3);
}

/* A robust mutex tells the next one that its owner died with it. */
static void *die_holding(void *mutex)
{
	pthread_mutex_lock(mutex);
	return NULL;
}

static void check_robust(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;
	pthread_t t;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attr);
	pthread_create(&t, NULL, die_holding, &mutex);
	pthread_join(t, NULL);
	if (pthread_mutex_lock(&mutex) != 130 /* EOWNERDEAD */)
		fail("a robust mutex did not tell of its dead owner");
}

int main(void)
{
	pthread_t threads[NR_THREADS];

	for (long i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)i)) {
			perror("threads: pthread_create");
			return 1;
		}
	for (long i = 0; i < NR_THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		if (result != (void *)(i * 3))
			fail("a thread's result is wrong");
	}
	if (counter != NR_THREADS * ROUNDS)
		fail("a mutex did not exclude");
	if (own != 42)
		fail("the first thread's variable changed");
	check_robust();
	if (failures)
		return 1;
	puts("threads: ok");
	return 0;
}
