/* C++ exceptions, for tests in C. Link sct_throwing, where there is a C++ compiler. */
#ifndef SCT_THROWING_H
#define SCT_THROWING_H

#ifdef __cplusplus
extern "C" {
#endif

/* Throw an exception. */
void sct_throw(void);

/* Call `call`, and catch what it throws; returns whether it threw. */
int sct_catch(void (*call)(void *context), void *context);

#ifdef __cplusplus
}
#endif

#endif
