/* A victim often dies where it pauses. To make it pause between any two steps of the library, this header, included
 * before each of the library's source files, puts a call before every change of a word that processes share.
 */
#ifndef DWELL_H
#define DWELL_H

void dwell(void);

#define __atomic_store_n(...)            (dwell(), __atomic_store_n(__VA_ARGS__))
#define __atomic_exchange_n(...)         (dwell(), __atomic_exchange_n(__VA_ARGS__))
#define __atomic_compare_exchange_n(...) (dwell(), __atomic_compare_exchange_n(__VA_ARGS__))
#define __atomic_fetch_add(...)          (dwell(), __atomic_fetch_add(__VA_ARGS__))
#define __atomic_fetch_and(...)          (dwell(), __atomic_fetch_and(__VA_ARGS__))
#define __atomic_fetch_or(...)           (dwell(), __atomic_fetch_or(__VA_ARGS__))

#endif
