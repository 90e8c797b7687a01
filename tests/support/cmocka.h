/* cmocka.h requires these headers before it. */
#ifndef SCT_CMOCKA_H
#define SCT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef SCT_SMALL_CMOCKA
#include "support/small_cmocka.h"
#else
#include <cmocka.h>
#endif

#endif
