/* Failures of network calls: each call fails in turn.
 *
 * In a test program that links sct_failing_network, each connect(), sendmsg() and recv() of the
 * code under test goes through this module, and each nanosleep(), which returns at once. */
#ifndef SCT_NETWORK_H
#define SCT_NETWORK_H

enum sct_network_fault {
	SCT_NETWORK_EINTR,  /* a signal interrupts the call */
	SCT_NETWORK_SHORT,  /* the call moves one byte only */
	SCT_NETWORK_RESET,  /* the connection is reset; connecting is refused */
	SCT_NETWORK_CLOSE,  /* the peer has closed the connection; connecting times out */
	SCT_NETWORK_FAULTS, /* how many there are, and none of them */
};

/* For each kind of fault, run `scenario` with the first call failing, then the second, and so on
 * until no call of a run fails. Fails the test if one of the faults was never injected. `scenario`
 * gets a pointer to the kind; where no network call fails, as under sct_fail_each_allocation(),
 * give it one to SCT_NETWORK_FAULTS. */
void sct_fail_each_network_call(void (*scenario)(void *fault));

/* Run `scenario` with SCT_NETWORK_SHORT at every call. */
void sct_move_single_bytes(void (*scenario)(void *fault));

/* The name of the call that failed in the current run, or NULL if none has failed yet. */
const char *sct_network_failed(void);

/* The calls of nanosleep() since the last sct_naps_taken(): their number, and their total time if
 * they had slept. */
struct sct_naps {
	unsigned count;
	long total_ms;
};

struct sct_naps sct_naps_taken(void);

#endif
