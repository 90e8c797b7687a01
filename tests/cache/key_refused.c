/* What must not compile as a key: the test compiles it once for each VALUE, and wants a failure.
 * With VALUE being good it does compile, which shows that nothing else is wrong with it. */
#include <scopecache/key.h>

int sct_key_refused(void);

int sct_key_refused(void)
{
	int number = 1;
	void *pointer = &number;
	struct sc_key key = SC_KEY(VALUE);

	return (int)key.count + (pointer != NULL);
}
